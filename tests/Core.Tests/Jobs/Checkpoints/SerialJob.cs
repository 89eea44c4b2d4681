using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using ClusterLp.Core.Formats;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Jobs.Blobs;
using ClusterLp.Core.Jobs.Checkpoints;
using ClusterLp.Core.Jobs.State;
using ClusterLp.Core.Tests.Formats;

namespace ClusterLp.Core.Tests.Jobs.Checkpoints;

/// <summary>
/// A real job of two small tensors on a real job directory, driven in this thread by one worker, that can be abandoned
/// after any number of steps and opened again.
/// </summary>
internal sealed class SerialJob : IDisposable
{
    public const int Rows = 330, Columns = 8;

    private readonly TemporaryFolder _folder = new();
    private readonly WorkerId _worker = new("w");

    private readonly Func<JobSpec, JobSpec> _with;

    /// <param name="with">Changes what is asked for; null: nothing. V is fitted on a coreset, which takes all stages but the joint one.</param>
    /// <param name="uneven">One row in 55 is a thousandfold: they hold nearly all of the norm.</param>
    public SerialJob(Func<JobSpec, JobSpec>? with = null, bool uneven = false)
    {
        _with = with ?? (spec => spec);
        var random = new Random(5);
        float[] values = [.. Enumerable.Range(0, Rows * Columns).Select(i => (float)(Math.Tan(1.5 * (random.NextDouble() * 2 - 1)) + i % Columns) * (uneven && i / Columns % 55 == 0 ? 1000 : 1))];
        Input = _folder.Write("model.safetensors", SampleModels.File(
            ("a", "F32", $"[{Rows},{Columns}]", Craft.Bytes(values)),
            ("b", "F32", $"[{Rows / 2},{Columns}]", Craft.Bytes(values[..(Rows / 2 * Columns)]))));
    }

    public string Input { get; }

    /// <summary>Told of every reduction before it begins.</summary>
    public Action<ReduceEffect>? BeforeReduction { get; set; }

    public string Directory => _folder["job"];

    public JobSpec Spec => _with(new() { Input = Input, Output = _folder["out"], Rank = 3, P = 1.5, Fit = Fit.Coreset, BlockRows = 60 });

    public JobStore Open(JobSpec? spec = null) =>
        JobStore.Open(Directory, JobPlanner.Plan(spec ?? Spec), new JobPolicy { TensorWindow = 2 }, durable: false, _ => { }, CancellationToken.None);

    /// <summary>Goes on with the job as it lies in the directory, and abandons it after so many events.</summary>
    /// <returns>The last state.</returns>
    public JobState Run(int mostEvents, out int computed)
    {
        using JobStore store = Open();
        using IModel model = ModelFiles.Open(Input);
        var context = new StepContext(store.Blobs, 1, CancellationToken.None);
        JobState state = store.State;
        var events = new Queue<JobEvent>([new JobStarted(default), new WorkerRegistered(_worker, 2, default)]);
        int blocks = 0;
        for (int n = 0; n < mostEvents && state.End is null; n++)
        {
            if (events.Count == 0)
                events.Enqueue(new WorkRequested(_worker, 2, default));
            (state, ImmutableArray<JobEffect> effects) = state.Apply(events.Dequeue());
            foreach (JobEffect effect in effects)
                Perform(effect);
        }
        computed = blocks;
        return state;

        void Perform(JobEffect effect)
        {
            switch (effect)
            {
                case RecordEffect e:
                    store.Log.Append([e.Record]);
                    break;
                case SnapshotEffect e:
                    store.Log.Snapshot(state, e.Superseded);
                    break;
                case DropEffect e:
                    foreach (BlobRef blob in e.Blobs)
                        store.Blobs.Delete(blob);
                    break;
                case ReduceEffect e:
                    events.Enqueue(Reduce(e));
                    break;
                case AssignEffect e:
                    events.Enqueue(Compute(e));
                    break;
            }
        }

        JobEvent Reduce(ReduceEffect e)
        {
            try
            {
                BeforeReduction?.Invoke(e);
                string prefix = BlobNames.Reduction(e.Plan.Index, e.Fit.Stage, state.Epoch, e.Rewinds);
                return new ReductionDone(e.Plan.Index, e.Fit.Stage, FitPipeline.Reduce(e.Plan, e.Fit, e.Results, prefix, context), default);
            }
            catch (BlobCorruptException bad)
            {
                return new ReductionFailed(e.Plan.Index, e.Fit.Stage, bad.Code, bad.Message, bad.Blob, default);
            }
        }

        JobEvent Compute(AssignEffect e)
        {
            TensorState tensor = state.Tensors[e.Block.Tensor];
            BlockTask task = FitPipeline.TaskFor(tensor.Plan, tensor.Fit, e.Block.Block);
            using IMatrixSource matrix = PlannedMatrix.Open(model, tensor.Plan);
            try
            {
                blocks++;
                BlockResult result = FitPipeline.RunBlock(task, matrix, BlobNames.Block(e.Block, state.Epoch, e.Attempt), context);
                return new BlockDone(_worker, e.Block, state.Epoch, e.Attempt, result, default);
            }
            catch (BlobCorruptException bad)
            {
                return new InputLost(e.Block.Tensor, e.Block.Stage, bad.Blob, bad.Message, default);
            }
        }
    }

    /// <summary>Runs to the end; a hash over all factors as stored.</summary>
    public string Finish(out int computed)
    {
        JobState last = Run(int.MaxValue, out computed);
        Assert.Equal(JobEnd.Done, last.End);
        IBlobStore blobs = JobStore.BlobsOf(Directory);
        var text = new StringBuilder();
        foreach (FitState fit in last.Tensors.Select(tensor => tensor.Fit).Where(fit => !fit.KeptWhole))
            foreach (BlobRef blob in fit.UBlocks.Concat(fit.Basis is { } basis ? [basis] : fit.Model!.Shared))
            {
                Assert.True(blobs.IsIntact(blob, CancellationToken.None));
                text.Append(blob.Checksum);
            }
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.ASCII.GetBytes(text.ToString())));
    }

    public void Dispose() => _folder.Dispose();
}
