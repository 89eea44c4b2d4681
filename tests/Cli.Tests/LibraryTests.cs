using ClusterLp.Core;
using ClusterLp.Core.Formats;

namespace ClusterLp.Cli.Tests;

/// <summary>The library's face: in memory what the program does with files.</summary>
public sealed class LibraryTests : IDisposable
{
    private const int Rows = 3000, Columns = 24, Rank = 6;

    private readonly Folder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(LowRankMethod.Auto, 1)]
    [InlineData(LowRankMethod.Coreset, 1)]
    [InlineData(LowRankMethod.Exact, 2)]
    [InlineData(LowRankMethod.Svd, 2)]
    public async Task The_factors_are_those_the_program_writes(LowRankMethod method, int threads)
    {
        string model = _folder.WriteMatrix("emb.npy", Rows, Columns);
        float[] matrix = Read(model, "emb", Rows, Columns);
        string[] how = method == LowRankMethod.Svd ? ["--method", "svd"] : ["--fit", method.ToString().ToLowerInvariant()];
        CommandLine run = await CommandLine.RunAsync(["compress", model, "--output", _folder["out"], "--rank", "6", "--p", "1.2", "--seed", "3", .. how]);
        Assert.True(run.Code == ExitCode.Done, run.Error);

        double told = 0;
        LowRankFactors fit = LowRank.Fit(matrix, Columns, Rank,
            new LowRankOptions { P = 1.2, Seed = 3, Method = method, Threads = threads }, new Told(share => told = Math.Max(told, share)));
        Assert.Equal(Read(_folder["out"], "emb.0.weight", Rows, Rank), fit.U.ToArray());
        float[] transposed = Read(_folder["out"], "emb.1.weight", Columns, Rank);
        Assert.Equal([.. Enumerable.Range(0, Rank * Columns).Select(at => transposed[at % Columns * Rank + at / Columns])], fit.V.ToArray());
        Assert.Equal(1, told);

        // The errors, from the definition.
        double sum = 0, squares = 0;
        var row = new float[Columns];
        for (int i = 0; i < Rows; i++)
        {
            fit.Reconstruct(i, row);
            for (int j = 0; j < Columns; j++)
            {
                double r = Math.Abs((double)matrix[i * Columns + j] - row[j]);
                (sum, squares) = (sum + Math.Pow(r, 1.2), squares + r * r);
            }
        }
        Assert.Equal(Math.Pow(sum, 1 / 1.2), fit.Errors.Lp, fit.Errors.Lp * 1e-5);
        Assert.Equal(Math.Sqrt(squares), fit.Errors.Frobenius, fit.Errors.Frobenius * 1e-5);
    }

    [Fact]
    public void What_cannot_be_fitted_is_refused_with_its_place()
    {
        var matrix = new float[40 * 4];
        matrix[5 * 4 + 2] = float.NaN;
        Assert.Contains("row 5, column 2", Assert.Throws<ArgumentException>(() => LowRank.Fit(matrix, 4, 2)).Message);
        Assert.Throws<ArgumentException>(() => LowRank.Fit(matrix, 7, 2));
        Assert.Throws<ArgumentOutOfRangeException>(() => LowRank.Fit(matrix, 4, 5));
        Assert.Throws<ArgumentOutOfRangeException>(() => LowRank.Fit(matrix, 4, 2, new LowRankOptions { P = 0.9 }));
        Assert.Throws<ArgumentOutOfRangeException>(() => LowRank.RankFor(10, 10, 1));
        Assert.Equal(544, LowRank.RankFor(50265, 768, 0.28));
        Assert.ThrowsAny<OperationCanceledException>(() => LowRank.Fit(new float[400], 4, 2, cancellation: new CancellationToken(canceled: true)));
    }

    private static float[] Read(string model, string tensor, int rows, int columns)
    {
        using IModel file = ModelFiles.Open(model);
        using IMatrixSource source = file.OpenMatrix(tensor);
        var values = new float[rows * columns];
        source.ReadRows(0, rows, values);
        return values;
    }

    private sealed class Told(Action<double> tell) : IProgress<double>
    {
        private readonly Lock _lock = new();

        public void Report(double value)
        {
            lock (_lock)
                tell(value);
        }
    }
}
