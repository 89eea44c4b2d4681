using ClusterLp.Core.Kernels;

namespace ClusterLp.Core.Tests.Kernels;

public class KernelSetTests
{
    [Fact]
    public void BestAvailableSetIsTheDefault()
    {
        KernelSet best = KernelTestData.Sets.Max();
        Assert.Equal(best, KernelSets.Choose(null));
        Assert.Equal(best, KernelSets.Choose(""));
    }

    [Fact]
    public void NamedSetIsTakenOrRefused()
    {
        Assert.Equal(KernelSet.Scalar, KernelSets.Choose("scalar"));
        foreach ((string name, KernelSet set) in new[] { ("avx2", KernelSet.Avx2), ("avx512", KernelSet.Avx512) })
            if (KernelSets.IsAvailable(set))
                Assert.Equal(set, KernelSets.Choose(name));
            else
                Assert.Equal(ExitCode.Usage, Assert.Throws<ClusterLpException>(() => KernelSets.Choose(name)).Code);
    }

    [Theory]
    [InlineData("sse")]
    [InlineData("AVX2")]
    public void UnknownSetIsAUsageError(string name)
    {
        var e = Assert.Throws<ClusterLpException>(() => KernelSets.Choose(name));
        Assert.Equal(ExitCode.Usage, e.Code);
        Assert.Contains(name, e.Message);
    }
}
