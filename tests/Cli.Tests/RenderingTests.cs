using System.Collections.Immutable;
using ClusterLp.Cli.Rendering;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Reporting;

namespace ClusterLp.Cli.Tests;

public class RenderingTests
{
    private static TensorReport Tensor(string name, Errors ours, Errors svd, double p = 1.5, string method = "lp") => new()
    {
        Name = name, Rows = 50265, Columns = 768, InputType = "f32", FactorType = "f32", Rank = 544, P = p, Method = method, Fit = "coreset",
        BytesBefore = 154_414_080, BytesAfter = 111_047_808, Errors = ours, Svd = svd, RelativeLp = 0.25, RelativeFrobenius = 0.3,
        LargestGap = 0.001, LewisRounds = 3, CoresetRows = 7680, MergeIterations = 5, RefineRounds = 2, MeanRegressionIterations = 18, Blocks = 32,
    };

    private static JobReport Report(params TensorReport[] tensors) => new()
    {
        JobId = "x", Tool = "clusterlp", Parameters = new JobSpec { Input = "m", Output = "out" }, Tensors = [.. tensors],
        Untouched = [new SkippedTensor("bias", "1-D")], Inputs = [], Outputs = [new FileHash("model.safetensors", 1, "")],
        Seconds = new JobTimes(0.1, 11.1, 0.5, 12.34), Workers = 1, Kernels = "avx2", Factorisations = "x",
    };

    private static string Render(JobReport report, int width)
    {
        var text = new StringWriter();
        ResultsView.Write(CommandLine.Console(text, width), report);
        return text.ToString();
    }

    private static string InOneLine(string text) => string.Join(' ', text.Split((char[])[' ', '\n', '\r'], StringSplitOptions.RemoveEmptyEntries));

    [Theory, InlineData(80), InlineData(120)]
    public void Results_set_lp_beside_svd_and_fit_the_width(int width)
    {
        string text = Render(Report(Tensor("roberta.embeddings.word_embeddings.weight", new Errors(70, 887, 102, 5, null), new Errors(100, 1000, 100, 4, null))), width);
        Assert.All(text.Split('\n'), line => Assert.True(line.TrimEnd().Length <= width, line));
        string words = InOneLine(text);
        Assert.Contains("50265 x 768 544 147.3 MiB -> 105.9 MiB 28.1 %", InOneLine(Render(Report(Tensor("w", new Errors(70, 887, 102, 5, null), new Errors(100, 1000, 100, 4, null))), width)));
        Assert.Contains("l_1.5 887 1000 0.8870", words);
        Assert.Contains("l_1 70 100 0.7000", words);
        Assert.Contains("Frobenius 102 100 1.0200", words);
        Assert.Contains("largest row 5 4 1.2500", words);
        Assert.Contains("l_1.5 error 11.3 % lower than SVD's at the same rank; Frobenius 2.0 % higher, as must be for p < 2.", words);
        Assert.Contains("1 other tensors unchanged", words);
    }

    [Fact]
    public void Where_lp_does_not_help_the_words_say_so()
    {
        string words = InOneLine(Render(Report(Tensor("w", new Errors(101, 1004, 102, 5, null), new Errors(100, 1000, 100, 4, null))), 80));
        Assert.Contains("l_1.5 error 0.4 % higher than SVD's at the same rank", words);
        Assert.Contains("l_p did not help here", words);
        words = InOneLine(Render(Report(Tensor("w", new Errors(100, 1000, 100, 4, null), new Errors(100, 1000, 100, 4, null))), 80));
        Assert.Contains("l_1.5 error the same as SVD's at the same rank; Frobenius the same: l_p did not help here", words);
    }

    [Fact]
    public void The_certificate_is_told_and_rows_that_missed_the_tolerance_are_counted()
    {
        TensorReport tensor = Tensor("w", new Errors(70, 887, 102, 5, null), new Errors(100, 1000, 100, 4, null)) with { LargestGap = 0.012, SumGap = 0.0034, Tolerance = 0.01 };
        string words = InOneLine(Render(Report(tensor), 80));
        Assert.Contains("every row of U is within 1.2 % of its best l_1.5 error, and the sum of |r|^1.5 within 0.34 % of the least.", words);
        Assert.DoesNotContain("iterations ran out", words);
        Assert.Contains("7 of 50265 rows did not come within the tolerance of 1 %", InOneLine(Render(Report(tensor with { RowsAboveTolerance = 7 }), 80)));
    }

    [Fact]
    public void Rounding_errors_are_not_compared()
    {
        string words = InOneLine(Render(Report(Tensor("w", new Errors(2e-6, 2e-6, 2e-6, 1e-6, null), new Errors(1e-6, 1e-6, 1e-6, 1e-6, null)) with { RelativeLp = 1e-7 }), 80));
        Assert.Contains("has this rank up to rounding", words);
        Assert.DoesNotContain("than SVD's", words);
    }

