using System.Collections.Immutable;
using ClusterLp.Core.Formats;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Reporting;

namespace ClusterLp.Core.Evaluation;

/// <summary>Measures what a report draws.</summary>
public static class Profiler
{
    /// <summary>Profiles of compressed layers, in the report's order.</summary>
    /// <param name="outputDirectory">A committed output.</param>
    /// <param name="againstModel">The model it was made from.</param>
    /// <param name="patterns">Names or globs; none: the largest layers.</param>
    /// <param name="most">Layers profiled where none are named.</param>
    /// <param name="progress">Receives the share done, 0 to 1, from several threads.</param>
    /// <param name="cancellation">Checked at every block.</param>
    /// <exception cref="ClusterLpException">As <see cref="Evaluator.Run"/>.</exception>
    public static ImmutableArray<LayerProfile> Run(string outputDirectory, string againstModel, IReadOnlyList<string> patterns, int most,
        IProgress<double>? progress, CancellationToken cancellation)
    {
        JobReport report = OutputVerifier.ReadReport(outputDirectory);
        TensorReport[] chosen = Evaluator.Choose(report, patterns, outputDirectory);
        // Its charts are of the singular values, which a Gram matrix gives.
        if (patterns.Count > 0 && chosen.FirstOrDefault(IsTooWide) is { } wide)
            throw ClusterLpException.BadInput($"\"{wide.Name}\" has more than {JobPlanner.MostColumns} columns, too many for the Gram matrix its charts are drawn from.");
        chosen = [.. chosen.Where(layer => !IsTooWide(layer))];
        if (patterns.Count == 0)
        {
            HashSet<TensorReport> largest = [.. chosen.OrderByDescending(layer => layer.BytesBefore).Take(most)];
            chosen = [.. chosen.Where(largest.Contains)];
        }
        using IModel input = ModelFiles.Open(againstModel);
        using IModel output = ModelFiles.Open(OutputVerifier.ModelPath(outputDirectory, report));
        long total = Math.Max(1, chosen.Sum(LayerProfiler.Work)), done = 0;
        Baseline baseline = Baseline.Of(report.Parameters, null);
        return [.. chosen.Select(layer => new LayerProfiler(
            layer, baseline, rows => progress?.Report(Math.Min(1, Interlocked.Add(ref done, rows) / (double)total)), cancellation).Measure(input, output))];
    }

    private static bool IsTooWide(TensorReport layer) => (layer.Transposed ? layer.Rows : layer.Columns) > JobPlanner.MostColumns;
}
