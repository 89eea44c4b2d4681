using ClusterLp.Cli.Commands;
using ClusterLp.Core.Formats;
using ClusterLp.Core.Reporting;
using Spectre.Console;

namespace ClusterLp.Cli.Rendering;

/// <summary>The tensors of a model: first what could be compressed, with tails; then the rest in one line.</summary>
internal static class InspectView
{
    private const int MostBarred = 4;

    public static void Write(IAnsiConsole console, string model, IReadOnlyList<InspectedTensor> tensors)
    {
        InspectedTensor[] matrices = [.. tensors.Where(tensor => tensor.Statistics is not null)];
        console.Say($"{model}: {tensors.Count} {(tensors.Count == 1 ? "tensor" : "tensors")}, {Figures.Bytes(tensors.Sum(tensor => (double)tensor.Bytes))}");
        if (matrices.Length > 0)
        {
            console.Write(Shapes(matrices));
            console.Write(Tails(matrices));
            console.Say(" k: rank at which that share of the elements is saved, and what the factors' bytes differ by from the file's. Tails: kurtosis is 3 for a Gaussian; tail shape is 2 for a "
                + "Gaussian, 1 for a Laplacian, less for heavier tails, where p < 2 has most to gain; row max/med: largest row norm over the median.");
        }
        foreach (InspectedTensor tensor in matrices.Where(tensor => tensor.Statistics!.NonFinite > 0))
            console.Say($" {tensor.Name}: {tensor.Statistics!.NonFinite} entries are NaN or infinite; compress will refuse it.", Color.Red);
        InspectedTensor[] barred = [.. tensors.Where(tensor => tensor.Obstacle is not null)];
        foreach (InspectedTensor tensor in barred.Take(MostBarred))
            console.Say($" {tensor.Name} [{Figures.Shape(tensor.Shape)}] cannot be compressed: {tensor.Obstacle}.");
        if (barred.Length > MostBarred)
            console.Say($" {barred.Length - MostBarred} more matrices cannot be compressed; --json says why.");
        InspectedTensor[] rest = [.. tensors.Where(tensor => tensor.Statistics is null && tensor.Obstacle is null)];
        if (rest.Length > 0)
            console.Say($" {rest.Length} other tensors ({Figures.Bytes(rest.Sum(tensor => (double)tensor.Bytes))}) would be carried over unchanged: "
                + string.Join(", ", rest.Take(4).Select(tensor => $"{tensor.Name} [{Figures.Shape(tensor.Shape)}] {tensor.Type}"))
                + (rest.Length > 4 ? ", ..." : "") + ".");
    }

    private static Table Shapes(IEnumerable<InspectedTensor> matrices)
    {
        Table table = Tables.Create(1, "matrix", "shape", "type", "size", "k at 28 %", "k at 50 %");
        foreach (InspectedTensor tensor in matrices)
            table.Add(tensor.Name, Figures.Shape(tensor.Shape), tensor.Type, Figures.Bytes(tensor.Bytes),
                Saving(tensor, tensor.RankAt28!.Value), Saving(tensor, tensor.RankAt50!.Value));
        return table;
    }

    private static Table Tails(IEnumerable<InspectedTensor> matrices)
    {
        Table table = Tables.Create(1, "matrix", "Frobenius", "mean |a|", "kurtosis", "tail shape", "row max/med");
        foreach (InspectedTensor tensor in matrices)
        {
            MatrixStatistics s = tensor.Statistics!;
            table.Add(tensor.Name, Figures.Error(s.Frobenius), Figures.Error(s.MeanAbsolute), Optional(s.Kurtosis), Optional(s.Shape),
                s.MedianRow > 0 ? $"{(s.LargestRow / s.MedianRow).ToString("G4", System.Globalization.CultureInfo.InvariantCulture)}" : "-");
        }
        return table;
    }

    // Of a file that holds nonzeros alone, or codes, dense factors may well take more.
    private static string Saving(InspectedTensor tensor, int rank)
    {
        double saved = tensor.Bytes - (double)rank * (tensor.Shape[0] + tensor.Shape[1]) * Enum.Parse<ElementType>(tensor.Type, ignoreCase: true).DefaultFactorType().Size();
        return $"{rank} ({(saved < 0 ? "+" : "-")}{Figures.Bytes(Math.Abs(saved))})";
    }

    private static string Optional(double? value) => value is double v ? v.ToString("G4", System.Globalization.CultureInfo.InvariantCulture) : "-";
}
