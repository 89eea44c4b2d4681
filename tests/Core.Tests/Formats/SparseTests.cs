using System.IO.Compression;
using ClusterLp.Core.Formats;
using ClusterLp.Core.Kernels;
using ClusterLp.Core.Reporting;
using ClusterLp.Core.Tests.Support;

namespace ClusterLp.Core.Tests.Formats;

public class SparseTests
{
    // scipy 1.10, save_npz: csr_matrix(([1.5, -2, .1, 4, .2, 7, float32(.3)], [3, 0, 2, 3, 2, 1, 2], [0, 4, 4, 7]), shape=(3, 4)), float64,
    // compressed; csr_array(([1, 2.5, -3], [0, 2, 1], [0, 2, 3]), shape=(2, 3)), float32, not compressed.
    private const string Deflated = "UEsDBBQAAAAIAAAAIQAETdtLTwAAAJwAAAALABQAaW5kaWNlcy5ucHkBABAAnAAAAAAAAABPAAAAAAAAAJvsF+obEMnIUMZQrZ6SWpxcpG6loG6TaaKuo6Cell9UUpSYF59flJIKEndLzClOBYoXZyQWpAL5GuY6mjoKtQoUAC5mBghgAmJmKM0IpQFQSwMEFAAAAAgAAAAhAD6dsAVMAAAAkAAAAAoAFABpbmRwdHIubnB5AQAQAJAAAAAAAAAATAAAAAAAAACb7BfqGxDJyFDGUK2eklqcXKRupaBuk2mirqOgnpZfVFKUmBefX5SSChJ3S8wpTgWKF2ckFqQC+RomOpo6CrUKFAAuBiBggWJ2IAYAUEsDBBQAAAAIAAAAIQCjw3SXRQAAAIMAAAAKABQAZm9ybWF0Lm5weQEAEACDAAAAAAAAAEUAAAAAAAAAm+wX6hsQychQxlCtnpJanFykbqWgXhNsrK6joJ6WX1RSlJgXn1+UkgoSd0vMKU4FihdnJBakAvkamjoKtQoUAa7k4iIAUEsDBBQAAAAIAAAAIQDo0NOoSgAAAJAAAAAJABQAc2hhcGUubnB5AQAQAJAAAAAAAAAASgAAAAAAAACb7BfqGxDJyFDGUK2eklqcXKRupaBuk2mhrqOgnpZfVFKUmBefX5SSChJ3S8wpTgWKF2ckFqQC+RpGOpo6CrUKFAAuZgYIYIHSAFBLAwQUAAAACAAAACEAy2A/h2MAAAC4AAAACAAUAGRhdGEubnB5AQAQALgAAAAAAAAAYwAAAAAAAACb7BfqGxDJyFDGUK2eklqcXKRupaBuk2ahrqOgnpZfVFKUmBefX5SSChJ3S8wpTgWKF2ckFqQC+RrmOpo6CrUKFAAuBjD4YQ+hGQ7MmgkCO6F8AQcI/ySUL+MAJByMjS/bAwBQSwECFAMUAAAACAAAACEABE3bS08AAACcAAAACwAAAAAAAAAAAAAAgAEAAAAAaW5kaWNlcy5ucHlQSwECFAMUAAAACAAAACEAPp2wBUwAAACQAAAACgAAAAAAAAAAAAAAgAGMAAAAaW5kcHRyLm5weVBLAQIUAxQAAAAIAAAAIQCjw3SXRQAAAIMAAAAKAAAAAAAAAAAAAACAARQBAABmb3JtYXQubnB5UEsBAhQDFAAAAAgAAAAhAOjQ06hKAAAAkAAAAAkAAAAAAAAAAAAAAIABlQEAAHNoYXBlLm5weVBLAQIUAxQAAAAIAAAAIQDLYD+HYwAAALgAAAAIAAAAAAAAAAAAAACAARoCAABkYXRhLm5weVBLBQYAAAAABQAFABYBAAC3AgAAAAA=";
    private const string Stored = "UEsDBBQAAAAAAAAAIQAPRIc1jAAAAIwAAAALABQAaW5kaWNlcy5ucHkBABAAjAAAAAAAAACMAAAAAAAAAJNOVU1QWQEAdgB7J2Rlc2NyJzogJzxpNCcsICdmb3J0cmFuX29yZGVyJzogRmFsc2UsICdzaGFwZSc6ICgzLCksIH0gICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAKAAAAAAIAAAABAAAAUEsDBBQAAAAAAAAAIQCEjI6fjAAAAIwAAAAKABQAaW5kcHRyLm5weQEAEACMAAAAAAAAAIwAAAAAAAAAk05VTVBZAQB2AHsnZGVzY3InOiAnPGk0JywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDMsKSwgfSAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAAAAAgAAAAMAAABQSwMEFAAAAAAAAAAhAKPDdJeDAAAAgwAAAAoAFABmb3JtYXQubnB5AQAQAIMAAAAAAAAAgwAAAAAAAACTTlVNUFkBAHYAeydkZXNjcic6ICd8UzMnLCAnZm9ydHJhbl9vcmRlcic6IEZhbHNlLCAnc2hhcGUnOiAoKSwgfSAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgCmNzclBLAwQUAAAAAAAAACEAYEh+DJAAAACQAAAACQAUAHNoYXBlLm5weQEAEACQAAAAAAAAAJAAAAAAAAAAk05VTVBZAQB2AHsnZGVzY3InOiAnPGk4JywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDIsKSwgfSAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoCAAAAAAAAAAMAAAAAAAAAUEsDBBQAAAAAAAAAIQBhIFQ7jAAAAIwAAAAIABQAZGF0YS5ucHkBABAAjAAAAAAAAACMAAAAAAAAAJNOVU1QWQEAdgB7J2Rlc2NyJzogJzxmNCcsICdmb3J0cmFuX29yZGVyJzogRmFsc2UsICdzaGFwZSc6ICgzLCksIH0gICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAKAACAPwAAIEAAAEDAUEsBAhQDFAAAAAAAAAAhAA9EhzWMAAAAjAAAAAsAAAAAAAAAAAAAAIABAAAAAGluZGljZXMubnB5UEsBAhQDFAAAAAAAAAAhAISMjp+MAAAAjAAAAAoAAAAAAAAAAAAAAIAByQAAAGluZHB0ci5ucHlQSwECFAMUAAAAAAAAACEAo8N0l4MAAACDAAAACgAAAAAAAAAAAAAAgAGRAQAAZm9ybWF0Lm5weVBLAQIUAxQAAAAAAAAAIQBgSH4MkAAAAJAAAAAJAAAAAAAAAAAAAACAAVACAABzaGFwZS5ucHlQSwECFAMUAAAAAAAAACEAYSBUO4wAAACMAAAACAAAAAAAAAAAAAAAgAEbAwAAZGF0YS5ucHlQSwUGAAAAAAUABQAWAQAA4QMAAAAA";

