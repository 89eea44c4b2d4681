using System.Collections.Immutable;
using System.Diagnostics.Metrics;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Jobs.Checkpoints;
using ClusterLp.Core.Jobs.State;
using ClusterLp.Core.Telemetry;

namespace ClusterLp.Coordinator;

/// <summary>
/// Counts a job's transitions, and shows the state it is in as gauges until disposed. Gauges are read from whatever thread
/// asks: the state is immutable.
/// </summary>
internal sealed class JobMetrics : IDisposable
{
    private static readonly StageKind[] Stages = [.. Enum.GetValues<StageKind>().Where(stage => stage != StageKind.Done)];

    private readonly Meter _meter = new(Instruments.MeterName);
    private readonly Dictionary<(int Tensor, StageId Stage), TimeSpan> _reducing = [];
    private volatile JobState _state;

    public JobMetrics(JobState state)
    {
        _state = state;
        _meter.CreateObservableGauge("clusterlp.job.info", () => new Measurement<int>(1, new KeyValuePair<string, object?>("id", _state.Id.Value)),
            description: "Always 1; names the job.");
        _meter.CreateObservableGauge("clusterlp.job.epoch", () => _state.Epoch.Value, description: "Times a coordinator has taken the job up.");
        _meter.CreateObservableGauge("clusterlp.workers", () => _state.Workers.Count, "{worker}", "Workers in contact.");
        _meter.CreateObservableGauge("clusterlp.slots", () => _state.Workers.Values.Sum(worker => worker.Slots), "{slot}", "Blocks they can compute at once.");
        _meter.CreateObservableGauge("clusterlp.blocks.pending", () => ByStage(tensor => tensor.Blocks.Pending.Count),
            "{block}", "Blocks of stages under way that wait for a worker, by stage.");
        _meter.CreateObservableGauge("clusterlp.blocks.leased", () => ByStage(tensor => tensor.Blocks.Leased.Count), "{block}", "Blocks in workers' hands, by stage.");
        _meter.CreateObservableGauge("clusterlp.reductions", () => _state.Tensors.Count(tensor => tensor.Reducing), "{reduction}", "Stages whose blocks are committed and whose reduction is waited for.");
        _meter.CreateObservableGauge("clusterlp.tensors", () => _state.Tensors.Length, "{tensor}", "Tensors of the job.");
        _meter.CreateObservableGauge("clusterlp.tensors.done", () => _state.Tensors.Count(tensor => tensor.Fit.IsDone), "{tensor}", "Of these, tensors whose fit is done.");
    }

    /// <summary>Takes note of a transition.</summary>
    public void Observe(JobEvent cause, JobState after, ImmutableArray<JobEffect> effects)
    {
        JobState before = _state;
        _state = after;
        if (after.Retries > before.Retries)
            Instruments.BlocksRetried(after.Retries - before.Retries);
        if (after.Speculative > before.Speculative)
            Instruments.BlocksCopied(after.Speculative - before.Speculative);
        if (cause is ReductionDone reduced && _reducing.Remove((reduced.Tensor, reduced.Stage), out TimeSpan since))
            Instruments.StageReduced(reduced.Stage.Kind, cause.Now - since);
        foreach (JobEffect effect in effects)
            switch (effect)
            {
                case AssignEffect e:
                    Instruments.BlockAssigned(e.Block.Stage.Kind);
                    break;
                case ReduceEffect e:
                    _reducing[(e.Plan.Index, e.Fit.Stage)] = cause.Now;
                    break;
                case RecordEffect { Record: CommitRecord commit }:
                    TensorState tensor = after.Tensors[commit.Tensor];
                    Instruments.BlockCommitted(commit.Stage.Kind, tensor.Plan.Partition.RowCount(commit.Block), (tensor.Blocks[commit.Block] as CommittedBlock)?.Took);
                    break;
            }
    }

    public void Dispose() => _meter.Dispose();

    private IEnumerable<Measurement<int>> ByStage(Func<TensorState, int> blocks)
    {
        ILookup<StageKind, TensorState> open = _state.Tensors.ToLookup(tensor => tensor.Fit.Stage.Kind);
        return Stages.Select(stage => new Measurement<int>(open[stage].Sum(blocks), Instruments.Of(stage)));
    }
}
