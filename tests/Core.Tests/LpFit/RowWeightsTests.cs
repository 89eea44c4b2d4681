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

    /// <summary>Any stretch of a file of many lines, whichever way they end, is what its lines say.</summary>
    [Theory]
    [InlineData("\n")]
    [InlineData("\r\n")]
    public void Any_stretch_of_a_long_file_is_read(string ending)
    {
        const int lines = 10_001;
        File.WriteAllText(_path, string.Concat(Enumerable.Range(1, lines).Select(i => $"{i}.5{ending}")), new UTF8Encoding(encoderShouldEmitUTF8Identifier: true));
        foreach ((int first, int count) in new[] { (0, 1), (0, lines), (4095, 2), (4096, 4096), (9000, 1001), (lines - 1, 1) })
            Assert.Equal(Enumerable.Range(first + 1, count).Select(i => i + 0.5), RowWeights.Read(_path, lines, first, count));
    }

    /// <summary>A worker's memory must not grow with n: a block of a long file costs what the same block of a short one does.</summary>
    [Fact]
    public void A_block_of_a_long_file_allocates_what_one_of_a_short_file_does()
    {
        long[] allocated = new long[2];
        foreach ((int which, int lines) in new[] { (0, 10_000), (1, 200_000) })
        {
            File.WriteAllText(_path, string.Concat(Enumerable.Repeat("2.25\n", lines)));
            RowWeights.Read(_path, lines, 0, 1000);
            long before = GC.GetAllocatedBytesForCurrentThread();
            Assert.Equal(2.25 * 1000, RowWeights.Read(_path, lines, lines / 2, 1000).Sum());
            allocated[which] = GC.GetAllocatedBytesForCurrentThread() - before;
        }
        Assert.True(allocated[1] < allocated[0] + 100_000, $"{allocated[0]} bytes at 10,000 lines, {allocated[1]} at 200,000");
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