    [Theory]
    [InlineData(Deflated, 3, new[] { -2f, 0, 0.1f, 5.5f, 0, 0, 0, 0, 0, 7, 0.5f, 0 }, 7, ElementType.F64)]
    [InlineData(Stored, 2, new[] { 1f, 0, 2.5f, 0, -3, 0 }, 3, ElementType.F32)]
    public void Files_written_by_scipy_are_read_as_scipy_reads_them(string base64, int rows, float[] expected, long stored, ElementType type)
    {
        using var folder = new TemporaryFolder();
        string path = folder.Write("emb.v1.npz", Convert.FromBase64String(base64));
        Assert.Equal(expected, Reading.AllRows(path));
        using IModel model = ModelFiles.Open(path);
        TensorInfo tensor = Assert.Single(model.Tensors);
        Assert.Equal(("emb.v1", type, (long)rows), (tensor.Name, tensor.Type, tensor.Shape[0]));
        using var source = Assert.IsAssignableFrom<ISparseSource>(model.OpenMatrix("emb.v1"));
        Assert.Equal(stored, source.Stored);
    }

    [Theory]
    [InlineData("<i4", "<f4", CompressionLevel.NoCompression)]
    [InlineData("<i8", "<f4", CompressionLevel.Optimal)]
    [InlineData(">i4", ">f8", CompressionLevel.Optimal)]
    [InlineData(">i8", "<f2", CompressionLevel.NoCompression)]
    [InlineData("<i4", "<f8", CompressionLevel.NoCompression)]
    public void Rows_in_any_order_with_repeated_entries_are_those_added_up_one_by_one(string integers, string floats, CompressionLevel level)
    {
        const int n = 700, d = 90;
        var random = new Random(3);
        List<int> columns = [], pointers = [0];
        List<double> values = [];
        double[] sums = new double[n * d];
        for (int i = 0; i < n; i++)
        {
            for (int e = random.Next(i % 3 == 0 ? 2 : 200); e > 0; e--)
            {
                // Of few digits: every sum is exact in every type.
                (int column, double value) = (random.Next(d), random.Next(-8, 9) / 4.0);
                columns.Add(column);
                values.Add(value);
                sums[i * d + column] += value;
            }
            pointers.Add(columns.Count);
        }
        using var folder = new TemporaryFolder();
        string path = folder.Write("m.npz", Craft.Csr(n, d, pointers, columns, values, integers, floats, level));
        Assert.Equal(Array.ConvertAll(sums, value => (float)value), Reading.AllRows(path));

        using IModel model = ModelFiles.Open(path);
        using var source = (ISparseSource)model.OpenMatrix("m");
        var rows = new SparseRows();
        var dense = new float[n * d];
        foreach (int first in new[] { 0, 350, 0 })
        {
            source.ReadRows(first, n - first, rows);
            Assert.Equal(n - first, rows.Count);
            rows.WriteTo(dense, d);
            Assert.Equal(sums[(first * d)..].Select(value => (float)value), dense[..((n - first) * d)]);
            for (int i = 0; i < rows.Count; i++)
                Assert.All(rows.ColumnsOf(i).ToArray().Skip(1).Zip(rows.ColumnsOf(i).ToArray()), pair => Assert.True(pair.First > pair.Second));
        }
    }

