using ClusterLp.Core.Formats;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Jobs.State;
using CsCheck;
using MathNet.Numerics.LinearAlgebra;

namespace ClusterLp.Core.Tests.Jobs.Checkpoints;

/// <summary>Two tensors that share a budget: the ranks are those of their spectra, whatever happens on the way.</summary>
public sealed class SharedBudgetTests
{
    private const double Compression = 0.6, Little = 0.2;

    private static JobSpec Shared(JobSpec spec) => spec with { Rank = null, Compression = Compression };

    private static readonly Lazy<(string Digest, FitState[] Fits)> Undisturbed = new(() =>
    {
        using var job = new SerialJob(Shared);
        string digest = job.Finish(out _);
        return (digest, [.. job.Run(int.MaxValue, out _).Tensors.Select(tensor => tensor.Fit)]);
    });

    [Fact]
    public void The_ranks_are_the_allotment_of_the_matrices_own_spectra()
    {
        using var job = new SerialJob(Shared);
        using IModel model = ModelFiles.Open(job.Input);
        SharingMatrix[] matrices = [.. new[] { "a", "b" }.Select(name => Spectrum(model, name))];
        long budget = RankAllotment.Budget(matrices.Sum(matrix => (double)matrix.Rows * matrix.Columns), Compression);
        int[] expected = RankAllotment.Ranks(matrices, budget);
        FitState[] fits = Undisturbed.Value.Fits;
        Assert.Equal(expected, fits.Select(fit => fit.Rank));
        Assert.NotEqual(expected[0], expected[1]);
        foreach ((FitState fit, SharingMatrix matrix) in fits.Zip(matrices))
        {
            double tail = Math.Sqrt(matrix.Eigenvalues.Skip(fit.Rank).Sum() / matrix.Eigenvalues.Sum());
            Assert.Equal(tail, fit.AllottedError!.Value, 1e-6);
            // And that is what the SVD beside the factors is measured to have.
            Assert.Equal(tail, Math.Sqrt(fit.Svd!.Squares / fit.Norms!.Squares), 1e-5);
        }
    }

    [Theory]
    [InlineData(Fit.Coreset, false, true)]
    [InlineData(Fit.Auto, false, false)]
    [InlineData(Fit.Auto, true, true)]
    public void The_factors_are_those_of_the_same_ranks_asked_for(Fit fit, bool uneven, bool coreset)
    {
        using var both = new SerialJob(spec => Shared(spec) with { Fit = fit }, uneven);
        // Of the first tensor: the row sample of another depends on its place.
        FitState shared = both.Run(int.MaxValue, out _).Tensors[0].Fit;
        using var job = new SerialJob(spec => spec with { Tensors = ["a"], Rank = shared.Rank, Fit = fit }, uneven);
        FitState alone = Assert.Single(job.Run(int.MaxValue, out _).Tensors).Fit;
        Assert.Equal(coreset, shared.CoresetRows > 0);
        Assert.Equal(alone.UBlocks.Select(blob => blob.Checksum), shared.UBlocks.Select(blob => blob.Checksum));
        Assert.Equal(alone.Basis!.Checksum, shared.Basis!.Checksum);
    }

    [Fact]
    public void They_survive_any_number_of_stops()
    {
        using var job = new SerialJob(Shared);
        for (int stop = 1; stop < 14; stop++)
            job.Run(stop, out _);
        Assert.Equal(Undisturbed.Value.Digest, job.Finish(out _));
    }

    [Fact]
    public void A_tensor_that_is_kept_whole_has_no_factors_whatever_happens_on_the_way()
    {
        JobSpec With(JobSpec spec) => spec with { Rank = null, Compression = Little };
        using var undisturbed = new SerialJob(With);
        string digest = undisturbed.Finish(out int blocks);
        Assert.Equal([false, true], undisturbed.Run(int.MaxValue, out _).Tensors.Select(tensor => tensor.Fit.KeptWhole));
        using var job = new SerialJob(With);
        for (int stop = 1; stop < 14; stop++)
            job.Run(stop, out _);
        Assert.Equal(digest, job.Finish(out _));
        Assert.Equal(blocks, job.Run(int.MaxValue, out int again).Committed);
        Assert.Equal(0, again);
    }

    [Fact]
    public void They_survive_damage_while_nobody_looks() =>
        Gen.Select(Gen.Int[5, 80], Gen.Int[0, int.MaxValue]).Sample((stop, seed) =>
        {
            using var job = new SerialJob(Shared);
            job.Run(stop, out _);
            string[] blobs = [.. Directory.GetFiles(Path.Combine(job.Directory, "blobs"), "*", SearchOption.AllDirectories).Order()];
            if (blobs.Length > 0)
                File.Delete(blobs[seed % blobs.Length]);
            Assert.Equal(Undisturbed.Value.Digest, job.Finish(out _));
        }, iter: 12);

    [Fact]
    public void A_spectrum_lost_while_ranks_are_allotted_is_found_again_by_its_own_tensor()
    {
        using var job = new SerialJob(Shared);
        // The first allotment after the scans finds the other tensor's spectrum gone.
        bool lost = false;
        job.BeforeReduction = reduce =>
        {
            if (lost || reduce.Fit.Stage.Kind != StageKind.Allot || reduce.Plan.Index != 1)
                return;
            lost = true;
            File.Delete(Path.Combine(job.Directory, "blobs", reduce.Fit.Sharing[0].Spectrum.Uri["file:".Length..]));
        };
        Assert.Equal(Undisturbed.Value.Digest, job.Finish(out int computed));
        Assert.True(lost);
    }

    private static SharingMatrix Spectrum(IModel model, string name)
    {
        using IMatrixSource source = model.OpenMatrix(name);
        var values = new float[source.Rows * source.Columns];
        source.ReadRows(0, (int)source.Rows, values);
        Vector<double> singular = Matrix<double>.Build.DenseOfRowMajor((int)source.Rows, source.Columns, values.Select(value => (double)value)).Svd(false).S;
        return new SharingMatrix(source.Rows, source.Columns, [.. singular.Select(value => value * value)]);
    }
}
