using System.Text;
using ClusterLp.Core.LpFit;

namespace ClusterLp.Core.Tests.LpFit;

public sealed class RowWeightsTests : IDisposable
{
    private readonly string _path = Path.GetTempFileName();

    public void Dispose() => File.Delete(_path);

    [Fact]
    public void Text_and_npy_give_the_same_numbers()
    {
        File.WriteAllText(_path, "1\n2.5\n 1e3 \n\n");
        Assert.Equal([2.5, 1000], RowWeights.Read(_path, 3, 1, 2));
        string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }\n";
        File.WriteAllBytes(_path, [0x93, .. "NUMPY"u8, 1, 0, (byte)header.Length, 0, .. Encoding.ASCII.GetBytes(header),
            .. new[] { 1f, 2.5f, 1000f }.SelectMany(BitConverter.GetBytes)]);
        Assert.Equal([2.5, 1000], RowWeights.Read(_path, 3, 1, 2));
    }

    [Theory]
    [InlineData("1\n0\n3\n", "line 2 is 0")]
    [InlineData("1\n2\n-3\n", "line 3 is -3")]
    [InlineData("1\nNaN\n3\n", "line 2 is NaN")]
    [InlineData("1\nx\n3\n", "line 2 is \"x\"")]
    [InlineData("1\n2\n", "holds 2 row weights, but the tensor has 3 rows")]
    public void Bad_weights_are_named(string text, string expected)
    {
        File.WriteAllText(_path, text);
        var e = Assert.Throws<ClusterLpException>(() => RowWeights.Read(_path, 3, 0, 3));
        Assert.Equal(ExitCode.BadInput, e.Code);
        Assert.Contains(expected, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_missing_file_is_input_missing() =>
        Assert.Equal(ExitCode.InputMissing, Assert.Throws<ClusterLpException>(() => RowWeights.Read(_path + ".none", 1, 0, 1)).Code);
}