    [Fact]
    public void Weighted_jobs_are_judged_by_the_weighted_error_and_promise_nothing_of_frobenius()
    {
        string words = InOneLine(Render(Report(Tensor("w", new Errors(100, 1100, 110, 5, 80), new Errors(100, 1000, 100, 4, 100))), 80));
        Assert.Contains("row-weighted l_1.5 80 100 0.8000", words);
        Assert.Contains("Row-weighted l_1.5 error 20.0 % lower than SVD's", words);
        Assert.DoesNotContain("as must be", words);
    }

    [Fact]
    public void Svd_is_not_compared_with_itself_in_words()
    {
        string words = InOneLine(Render(Report(Tensor("w", new Errors(100, 1000, 100, 4, null), new Errors(100, 1000, 100, 4, null), method: "svd")), 80));
        Assert.Contains("This is the SVD itself", words);
        Assert.DoesNotContain("did not help", words);
    }

    [Fact]
    public void At_p_2_the_words_say_that_svd_is_the_answer()
    {
        string words = InOneLine(Render(Report(Tensor("w", new Errors(100, 100, 100, 4, null), new Errors(100, 100, 100, 4, null), p: 2)), 80));
        Assert.Contains("At p = 2 the best factors are the SVD's", words);
        Assert.DoesNotContain("did not help", words);
    }

    [Fact]
    public void Many_tensors_share_one_table_of_ratios()
    {
        TensorReport[] tensors = [.. Enumerable.Range(0, 6).Select(i => Tensor($"layer.{i}.weight", new Errors(90, 950, 101, 4, null), new Errors(100, 1000, 100, 4, null)))];
        string words = InOneLine(Render(Report(tensors), 80));
        Assert.Contains("layer.5.weight 0.9500 0.9000 1.0100 1.0000", words);
        // A word only for those that need one.
        Assert.DoesNotContain("layer.5.weight:", words);
        tensors[5] = Tensor("layer.5.weight", new Errors(90, 1000, 101, 4, null), new Errors(100, 1000, 100, 4, null));
        Assert.Contains("layer.5.weight: l_1.5 error the same as SVD's", InOneLine(Render(Report(tensors), 80)));
    }

    [Fact]
    public void Where_more_than_two_factors_is_stored_the_rival_of_many_tensors_is_the_svd_of_their_size()
    {
        TensorReport[] tensors = [.. Enumerable.Range(0, 6).Select(i => Tensor($"layer.{i}.weight", new Errors(90, 950, 101, 4, null), new Errors(100, 1000, 100, 4, null)))];
        Assert.Contains("those of SVD at the same rank: below", InOneLine(Render(Report(tensors), 80)));
        string words = InOneLine(Render(Report([.. tensors.Select(tensor => tensor with { Model = "subspaces", SvdRank = 560 })]), 80));
        Assert.Contains("those of the SVD of equal size: below", words);
        Assert.DoesNotContain("same rank", words);
    }

    [Theory]
    [InlineData(60, 0, "0 %")]
    [InlineData(79, 0.5, "50 %")]
    [InlineData(119, 1, "100 %")]
    public void A_bar_fills_in_proportion_and_never_wraps(int width, double share, string percent)
    {
        string bar = ProgressDisplay.Bar(new ProgressRow("encoder.embeddings.word_embeddings.weight", share, "factorise 16/32, 41.2k rows/s, about 12 s left"), width, unicode: false);
        Assert.True(bar.Length <= width);
        Assert.Contains(percent, bar);
        int filled = bar.Count(c => c == '#'), empty = bar.Count(c => c == '-');
        Assert.Equal(share, filled / (double)(filled + empty), 0.1);
    }

    [Theory]
    [InlineData(0.4, "0 s")]
    [InlineData(59.6, "1:00 min")]
    [InlineData(185, "3:05 min")]
    [InlineData(7800, "2:10 h")]
    public void Durations_read_naturally(double seconds, string expected) => Assert.Equal(expected, Figures.Duration(TimeSpan.FromSeconds(seconds)));

    [Theory]
    [InlineData(512, "512 B")]
    [InlineData(1536, "1.5 KiB")]
    [InlineData(154_414_080, "147.3 MiB")]
    public void Sizes_read_in_binary_units(double bytes, string expected) => Assert.Equal(expected, Figures.Bytes(bytes));

    [Fact]
    public void Names_that_look_like_markup_are_shown_as_they_are()
    {
        string words = Render(Report(Tensor("w[red]", new Errors(1, 1, 1, 1, null), new Errors(1, 1, 1, 1, null))), 80);
        Assert.Contains("w[red]", words);
    }
}