    [Theory]
    [InlineData("<f8", 1 / 1073741824f)]
    [InlineData("<f4", 0f)]
    public void Repeated_entries_are_summed_in_the_type_of_the_file_in_its_order(string floats, float expected)
    {
        using var folder = new TemporaryFolder();
        string path = folder.Write("m.npz", Craft.Csr(1, 2, [0, 4], [1, 0, 1, 1], [1, 5, 1 / 1073741824.0, -1], floats: floats));
        Assert.Equal([5, expected], Reading.AllRows(path));
    }

    [Fact]
    public void A_hundred_thousand_columns_are_read_and_so_are_rows_longer_than_what_is_read_at_once()
    {
        const int d = 100_000;
        int[] full = [.. Enumerable.Range(0, d)];
        // Row 1 has all columns, four times over.
        List<int> columns = [d - 1, .. full, .. full, .. full, .. full, 7];
        using var folder = new TemporaryFolder();
        string path = folder.Write("wide.npz", Craft.Csr(3, d, [0, 1, 1 + 4 * d, 2 + 4 * d], columns, [.. columns.Select(column => column % 5 + 1.0)], level: CompressionLevel.Fastest));
        float[] rows = Reading.AllRows(path);
        Assert.Equal(5f, rows[d - 1]);
        Assert.Equal(full.Select(column => 4f * (column % 5 + 1)), rows[d..(2 * d)]);
        Assert.Equal((3f, d + 2), (rows[2 * d + 7], rows.Count(value => value != 0)));
    }

    [Fact]
    public void A_source_outlives_its_model_and_reads_from_many_threads()
    {
        const int n = 400, d = 50;
        int[] columns = [.. Enumerable.Range(0, n).Select(i => i * 7 % d)];
        using var folder = new TemporaryFolder();
        IMatrixSource source, second;
        using (IModel model = ModelFiles.Open(folder.Write("m.npz", Craft.Csr(n, d, [.. Enumerable.Range(0, n + 1)], columns, [.. columns.Select(c => c + 1.0)]))))
            (source, second) = (model.OpenMatrix("m"), model.OpenMatrix("m"));
        second.Dispose();
        using (source)
            Parallel.For(0, n, row =>
            {
                var one = new float[d];
                source.ReadRows(row, 1, one);
                Assert.Equal(columns[row] + 1f, one[columns[row]]);
                Assert.Equal(1, one.Count(value => value != 0));
            });
        Assert.Throws<ObjectDisposedException>(() => source.ReadRows(0, 1, new float[d]));
    }

    [Fact]
    public void The_sixty_four_bit_directory_of_a_large_archive_is_read()
    {
        byte[] bytes = Craft.Csr(2, 3, [0, 1, 2], [2, 0], [4, 5]);
        int end = bytes.Length - 22;
        long count = BitConverter.ToUInt16(bytes, end + 10), length = BitConverter.ToUInt32(bytes, end + 12), start = BitConverter.ToUInt32(bytes, end + 16);
        byte[] record =
        [
            .. Craft.Bytes(0x06064b50), .. Craft.Bytes(44L), .. Craft.Bytes((ushort)45, (ushort)45), .. Craft.Bytes(0, 0),
            .. Craft.Bytes(count, count, length, start),
        ];
        byte[] locator = [.. Craft.Bytes(0x07064b50, 0), .. Craft.Bytes((long)end), .. Craft.Bytes(1)];
        byte[] narrow = [.. bytes[end..(end + 8)], .. Craft.Bytes(ushort.MaxValue, ushort.MaxValue), .. Craft.Bytes(uint.MaxValue, uint.MaxValue), 0, 0];
        using var folder = new TemporaryFolder();
        Assert.Equal([0, 0, 4, 5, 0, 0], Reading.AllRows(folder.Write("m.npz", [.. bytes[..end], .. record, .. locator, .. narrow])));
    }

