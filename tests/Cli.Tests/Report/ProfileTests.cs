using System.Collections.Immutable;
using System.Diagnostics;
using System.Text.Json;
using ClusterLp.Core;
using ClusterLp.Core.Evaluation;

namespace ClusterLp.Cli.Tests.Report;

/// <summary>What a report draws, against numpy.</summary>
public sealed class ProfileTests : IDisposable
{
    // Few enough rows that the sample is all of them.
    private const int Rows = 900, Columns = 20, Rank = 6;

    private readonly Folder _folder = new();

    public void Dispose() => _folder.Dispose();

    [PythonFact]
    public async Task Spectrum_curves_tails_and_row_errors_are_numpys()
    {
        string model = _folder.WriteMatrix("emb.npy", Rows, Columns);
        CommandLine run = await CommandLine.RunAsync("compress", model, "--output", _folder["out"], "--rank", $"{Rank}", "--quiet");
        Assert.True(run.Code == ExitCode.Done, run.Error);
        LayerProfile layer = Assert.Single(Profiler.Run(_folder["out"], model, [], 1, null, CancellationToken.None));
        JsonElement numpy = Oracle(model, Path.Combine(_folder["out"], "model.safetensors"));

        Assert.Equal(Rows, layer.SampleRows);
        Near(Numbers("singular"), layer.SingularValues, 1e-5);
        Near(Numbers("frobenius"), layer.SvdFrobenius(), 1e-5);
        Near(Numbers("svdLp"), [.. layer.Curve.Select(point => point.Svd)], 1e-5);
        Assert.Equal(numpy.GetProperty("ranks").EnumerateArray().Select(rank => rank.GetInt32()), layer.Curve.Select(point => point.Rank));
        Assert.All(layer.Curve, point => Assert.True(point.Regressed <= point.Svd * (1 + 1e-6)));
        Assert.Contains(layer.Curve, point => point.Regressed < 0.97 * point.Svd);
        Near(Numbers("rowQuantiles"), layer.OursRows.Quantiles, 1e-4);
        Near(Numbers("svdRowQuantiles"), layer.SvdRows.Quantiles, 1e-4);
        // The share of entries that are larger than each size drawn, the largest entry itself counted.
        double unit = numpy.GetProperty("unit").GetDouble();
        double[] sizes = [.. Numbers("svdSizes").Order()];
        Assert.All(layer.SvdTail.Points, point =>
        {
            int larger = sizes.Count(size => size >= point.Size * unit * (1 - 1e-4));
            Assert.InRange(larger / (double)sizes.Length, point.Share * (1 - 1e-9), point.Share + 30.0 / sizes.Length);
        });

        ImmutableArray<double> Numbers(string name) => [.. numpy.GetProperty(name).EnumerateArray().Select(number => number.GetDouble())];
    }

    [Theory]
    [InlineData(0.5, 2, 1, 0.4795001222)]
    [InlineData(2, 1, 1, 0.1353352832)]
    [InlineData(1.2, 1.5, 0.8, 0.0870)]
    public void The_survival_of_a_generalised_gaussian_is_that_of_a_gaussian_and_a_laplacian(double size, double shape, double scale, double expected)
    {
        double survival = ResidualTails.Survival(size, shape, scale);
        if (shape == 1.5)
            // By the rule of Simpson.
            expected = Integral(size, 60) / Integral(0, 60);
        Assert.Equal(expected, survival, 1e-6);

        double Integral(double from, double to)
        {
            const int steps = 200_000;
            double h = (to - from) / steps, sum = 0;
            for (int i = 0; i <= steps; i++)
                sum += (i == 0 || i == steps ? 1 : i % 2 == 1 ? 4 : 2) * Math.Exp(-Math.Pow((from + i * h) / scale, shape));
            return sum * h / 3;
        }
    }

    private static void Near(ImmutableArray<double> expected, ImmutableArray<double> found, double tolerance)
    {
        Assert.Equal(expected.Length, found.Length);
        double largest = expected.Max();
        Assert.All(expected.Zip(found), pair => Assert.Equal(pair.First, pair.Second, tolerance * largest));
    }

    private static JsonElement Oracle(string model, string output)
    {
        using Process process = Python.Start(Path.Combine(Python.Repository, "tests", "oracle", "profile_of.py"), model, output);
        Task<string> error = process.StandardError.ReadToEndAsync();
        string printed = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, error.Result);
        return JsonDocument.Parse(printed).RootElement;
    }
}
