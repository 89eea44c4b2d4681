using System.Diagnostics;
using ClusterLp.Core.FactorModels;
using ClusterLp.Core.FactorModels.Krylov;
using ClusterLp.Core.Formats;
using ClusterLp.Core.Jobs.Blobs;
using ClusterLp.Core.Jobs.Steps;

namespace ClusterLp.Core.Jobs;

/// <summary>
/// Runs the scans of a job, which is one pass over its tensors, and the steps that choose ranks and p: the same code on the same
/// data as the job's, so that it comes to the same. Nothing is fitted.
/// </summary>
public static class JobForecaster
{
    /// <summary>O(sum n d^2 + d^3). Deterministic but for the times; memory as a job's with <paramref name="threads"/> threads.</summary>
    /// <param name="plan">The job.</param>
    /// <param name="blobs">Receives some d x d matrices a tensor, which may be dropped afterwards.</param>
    /// <param name="threads">Threads to scan with, 1 or more.</param>
    /// <param name="progress">Receives the share done, 0 to 1, from several threads; may be null.</param>
    /// <param name="cancellation">Checked at every block.</param>
    /// <exception cref="ClusterLpException">What would stop the job's scan: an entry that is not finite, a target out of reach.</exception>
    public static JobForecast Of(JobPlan plan, IBlobStore blobs, int threads, IProgress<double>? progress, CancellationToken cancellation)
    {
        using IModel model = ModelFiles.Open(plan.Tensors[0].Input);
        var context = new StepContext(blobs, threads, cancellation);
        double total = plan.Tensors.Sum(Work), done = 0;
        var fits = new FitState[plan.Tensors.Length];
        var (scans, reductions) = (new double[fits.Length], new double[fits.Length]);
        foreach (TensorPlan tensor in plan.Tensors)
        {
            var clock = Stopwatch.StartNew();
            double before = done;
            FitState fit = FitPipeline.Begin(tensor);
            BlockResult[] results = Scan(model, tensor, fit, context, share => progress?.Report((before + share * Work(tensor)) / total));
            scans[tensor.Index] = clock.Elapsed.TotalSeconds;
            fits[tensor.Index] = Reduce(tensor, fit, results, context);
            reductions[tensor.Index] = clock.Elapsed.TotalSeconds - scans[tensor.Index];
            done += Work(tensor);
        }
        SharingTensor[] sharing = [.. plan.Tensors.Where(tensor => tensor.SharedBudget is not null)
            .Select(tensor => new SharingTensor(tensor.Index, tensor.Rows, tensor.Columns, fits[tensor.Index].Spectrum!))];
        foreach (SharingTensor tensor in sharing)
            fits[tensor.Index] = Reduce(plan.Tensors[tensor.Index], fits[tensor.Index] with { Sharing = [.. sharing] }, [], context);
        Dictionary<string, long> bytes = model.Tensors.ToDictionary(tensor => tensor.Name, tensor => tensor.ByteLength);
        return new JobForecast([.. plan.Tensors.Select(tensor => Of(tensor, fits[tensor.Index], bytes[tensor.Name], context))], [.. scans], [.. reductions]);
    }

    private static double Work(TensorPlan tensor) =>
        (double)tensor.Rows * tensor.Columns * (Models.Of(tensor).ScansGram ? tensor.Columns : 4 * tensor.BlockVectors(tensor.Rank ?? 1));

    private static BlockResult[] Scan(IModel model, TensorPlan tensor, FitState fit, StepContext context, Action<double> done)
    {
        using IMatrixSource source = PlannedMatrix.Open(model, tensor);
        var results = new BlockResult[tensor.Partition.Count];
        int finished = 0;
        try
        {
            Parallel.For(0, results.Length, new ParallelOptions { MaxDegreeOfParallelism = context.Threads, CancellationToken = context.Cancellation }, block =>
            {
                BlockTask task = FitPipeline.TaskFor(tensor, fit, block);
                results[block] = FitPipeline.RunBlock(task, source, BlobNames.Block(task.Address, new Epoch(0), 0), context with { Threads = 1 });
                done(Interlocked.Increment(ref finished) / (double)results.Length);
            });
        }
        catch (AggregateException e) when (e.InnerExceptions.FirstOrDefault(inner => inner is ClusterLpException) is { } known)
        {
            throw known;
        }
        return results;
    }

    private static FitState Reduce(TensorPlan tensor, FitState fit, BlockResult[] results, StepContext context)
    {
        FitState next = FitPipeline.Reduce(tensor, fit, results, BlobNames.Reduction(tensor.Index, fit.Stage, new Epoch(0), 0), context);
        foreach (BlobRef blob in next.Superseded)
            context.Blobs.Delete(blob);
        return next;
    }

    private static TensorForecast Of(TensorPlan plan, FitState fit, long bytes, StepContext context)
    {
        plan = plan.Settled(fit);
        double? svdError = fit.KeptWhole ? 0 : null;
        if (fit is { KeptWhole: false, SvdBasis: { } basis })
        {
            double[] values = StepData.Read(context, basis).Get<double>("eigenvalues");
            double norm = TargetRank.Tail(values, 0);
            svdError = norm > 0 ? TargetRank.Tail(values, Models.BaselineRank(plan, fit.Rank)) / norm : 0;
        }
        return new TensorForecast(plan.Name, plan.Shape.Rows, checked((int)plan.Shape.Columns), plan.Transposed,
            plan.InputType.ToString().ToLowerInvariant(), plan.FactorType.ToString().ToLowerInvariant(), fit.Rank, plan.P, plan.Partition.Count,
            bytes, fit.KeptWhole ? bytes : Models.Of(plan).StoredBytes(plan, fit.Rank),
            svdError, fit.Search?.Tries[0].Expected, svdError is null ? fit.Search?.Sketch?.Upper ?? KrylovProgress.Of(fit.Model!).Bound : null,
            Models.Of(plan) is LowRankModel ? null : Models.Of(plan).Name, Models.Of(plan).WorkingBytes(plan, context.Threads),
            // Where rows are stored apart, the next pass decides.
            plan.AllowsCoreset && fit.Stage.Kind is StageKind.Lewis or StageKind.Model);
    }
}
