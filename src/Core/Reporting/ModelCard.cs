using System.Globalization;
using System.Text;

namespace ClusterLp.Core.Reporting;

/// <summary>
/// The section a model's README gets, as Markdown: what was compressed and how, with which errors, and how to load it. Has no
/// times and no paths, so that the same job gives the same text.
/// </summary>
public static class ModelCard
{
    /// <summary>Writes the section. Pure.</summary>
    /// <param name="report">Of a finished job.</param>
    public static string Of(JobReport report)
    {
        var text = new StringBuilder();
        long before = report.Tensors.Sum(tensor => tensor.BytesBefore * Copies(report, tensor)), after = report.Tensors.Sum(tensor => tensor.BytesAfter * Copies(report, tensor));
        Line($"## Compressed with ClusterLp");
        Line($"");
        Line($"{report.Tensors.Length} weight {(report.Tensors.Length == 1 ? "matrix is" : "matrices are")} replaced by {(report.Parameters.Subspaces is null ? "two thin factors" : "a thin factor and several small ones")} each: {Mib(before)} became {Mib(after)}, {Percent(1 - after / (double)before)} less. {Goal(report)} {How(report)}");
        Line($"");
        Line($"| tensor | shape | rank | stored as | size, MiB | error, l_p | error, Frobenius | SVD's |");
        Line($"|---|---|---|---|---|---|---|---|");
        foreach (TensorReport tensor in report.Tensors)
            Line($"| `{tensor.Name}` | {tensor.Rows} x {tensor.Columns} | {tensor.Rank} | {tensor.FactorType} | {Size(tensor.BytesBefore)} to {Size(tensor.BytesAfter)} | {Percent(tensor.RelativeLp)} | {Percent(tensor.RelativeFrobenius)} | {Percent(SvdShare(tensor))} |");
        Line($"");
        Line($"Errors are norms of A - U V relative to the same norm of A; the last column is the Frobenius error of the SVD of {(report.Tensors[0].Model is null ? "the same rank" : "equal size")}{(report.Parameters is { RowWeights: null, ColumnMetric: null, ExactRows: null, Subspaces: null } ? ", the least there is" : "")}. They say how close the weights are, not how well the model does: evaluate it on your task.");
        foreach (var tie in report.Ties)
            Line($"`{tie.Name}` held the same data as `{tie.Of}` and has the same factors.");
        if (report.TiesWordEmbeddings)
            Line($"`config.json` ties the output embedding to the input embedding (`tie_word_embeddings`): use the factors for both.");
        Line($"All other tensors{(report.Carried.IsEmpty ? " are" : " and files are")} as they were. `clusterlp.json` records every parameter, error and hash.");
        Line($"");
        string[] files = [.. report.Outputs.Select(file => file.Path).Where(path => path.EndsWith(".safetensors", StringComparison.Ordinal))];
        if (files.Length > 0)
            Loading();
        else
            Line($"The factors are in the graph, which is run as before.");
        return text.ToString();

        void Line(FormattableString line) => text.Append(line.ToString(CultureInfo.InvariantCulture)).Append('\n');

        void Loading()
        {
            Line(report.Parameters.Subspaces is null
                ? $"To load it, put for each such `X.weight` its two factors, U = `X.0.weight` (n x k) and V transposed = `X.1.weight` (d x k), so that `X.weight` is about U V:"
                : (FormattableString)$"To load it, put for each such `X.weight` its factors, U = `X.0.weight` (n x k), J matrices V transposed = `X.1.weight` (J x d x k) and `X.ids` (n), so that row i of `X.weight` is about row i of U times V of number ids[i]:");
            Line($"");
            Line($"```python");
            if (report.Tensors[0].ExactRows is not null)
                Line($"import torch");
            Line($"from safetensors.torch import load_file");
            Line($"from torch import nn");
            Line($"");
            if (files.Length == 1)
                Line($"t = load_file(\"{files[0]}\")");
            else
                Line($"t = {{name: x for file in {Python(files)} for name, x in load_file(file).items()}}");
            FactorExample(report.Tensors[0]);
            Line($"```");
        }

        void FactorExample(TensorReport tensor)
        {
            string x = tensor.Name.EndsWith(".weight", StringComparison.Ordinal) ? tensor.Name[..^".weight".Length] : tensor.Name;
            Line($"u, v = t[\"{x}.0.weight\"], t[\"{x}.1.weight\"]");
            Line($"");
            if (tensor.Subspaces is not null)
            {
                Line($"ids = t[\"{x}.ids\"].long()");
                Line($"");
                Line($"def row(i):  # i: a tensor of rows");
                Line($"    return (v[ids[i]] @ u[i][..., None])[..., 0]");
                return;
            }
            if (tensor.ExactRows is not null)
            {
                Line($"rows, ids = t[\"{x}.exact\"], t[\"{x}.exact_ids\"].long()");
                Line($"");
                Line($"def row(i):  # i: a tensor of rows");
                Line($"    j = torch.searchsorted(ids, i)");
                Line($"    exact = ids[j % len(ids)] == i");
                Line($"    return torch.where(exact[..., None], rows[j * exact], u[(i - j) * ~exact] @ v.T)");
                return;
            }
            Line($"# an embedding:");
            Line($"layer = nn.Sequential(nn.Embedding(*u.shape, _weight=u), nn.Linear(*v.shape[::-1], bias=False))");
            Line($"layer[1].weight.data = v");
            Line($"");
            Line($"# a linear layer (y = x W^T + b), its bias in the second:");
            Line($"layer = nn.Sequential(nn.Linear(*v.shape, bias=False), nn.Linear(*u.shape[::-1]))");
            Line($"layer[0].weight.data, layer[1].weight.data = v.T.contiguous(), u");
        }
    }

