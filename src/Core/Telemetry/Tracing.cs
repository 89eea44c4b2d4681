using System.Diagnostics;
using ClusterLp.Core.Jobs;

namespace ClusterLp.Core.Telemetry;

/// <summary>
/// The spans of a job: <c>job</c>, in it one a stage of a tensor, in that its blocks and its <c>reduce</c>.
/// docs/operations.md names their attributes. Nothing is made while nobody listens.
/// </summary>
public static class Tracing
{
    /// <summary>Name of the source of all spans.</summary>
    public const string SourceName = "ClusterLp";

    private static readonly ActivitySource Source = new(SourceName);

    /// <summary>Whether anybody wants spans.</summary>
    public static bool IsOn => Source.HasListeners();

    /// <summary>
    /// Starts a span under another one. It does not become the current one: actors and threads begin spans that others end.
    /// </summary>
    /// <returns>Null while nobody listens.</returns>
    public static Activity? Start(string name, ActivityKind kind, ActivityContext parent)
    {
        if (!IsOn)
            return null;
        Activity? current = Activity.Current;
        Activity? started = Source.StartActivity(name, kind, parent);
        Activity.Current = current;
        return started;
    }

    /// <summary>Starts the span of a whole job, which is current from here on.</summary>
    /// <param name="trace">The trace it begins, or goes on with after a restart.</param>
    /// <param name="began">When the job did (UTC).</param>
    public static Activity? StartJob(ActivityTraceId trace, DateTime began)
    {
        Func<ActivityTraceId>? generator = Activity.TraceIdGenerator;
        Activity.TraceIdGenerator = () => trace;
        try
        {
            Activity.Current = null;
            return Source.StartActivity(ActivityKind.Internal, default(ActivityContext), startTime: began, name: "job");
        }
        finally
        {
            Activity.TraceIdGenerator = generator;
        }
    }

    /// <summary>The span that a message says caused it.</summary>
    /// <param name="traceParent">As W3C Trace Context writes it; null or anything else: none.</param>
    public static ActivityContext? Parent(string? traceParent) =>
        ActivityContext.TryParse(traceParent, null, isRemote: true, out ActivityContext parent) ? parent : null;

    /// <summary>Ends a span that failed.</summary>
    public static void Fail(this Activity span, string reason)
    {
        span.SetStatus(ActivityStatusCode.Error, reason);
        span.Stop();
    }

    /// <summary>Says which part of the job a span is about.</summary>
    public static void SetStage(this Activity span, JobId job, TensorPlan plan, StageId stage) => span
        .SetTag("clusterlp.job", job.Value).SetTag("clusterlp.tensor", plan.Name).SetTag("clusterlp.stage", stage.ToString());
}
