using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Serialization;
using ClusterLp.Cli.Rendering;
using ClusterLp.Cli.Running;
using ClusterLp.Core;
using ClusterLp.Core.Formats;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Reporting;

namespace ClusterLp.Cli.Commands;

/// <summary>One tensor as <c>inspect</c> shows it; statistics and ranks for matrices that can shrink.</summary>
/// <param name="RankAt28">Rank at which 28 % of the elements are saved.</param>
/// <param name="RankAt50">The same for 50 %.</param>
/// <param name="Obstacle">Of a matrix: why factors cannot take its place in a model of this format; null where they can.</param>
internal sealed record InspectedTensor(
    string Name, string Type, IReadOnlyList<long> Shape, long Bytes, MatrixStatistics? Statistics, int? RankAt28, int? RankAt50,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Obstacle);

/// <summary><c>inspect</c>: what a model holds and what compressing it would save.</summary>
internal sealed class InspectCommand(Terminal terminal)
{
    private readonly Argument<string> _model = new("model") { Description = "Any model compress takes." };
    private readonly Option<bool> _json = CommonOptions.Json();

    public Command Create()
    {
        var command = new Command("inspect", "List a model's tensors: shapes, types, norms, tails, and what each would save.") { _model, _json };
        command.SetAction(RunAsync);
        return command;
    }

    private async Task<int> RunAsync(ParseResult parse, CancellationToken cancellation)
    {
        using IModel model = await Task.Run(() => ModelFiles.Open(parse.GetValue(_model)!), cancellation);
        InspectedTensor[] tensors;
        await using (var progress = new ShareProgress(terminal, parse.GetValue(CommonOptions.Quiet), "inspect"))
            tensors = await Task.Run(() => Inspect(model, progress, cancellation), cancellation);
        if (parse.GetValue(_json))
            terminal.RawOut.WriteLine(JsonSerializer.Serialize(new { model = model.Path, tensors }, ReportJson.Options));
        else
            InspectView.Write(terminal.Out, model.Path, tensors);
        return (int)ExitCode.Done;
    }

    private static InspectedTensor[] Inspect(IModel model, IProgress<double> progress, CancellationToken cancellation)
    {
        Dictionary<string, string?> obstacles = model.Tensors.Where(Shrinks)
            .ToDictionary(tensor => tensor.Name, tensor => model.Obstacle(tensor.Name, tensor.Type.DefaultFactorType()));
        bool Usable(TensorInfo tensor) => Shrinks(tensor) && obstacles[tensor.Name] is null;
        double total = Math.Max(1, model.Tensors.Where(Usable).Sum(tensor => (double)tensor.Shape[0] * tensor.Shape[1])), before = 0;
        var inspected = new List<InspectedTensor>();
        foreach (TensorInfo tensor in model.Tensors)
        {
            MatrixStatistics? statistics = null;
            int? rankAt28 = null, rankAt50 = null;
            if (Usable(tensor))
            {
                (long rows, int columns) = (tensor.Shape[0], (int)tensor.Shape[1]);
                using IMatrixSource source = model.OpenMatrix(tensor.Name);
                double done = before, size = (double)rows * columns;
                statistics = MatrixStatistics.Of(source, share => progress.Report((done + share * size) / total), cancellation);
                before += size;
                (rankAt28, rankAt50) = (RankRule.FromCompression(rows, columns, 0.28), RankRule.FromCompression(rows, columns, 0.50));
            }
            inspected.Add(new InspectedTensor(tensor.Name, tensor.Type.ToString().ToLowerInvariant(), tensor.Shape, tensor.ByteLength,
                statistics, rankAt28, rankAt50, obstacles.GetValueOrDefault(tensor.Name)));
        }
        return [.. inspected];
    }

    private static bool Shrinks(TensorInfo tensor) => tensor.IsMatrix && tensor.Shape[1] <= JobPlanner.MostColumnsOfAny
        && RankRule.Largest(tensor.Shape[0], (int)tensor.Shape[1]) >= 1;
}
