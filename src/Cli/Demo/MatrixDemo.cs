using System.Globalization;
using ClusterLp.Core.Reporting;
using Spectre.Console;

namespace ClusterLp.Cli.Demo;

/// <summary>Compresses one matrix at 28 % and 50 % by SVD and by l_p, and sets the errors side by side.</summary>
internal sealed class MatrixDemo(IAnsiConsole console, CompressProcess compress, string folder)
{
    private static readonly double[] Compressions = [0.28, 0.50];

    /// <param name="input">Model file with one matrix.</param>
    /// <param name="exponents">The p to try beside SVD.</param>
    public async Task RunAsync(string input, double[] exponents)
    {
        var table = new Table().Border(TableBorder.Simple);
        foreach (string heading in new[] { "saved", "rank", "method", "l_1", "l_1.5", "Frobenius", "worst row", "MiB", "s" })
            table.AddColumn(new TableColumn(heading) { Alignment = heading == "method" ? Justify.Left : Justify.Right, NoWrap = true, Padding = new Padding(0, 0, 1, 0) });
        var words = new List<string>();
        foreach (double compression in Compressions)
        {
            string asked = compression.ToString(CultureInfo.InvariantCulture);
            (TensorReport svd, double seconds) = await compress.RunAsync(input, Output("svd", asked), "--method", "svd", "--p", "1.5", "--compression", asked);
            AddRow(table, compression, "svd", svd, svd.Errors, seconds);
            words.Add(Text($"{compression:P0} saved: SVD leaves {svd.RelativeFrobenius:P1} of the Frobenius norm, {svd.RelativeLp:P1} of the l_1.5 norm."));
            foreach (double p in exponents)
            {
                string exponent = p.ToString(CultureInfo.InvariantCulture);
                (TensorReport lp, seconds) = await compress.RunAsync(input, Output("p" + exponent, asked), "--p", exponent, "--compression", asked);
                AddRow(table, compression, $"p = {exponent}", lp, svd.Errors, seconds);
                words.Add(InWords(p, lp.Errors, lp.Svd));
            }
        }
        console.Write(table);
        console.WriteLine("Errors relative to SVD's at the same rank, below 1 is better; MiB of factors; seconds.");
        foreach (string line in words)
            console.WriteLine(line);
    }

    private string Output(string method, string compression) => Path.Combine(folder, $"{method}-{compression}");

    private static void AddRow(Table table, double compression, string method, TensorReport report, Errors svd, double seconds) => table.AddRow(
        Text($"{compression:P0}"), Text($"{report.Rank}"), method,
        Text($"{report.Errors.L1 / svd.L1:F3}"),
        // The l_p column holds l_1.5 for the runs that report that power.
        report.P == 1.5 ? Text($"{report.Errors.Lp / svd.Lp:F3}") : "",
        Text($"{report.Errors.Frobenius / svd.Frobenius:F3}"), Text($"{report.Errors.MaxRow / svd.MaxRow:F3}"),
        Text($"{report.BytesAfter / (double)(1 << 20):F1}"), Text($"{seconds:F1}"));

    /// <summary>What l_p changed, whichever way: the error it minimises first.</summary>
    private static string InWords(double p, Errors lp, Errors svd) => Text($"  p = {p}: l_{p} {Change(lp.Lp / svd.Lp)} SVD's")
        + (p == 1 ? "" : Text($", l_1 {Change(lp.L1 / svd.L1)}")) + Text($", Frobenius {Change(lp.Frobenius / svd.Frobenius)}.");

    private static string Change(double ratio) => Text($"{Math.Abs(ratio - 1):P1} {(ratio <= 1 ? "below" : "above")}");

    private static string Text(FormattableString text) => text.ToString(Culture);

    /// <summary>Invariant, with "28%" rather than "28 %".</summary>
    private static readonly CultureInfo Culture = new("") { NumberFormat = { PercentPositivePattern = 1, PercentNegativePattern = 1 } };
}
