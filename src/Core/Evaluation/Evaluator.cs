using System.Collections.Immutable;
using ClusterLp.Core.FactorModels;
using ClusterLp.Core.Formats;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Reporting;
using ClusterLp.Core.Storage;

namespace ClusterLp.Core.Evaluation;

/// <summary>
/// What compressing a model changed, with no task: neighbours, directions and lengths of rows, and outputs on given inputs;
/// the SVD of the same rank stands beside every figure.
/// </summary>
public static class Evaluator
{
    /// <summary>Reads every chosen layer twice, in blocks. Deterministic: options and seed decide every figure.</summary>
    /// <param name="outputDirectory">A committed output.</param>
    /// <param name="againstModel">The model it was made from, or one of the same shapes.</param>
    /// <param name="options">What to look at.</param>
    /// <param name="progress">Receives the share done, 0 to 1, from several threads.</param>
    /// <param name="cancellation">Checked at every block of rows.</param>
    /// <exception cref="ClusterLpException">
    /// A file is missing (exit 66); no layer matches, or a file does not fit the layers (65).
    /// </exception>
    public static EvaluationResult Run(
        string outputDirectory, string againstModel, EvaluationOptions options, IProgress<double>? progress, CancellationToken cancellation)
    {
        JobReport report = OutputVerifier.ReadReport(outputDirectory);
        using IModel input = ModelFiles.Open(againstModel);
        using IModel output = ModelFiles.Open(OutputVerifier.ModelPath(outputDirectory, report));
        TensorReport[] chosen = Choose(report, options.Tensors, outputDirectory);
        string? weights = options.RowWeights ?? (report.Parameters.RowWeights is { } read && StoredFiles.Exists(read) ? read : null);
        Vocabulary? names = options.Vocabulary is { } path ? Vocabulary.Read(path) : input.Vocabulary is { } own ? new Vocabulary(own) : null;
        if (options.Vocabulary is not null && chosen.All(layer => layer.Rows < names!.Rows))
            throw ClusterLpException.BadInput($"{options.Vocabulary}: names row {names!.Rows - 1}, but the largest layer has {chosen.Max(layer => layer.Rows)} rows; "
                + "it is of another model.");

        long total = Math.Max(1, chosen.Sum(layer => layer.Rows)), done = 0;
        return new EvaluationResult
        {
            Output = StoredFiles.Absolute(outputDirectory),
            Against = input.Path,
            Seed = options.Seed,
            Frequencies = weights is null ? null : StoredFiles.Absolute(weights),
            Activations = options.Activations is null ? null : StoredFiles.Absolute(options.Activations),
            Layers = [.. chosen.Select(Evaluate)],
        };

        LayerFidelity Evaluate(TensorReport layer)
        {
            Activations? inputs = options.Activations is { } file ? Activations.Read(file, layer.Columns, layer.Name, cancellation) : null;
            var context = new LayerContext(FrequencyRanks.Of(weights, layer.Rows), layer.Rows < names?.Rows ? null : names, inputs);
            Baseline baseline = Baseline.Of(report.Parameters, weights);
            // No d x d matrix of such a layer was ever formed.
            bool wide = Models.Of(layer).IsOwnBaseline && layer.Columns > JobPlanner.MostColumns;
            using LayerFactors factors = LayerFactors.Open(layer, input, output, asFitted: false, (a, k) =>
                wide ? null : baseline.Projection(a, k, cancellation));
            return new LayerEvaluator(factors, context, options).Evaluate(layer, wide ? Baseline.Own : baseline.Name,
                rows => progress?.Report(Math.Min(1, Interlocked.Add(ref done, rows) / (double)total)), cancellation);
        }
    }

    /// <summary>The compressed layers that names or globs match, in the report's order; all where none is given.</summary>
    /// <exception cref="ClusterLpException">One matches nothing (exit 65).</exception>
    internal static TensorReport[] Choose(JobReport report, IReadOnlyList<string> patterns, string outputDirectory)
    {
        foreach (string pattern in patterns)
            if (!report.Tensors.Any(tensor => Matches(pattern, tensor.Name)))
                throw ClusterLpException.BadInput($"{outputDirectory}: no compressed tensor matches \"{pattern}\"; "
                    + $"compressed are {string.Join(", ", report.Tensors.Take(5).Select(tensor => tensor.Name))}{(report.Tensors.Length > 5 ? ", ..." : "")}.");
        return [.. report.Tensors.Where(tensor => patterns.Count == 0 || patterns.Any(pattern => Matches(pattern, tensor.Name)))];
    }

    private static bool Matches(string pattern, string name) =>
        pattern == name || System.IO.Enumeration.FileSystemName.MatchesSimpleExpression(pattern.Replace("\\", "\\\\"), name, ignoreCase: false);
}
