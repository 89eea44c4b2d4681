using ClusterLp.Core.Formats;

namespace ClusterLp.Core.Tests.Formats;

public class NpyTests
{
    // Written by NumPy 1.24: a 2 x 3 '>f2' array in Fortran order, a 2 x 2 '<f8' array, a 2 x 2 '<f4' array in format 2.0.
    private const string BigEndianFortran = "k05VTVBZAQB2AHsnZGVzY3InOiAnPmYyJywgJ2ZvcnRyYW5fb3JkZXInOiBUcnVlLCAnc2hhcGUnOiAoMiwgMyksIH0gICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAo+AHv/wICAAS5mfAA=";
    private const string Float64 = "k05VTVBZAQB2AHsnZGVzY3InOiAnPGY4JywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDIsIDIpLCB9ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIApVVVVVVVXVP5x1AIg85Dd+AAAAAAAAAIAAAAAAAACgNg==";
    private const string Version2 = "k05VTVBZAgB0AAAAeydkZXNjcic6ICc8ZjQnLCAnZm9ydHJhbl9vcmRlcic6IEZhbHNlLCAnc2hhcGUnOiAoMiwgMiksIH0gICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAIA/AAAAQAAAQEAAAIBA";

    [Theory]
    [InlineData(BigEndianFortran, new[] { 1.5f, -2.25f, 0.099975586f, 65504f, -5.9604645e-08f, float.PositiveInfinity }, ElementType.F16)]
    [InlineData(Float64, new[] { 0.33333334f, float.PositiveInfinity, -0f, 1.4e-45f }, ElementType.F64)]
    [InlineData(Version2, new[] { 1f, 2f, 3f, 4f }, ElementType.F32)]
    public void Files_written_by_numpy_are_read_as_numpy_reads_them(string base64, float[] expected, ElementType type)
    {
        using var folder = new TemporaryFolder();
        string path = folder.Write("emb.v1.npy", Convert.FromBase64String(base64));
        Assert.Equal(expected, Reading.AllRows(path));
        using IModel model = ModelFiles.Open(path);
        Assert.Equal(("emb.v1", type), (model.Tensors[0].Name, model.Tensors[0].Type));
        Assert.Null(model.Vocabulary);
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(3, 130)]
    [InlineData(700, 5)]
    [InlineData(259, 131)]
    public void Fortran_order_is_the_transpose_of_c_order(int n, int d)
    {
        float[] values = [.. Enumerable.Range(0, n * d).Select(i => (float)i)];
        float[] columns = [.. from c in Enumerable.Range(0, d) from r in Enumerable.Range(0, n) select values[r * d + c]];
        using var folder = new TemporaryFolder();
        string rowMajor = folder.Write("c.npy", Craft.Npy("<f4", $"({n}, {d})", Craft.Bytes(values)));
        string fortran = folder.Write("f.npy", Craft.Npy("<f4", $"({n}, {d})", Craft.Bytes(columns), fortran: true));
        Assert.Equal(values, Reading.AllRows(rowMajor));
        Assert.Equal(values, Reading.AllRows(fortran));
    }

    [Fact]
    public void A_source_outlives_its_model_and_reads_from_many_threads()
    {
        const int n = 512, d = 33;
        float[] values = [.. Enumerable.Range(0, n * d).Select(i => i * 0.5f)];
        using var folder = new TemporaryFolder();
        string path = folder.Write("m.npy", Craft.Npy("<f4", $"({n}, {d})", Craft.Bytes(values)));
        IMatrixSource source;
        using (IModel model = ModelFiles.Open(path))
            source = model.OpenMatrix("m");
        using (source)
            Parallel.For(0, n, row =>
            {
                var one = new float[d];
                source.ReadRows(row, 1, one);
                Assert.Equal(values.AsSpan(row * d, d).ToArray(), one);
            });
        Assert.Throws<ObjectDisposedException>(() => source.ReadRows(0, 1, new float[d]));
    }

    [Fact]
    public void Rows_beyond_the_matrix_are_refused()
    {
        using var folder = new TemporaryFolder();
        using IModel model = ModelFiles.Open(folder.Write("m.npy", Craft.Npy("<f4", "(2, 2)", new byte[16])));
        using IMatrixSource source = model.OpenMatrix("m");
        Assert.Throws<ArgumentOutOfRangeException>(() => source.ReadRows(1, 2, new float[4]));
        Assert.Throws<ArgumentOutOfRangeException>(() => source.ReadRows(-1, 1, new float[4]));
        Assert.Throws<ArgumentOutOfRangeException>(() => source.ReadRows(0, 2, new float[3]));
    }
}