    private static string Goal(JobReport report) => report.Parameters switch
    {
        { Rank: int rank } => string.Create(CultureInfo.InvariantCulture, $"Every rank is {rank}."),
        { TargetError: double target } => string.Create(CultureInfo.InvariantCulture, $"Every rank is the smallest found to keep the relative l_p error within {target}."),
        { Compression: double c } when report.Budget is null => $"{Percent(c)} of the elements of each are saved.",
        { Compression: double c } => $"{Percent(c)} of the elements{(report.Ties.IsEmpty ? "" : ", those stored twice counted once,")} are to be saved of these{(report.Budget.KeptWhole.IsEmpty ? "" : $" and {report.Budget.KeptWhole.Length} more, which are better kept whole,")} together; ranks are allotted by what lowers the sum of squared relative Frobenius errors of the SVDs most.",
        _ => "",
    };

    private static string How(JobReport report)
    {
        string powers = string.Join(", ", report.Tensors.Select(tensor => tensor.P.ToString(CultureInfo.InvariantCulture)).Distinct());
        string apart = report.Parameters.ExactRows is double share ? $" {Percent(share)} of the rows, those that factors would fit worst, are stored as they are (`X.exact`, and their places in `X.exact_ids`); `X.0.weight` has the others in order." : "";
        string several = report.Parameters.Subspaces is int subspaces ? $" Each row is approximated in the nearest of {subspaces} subspaces, whose number is in `X.ids`." : "";
        return Fitted() + apart + several;

        string Fitted() => report.Parameters.Method switch
        {
            Jobs.Method.Svd => "The factors are truncated SVDs.",
            Jobs.Method.Simplex => $"Each row is a convex mixture of k archetypes, the rows of V, which are means of extreme rows of the matrix{(report.Parameters.Refine is null ? "" : ", moved since to lower the squared error")}: the rows of U are not negative and sum to 1, up to rounding.",
            Jobs.Method.Krylov => $"The factors are truncated SVDs by block Krylov iteration, of {string.Join(" and ", report.Tensors.Select(tensor => tensor.Krylov!.Passes).Distinct().Order())} passes.",
            Jobs.Method.Lewis => $"V spans the longest axes of the Lewis ellipsoid at p = {powers}, and U is the projection.",
            _ => $"The factors minimise the entrywise l_p error, p = {powers} (fit {report.Parameters.Fit.ToString().ToLowerInvariant()}).",
        };
    }

    private static int Copies(JobReport report, TensorReport tensor) => 1 + report.Ties.Count(tie => tie.Of == tensor.Name);

    private static double SvdShare(TensorReport tensor) =>
        tensor.Errors.Frobenius > 0 ? tensor.RelativeFrobenius * tensor.Svd.Frobenius / tensor.Errors.Frobenius : 0;

    private static string Python(IEnumerable<string> names) => "[" + string.Join(", ", names.Select(name => $"\"{name}\"")) + "]";

    private static string Percent(double share) => (100 * share).ToString("F2", CultureInfo.InvariantCulture) + " %";

    private static string Size(double bytes) => (bytes / (1 << 20)).ToString("F1", CultureInfo.InvariantCulture);

    private static string Mib(double bytes) => Size(bytes) + " MiB";
}
