using System.Text.Json;
using ClusterLp.Core;
using ClusterLp.Core.Formats;
using ClusterLp.Core.Reporting;

namespace ClusterLp.Cli.Tests;

public sealed class InspectTests : IDisposable
{
    private readonly Folder _folder = new();

    public void Dispose() => _folder.Dispose();

    private sealed class Matrix(long rows, int columns, Func<long, int, float> entry) : IMatrixSource
    {
        public string Name => "m";
        public long Rows => rows;
        public int Columns => columns;

        public void ReadRows(long firstRow, int count, Span<float> destination)
        {
            for (int i = 0; i < count; i++)
                for (int j = 0; j < columns; j++)
                    destination[i * columns + j] = entry(firstRow + i, j);
        }

        public void Dispose()
        {
        }
    }

    private static MatrixStatistics Of(Matrix matrix) => MatrixStatistics.Of(matrix, null, CancellationToken.None);

    [Fact]
    public void Signs_alone_have_kurtosis_one_and_known_norms()
    {
        MatrixStatistics s = Of(new Matrix(1000, 16, (i, j) => (i + j) % 2 == 0 ? 2 : -2));
        Assert.Equal(Math.Sqrt(16000 * 4), s.Frobenius, 1e-9);
        Assert.Equal(2, s.MeanAbsolute, 1e-12);
        Assert.Equal(1, s.Kurtosis!.Value, 1e-12);
        Assert.Equal(8, s.LargestRow, 1e-12);
        Assert.Equal(8, s.MedianRow, 1e-12);
    }

    [Theory]
    [InlineData(2, 3.0)]
    [InlineData(1, 6.0)]
    public void Quantiles_of_a_gaussian_and_a_laplacian_give_their_shape_and_kurtosis(int shape, double kurtosis)
    {
        // Entries at the quantiles (i + 1/2) / N: the moments of the law itself, up to the cut tails.
        const int rows = 20000, columns = 32;
        const double all = (double)rows * columns;
        MatrixStatistics s = Of(new Matrix(rows, columns, (i, j) =>
        {
            double q = (i * columns + j + 0.5) / all;
            return (float)(shape == 2 ? MathNet.Numerics.Distributions.Normal.InvCDF(0, 1, q) : q < 0.5 ? Math.Log(2 * q) : -Math.Log(2 - 2 * q));
        }));
        Assert.Equal(shape, s.Shape!.Value, 0.01);
        Assert.Equal(kurtosis, s.Kurtosis!.Value, 0.02);
    }

    [Fact]
    public void Degenerate_matrices_have_no_tails_and_bad_entries_are_counted()
    {
        Assert.Null(Of(new Matrix(10, 3, (_, _) => 0)).Shape);
        Assert.Null(Of(new Matrix(10, 3, (_, _) => 7)).Kurtosis);
        MatrixStatistics s = Of(new Matrix(10, 3, (i, j) => (i, j) switch { (4, 1) => float.NaN, (7, 2) => float.PositiveInfinity, _ => 1 }));
        Assert.Equal(2, s.NonFinite);
        Assert.Equal(Math.Sqrt(28), s.Frobenius, 1e-12);
    }

    [Fact]
    public void Of_a_file_of_nonzeros_dense_factors_may_take_more()
    {
        var written = new StringWriter();
        MatrixStatistics statistics = Of(new Matrix(10, 3, (i, j) => i + j));
        Rendering.InspectView.Write(CommandLine.Console(written, 200), "m.npz",
            [new Commands.InspectedTensor("m", "f32", [2000, 32], 1024, statistics, 22, 15, null)]);
        // 4 (22 x 2032) - 1024 and 4 (15 x 2032) - 1024 bytes.
        Assert.Contains("22 (+173.6 KiB)", written.ToString());
        Assert.Contains("15 (+118.1 KiB)", written.ToString());
    }

    [Fact]
    public async Task A_matrix_is_listed_with_its_ranks_as_a_table_and_as_json()
    {
        string model = _folder.WriteMatrix("emb.npy", 2000, 32);
        CommandLine table = await CommandLine.RunAsync("inspect", model);
        Assert.Equal(ExitCode.Done, table.Code);
        Assert.Contains("2000 x 32", table.Out);
        // 22 (2000 + 32) float32 instead of 2000 x 32.
        Assert.Contains("22 (-75.4 KiB)", table.Out);
        CommandLine run = await CommandLine.RunAsync("inspect", model, "--json");
        JsonElement tensor = JsonDocument.Parse(run.Out).RootElement.GetProperty("tensors")[0];
        Assert.Equal("emb", tensor.GetProperty("name").GetString());
        // floor(0.72 * 64000 / 2032) and floor(0.5 * 64000 / 2032).
        Assert.Equal((22, 15), (tensor.GetProperty("rankAt28").GetInt32(), tensor.GetProperty("rankAt50").GetInt32()));
        Assert.True(tensor.GetProperty("statistics").GetProperty("frobenius").GetDouble() > 0);
        Assert.Empty(run.Error);
    }
}
