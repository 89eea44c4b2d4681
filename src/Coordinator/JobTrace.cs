using System.Diagnostics;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Jobs.State;
using ClusterLp.Core.Telemetry;

namespace ClusterLp.Coordinator;

/// <summary>The spans of a job's stages: from the first block handed out to the end of the reduction, which has one in it.</summary>
internal sealed class JobTrace(JobId job, ActivityContext parent) : IDisposable
{
    private readonly Dictionary<(int Tensor, StageId Stage), (Activity Span, Activity? Reduction)> _stages = [];

    /// <summary>A block of the stage is handed out.</summary>
    /// <returns>What its worker is told as the cause; null while nobody listens.</returns>
    public string? Assigned(TensorPlan plan, StageId stage) => Stage(plan, stage)?.Id;

    /// <summary>All blocks are committed.</summary>
    public void Reducing(TensorPlan plan, StageId stage)
    {
        if (Stage(plan, stage) is not { } span)
            return;
        Activity? reduction = Tracing.Start("reduce", ActivityKind.Internal, span.Context);
        reduction?.SetStage(job, plan, stage);
        _stages[(plan.Index, stage)] = (span, reduction);
    }

    /// <summary>The stage is over.</summary>
    public void Reduced(int tensor, StageId stage)
    {
        if (!_stages.Remove((tensor, stage), out var spans))
            return;
        spans.Reduction?.Stop();
        spans.Span.Stop();
    }

    /// <summary>The reduction came to nothing; blocks of the stage may be handed out again.</summary>
    public void Failed(int tensor, StageId stage, string reason)
    {
        if (!_stages.TryGetValue((tensor, stage), out var spans))
            return;
        spans.Reduction?.Fail(reason);
        _stages[(tensor, stage)] = (spans.Span, null);
    }

    /// <summary>Ends what is open: the job was stopped in these stages.</summary>
    public void Dispose()
    {
        foreach ((Activity span, Activity? reduction) in _stages.Values)
        {
            reduction?.Fail("stopped");
            span.Fail("stopped");
        }
        _stages.Clear();
    }

    private Activity? Stage(TensorPlan plan, StageId stage)
    {
        if (_stages.TryGetValue((plan.Index, stage), out var known))
            return known.Span;
        if (parent == default || Tracing.Start("stage " + stage.Kind.ToString().ToLowerInvariant(), ActivityKind.Internal, parent) is not { } span)
            return null;
        span.SetStage(job, plan, stage);
        span.SetTag("clusterlp.blocks", plan.Partition.Count).SetTag("clusterlp.rows", plan.Rows);
        _stages.Add((plan.Index, stage), (span, null));
        return span;
    }
}
