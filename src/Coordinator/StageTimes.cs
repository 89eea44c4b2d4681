using System.Diagnostics;
using Akka.Event;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Jobs.State;

namespace ClusterLp.Coordinator;

/// <summary>
/// Says in the log how long each stage took: its blocks, from the first handed out to the last committed, one block on
/// average, and the reduction, during which the tensor's blocks wait; and what of it was done before.
/// </summary>
internal sealed class StageTimes(ILoggingAdapter log)
{
    private readonly Dictionary<(int Tensor, StageId Stage), (long Assigned, long Committed)> _times = [];

    /// <summary>A block of the stage is handed out; the first counts.</summary>
    public void Assigned(BlockAddress block) => _times.TryAdd((block.Tensor, block.Stage), (Stopwatch.GetTimestamp(), 0));

    /// <summary>All blocks are committed.</summary>
    public void Reducing(int tensor, StageId stage)
    {
        // Nothing was handed out where an earlier run had committed all.
        if (_times.TryGetValue((tensor, stage), out var times))
            _times[(tensor, stage)] = times with { Committed = Stopwatch.GetTimestamp() };
    }

    /// <summary>The stage is over.</summary>
    /// <param name="before">The tensor before its reduction counts.</param>
    /// <param name="ahead">Gram matrices that were added up while blocks were computed, and how long that took.</param>
    public void Reduced(TensorState before, (int Count, TimeSpan Took) ahead)
    {
        if (!_times.Remove((before.Plan.Index, before.Fit.Stage), out var times))
            return;
        if (ahead.Count > 0)
            log.Info("tensor \"{tensor}\", {stage}: {ahead} Gram matrices added up in {adding:0.0000} s while blocks were computed",
                before.Plan.Name, before.Fit.Stage, ahead.Count, ahead.Took.TotalSeconds);
        // Blocks that another process computed have no time.
        double each = before.Blocks.OfType<CommittedBlock>().Select(block => block.Took?.TotalSeconds).Average() ?? 0;
        log.Info("tensor \"{tensor}\", {stage}: {blocks} blocks in {seconds:0.0000} s, {each:0.0000} s each; reduced in {reduced:0.0000} s",
            before.Plan.Name, before.Fit.Stage, before.Blocks.Count, Stopwatch.GetElapsedTime(times.Assigned, times.Committed).TotalSeconds, each,
            Stopwatch.GetElapsedTime(times.Committed).TotalSeconds);
    }
}