    [Fact]
    public void Entries_beyond_the_last_row_pointer_are_ignored_as_scipy_ignores_them()
    {
        using var folder = new TemporaryFolder();
        Assert.Equal([0, 4], Reading.AllRows(folder.Write("m.npz", Craft.Csr(1, 2, [0, 1], [1, 0, 0], [4, 5, 6]))));
    }

    /// <summary>It may unpack to a thousand times its size. Unpacked whole, it would be found damaged first.</summary>
    [Theory]
    [InlineData("indptr.npy", "are 9 row pointers for 2 rows")]
    [InlineData("data.npy", "2 column indices and 9 values")]
    [InlineData("indices.npy", "9 column indices and 2 values")]
    public void A_member_that_does_not_fit_is_refused_before_it_is_unpacked(string member, string expected)
    {
        const int large = 1 << 16;
        byte[] longer = member == "data.npy" ? Craft.Npy("<f4", $"({large},)", new byte[sizeof(float) * large]) : Craft.Npy("<i4", $"({large},)", new byte[sizeof(int) * large]);
        byte[] bytes = Craft.Zip(CompressionLevel.Optimal,
            [.. Craft.CsrMembers(2, 3, [0, 1, 2], [2, 0], [4, 5]).Where(other => other.Name != member), (member, longer)]);
        bytes[bytes.AsSpan().LastIndexOf(System.Text.Encoding.ASCII.GetBytes(member)) - 46 + 16] ^= 1;
        using var folder = new TemporaryFolder();
        var refused = Assert.Throws<ClusterLpException>(() => ModelFiles.Open(folder.Write("m.npz", bytes)));
        Assert.Contains(expected.Replace("9", $"{large}", StringComparison.Ordinal), refused.Message);
    }

    [Fact]
    public void Statistics_of_the_nonzeros_are_those_of_the_full_rows()
    {
        var random = new Random(5);
        float[] values = [.. Enumerable.Range(0, 900 * 40).Select(_ => random.Next(20) == 0 ? (float)(random.NextDouble() - 0.3) : 0)];
        values[37] = float.NaN;
        using var dense = new ArrayMatrixSource(values, 40);
        using var sparse = new NonzerosAlone(values, 40);
        Assert.Equal(MatrixStatistics.Of(dense, null, CancellationToken.None), MatrixStatistics.Of(sparse, null, CancellationToken.None));
    }

    private sealed class NonzerosAlone(float[] values, int columns) : ISparseSource
    {
        private readonly ArraySparseSource _source = new(values, columns);

        public string Name => _source.Name;
        public long Rows => _source.Rows;
        public int Columns => _source.Columns;
        public long Stored => _source.Stored;
        public void ReadRows(long firstRow, int count, Span<float> destination) => throw new InvalidOperationException("full rows are not to be read");
        public void ReadRows(long firstRow, int count, SparseRows rows) => _source.ReadRows(firstRow, count, rows);
        public void Dispose() => _source.Dispose();
    }

    [Fact]
    public void A_member_said_to_unpack_beyond_what_deflate_can_is_refused_before_it_is_unpacked()
    {
        byte[] bytes = Craft.Csr(2, 3, [0, 1, 2], [2, 0], [4, 5], level: CompressionLevel.Optimal);
        // Its length in the directory: 24 bytes into the entry, whose name lies 46 bytes into it.
        int name = bytes.AsSpan().LastIndexOf("indptr.npy"u8);
        BitConverter.TryWriteBytes(bytes.AsSpan(name - 46 + 24), 0x7fffffff);
        using var folder = new TemporaryFolder();
        var refused = Assert.Throws<ClusterLpException>(() => ModelFiles.Open(folder.Write("m.npz", bytes)));
        Assert.Contains("indptr.npy", refused.Message);
        Assert.Contains("no deflated data can", refused.Message);
    }
}
