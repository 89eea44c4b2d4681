using ClusterLp.Core.FactorModels;
using ClusterLp.Core.FactorModels.Krylov;
using ClusterLp.Core.Formats;
using ClusterLp.Core.Formats.Output;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Tests.Support;

namespace ClusterLp.Core.Tests.FactorModels;

/// <summary>A target error met by the block Krylov iteration: the rank comes from a sketch and from what the iteration finds.</summary>
public class KrylovTargetTests
{
    private const int D = 1024;

    private static TensorPlan Plan(float[] rows, double target, int d = D) =>
        Pipeline.Plan(rows, d, null, 2, Method.Krylov, Fit.Auto) with { TargetError = target };

    [Theory]
    [InlineData("power 1", 0.15, 0.02)]
    [InlineData("power 2", 0.01, 0)]
    [InlineData("exponential", 0.2, 0)]
    [InlineData("spikes", 0.35, 0)]
    [InlineData("power 0.5", 0.8, 0.15)]
    public void The_stored_factors_meet_it_and_no_rank_much_smaller_could(string spectrum, double target, double excess)
    {
        double[] singular = KnownSpectrum.Named(spectrum, D), tails = KnownSpectrum.Tails(singular);
        float[] rows = KnownSpectrum.Matrix(singular, true, 1);
        var blobs = new MemoryBlobs();
        TensorPlan plan = Plan(rows, target);
        FitState fit = blobs.Run(plan, rows, threads: 2);
        int best = Array.FindIndex(tails, tail => tail <= target * target * tails[0]);
        Assert.InRange(fit.Rank, best, best * (1 + excess));
        float[] products = [.. Models.Of(plan).Stored(plan, fit, blobs).Products().SelectMany(part => part)];
        double measured = Math.Sqrt(rows.Zip(products, (a, b) => ((double)a - b) * (a - b)).Sum() / tails[0]);
        Assert.InRange(measured, 0, target);
        RankSearch search = fit.Search!;
        Assert.Equal((RankSource.Sketch, fit.Rank), (search.From, search.Tries[^1].Rank));
        Assert.Equal(measured, search.Tries[^1].Measured!.Value, 1e-5);
        RankSketch sketch = search.Sketch!;
        double exact = Math.Sqrt(tails[sketch.Rank] / tails[0]);
        Assert.InRange(exact, sketch.Lower!.Value * (1 - 1e-6), sketch.Upper!.Value * (1 + 1e-6));
        Assert.InRange(sketch.Expected, 0.9 * exact, 1.1 * exact);
        Assert.True(sketch.LeastRank <= best && best <= sketch.MostRank);
    }

    [Fact]
    public void Neither_the_order_of_blocks_nor_threads_nor_how_rows_are_stored_change_the_rank()
    {
        float[] rows = TestMatrix.Sparse(500, 700, 0.05, 2);
        TensorPlan plan = Plan(rows, 0.7, 700) with { BlockRows = 256 };
        byte[] Bytes(bool backwards, int threads, bool sparse, out RankSearch search)
        {
            var blobs = new MemoryBlobs();
            FitState fit = blobs.Run(plan, rows, backwards, threads, sparse);
            search = fit.Search!;
            var stream = new MemoryStream();
            foreach (var content in Models.Of(plan).Stored(plan, fit, blobs).Contents(new FactorNames("x.0.weight", "x.1.weight", "x")))
                content.Write(stream);
            return stream.ToArray();
        }
        byte[] first = Bytes(false, 1, false, out RankSearch dense);
        Assert.Equal(first, Bytes(true, 3, false, out _));
        byte[] entries = Bytes(false, 1, true, out RankSearch sparse);
        Assert.Equal(entries, Bytes(true, 2, true, out _));
        Assert.Equal(dense.Sketch!.Rank, sparse.Sketch!.Rank);
        Assert.Equal(dense.Sketch.Expected, sparse.Sketch.Expected, 1e-9);
        Assert.Equal(dense.Tries[^1].Rank, sparse.Tries[^1].Rank);
    }

    [Fact]
    public void Where_rounding_the_factors_costs_what_was_to_spare_the_rank_is_raised_without_a_further_pass()
    {
        double[] singular = KnownSpectrum.Named("exponential", D), tails = KnownSpectrum.Tails(singular);
        float[] rows = KnownSpectrum.Matrix(singular, true, 1);
        double target = Math.Sqrt(tails[90] / tails[0]) * (1 + 1e-4);
        FitState full = new MemoryBlobs().Run(Plan(rows, target), rows), half = new MemoryBlobs().Run(Plan(rows, target) with { FactorType = ElementType.BF16 }, rows);
        Assert.Equal(90, full.Rank);
        Assert.True(half.Rank > 90 && half.Search!.Tries.Length > 1 && half.Search.Tries[0].Measured > target, "rounding was to cost more");
        Assert.InRange(half.Search.Tries[^1].Measured!.Value, 0, target);
        Assert.Equal(KrylovProgress.Of(full.Model!).Passes, KrylovProgress.Of(half.Model!).Passes);
    }

    [Fact]
    public void A_target_beyond_the_sketch_is_met_all_the_same()
    {
        // The curve ends at half of 512.
        double[] singular = KnownSpectrum.Named("power 0.5", D), tails = KnownSpectrum.Tails(singular);
        double target = Math.Sqrt(tails[330] / tails[0]) * 1.0001;
        float[] rows = KnownSpectrum.Matrix(singular, true, 1);
        FitState fit = new MemoryBlobs().Run(Plan(rows, target), rows, threads: 2);
        Assert.InRange(fit.Search!.Tries[^1].Measured!.Value, 0, target);
        Assert.InRange(fit.Rank, 330, 400);
        Assert.Null(fit.Search.Sketch!.MostRank);
    }

    [Fact]
    public void An_error_that_only_too_large_a_rank_would_reach_is_refused_and_zeros_have_rank_one()
    {
        float[] rows = KnownSpectrum.Matrix(KnownSpectrum.Named("flat", 256), true, 1);
        Assert.Contains("would not shrink", Assert.Throws<ClusterLpException>(() => new MemoryBlobs().Run(Plan(rows, 0.1, 256), rows)).Message);
        FitState zeros = new MemoryBlobs().Run(Plan(new float[200 * 90], 0.5, 90), new float[200 * 90]);
        Assert.Equal((1, 0.0), (zeros.Rank, zeros.Search!.Tries[^1].Measured));
    }
}
