using System.Diagnostics;
using System.Text;
using ClusterLp.Core;
using ClusterLp.Core.Jobs.Checkpoints;
using ClusterLp.Core.Storage;
using ClusterLp.Core.Telemetry;

namespace ClusterLp.Cli.Running;

/// <summary>The span of a whole run. Its trace is the job's: a run that goes on from a job directory goes on with its trace.</summary>
internal static class JobSpan
{
    private const string FileName = "trace";

    /// <param name="store">The job; its directory keeps the trace's id.</param>
    /// <param name="began">When the run did (UTC).</param>
    /// <returns>Current from here on; null while nobody listens.</returns>
    public static Activity? Start(JobStore store, DateTime began) => !Tracing.IsOn ? null : Tracing.StartJob(TraceOf(store.Path), began)
        ?.SetTag("clusterlp.job", store.Plan.Id.Value).SetTag("clusterlp.epoch", store.Epoch.Value)
        .SetTag("clusterlp.tensors", store.Plan.Tensors.Length).SetTag("clusterlp.blocks_kept", store.State.Kept);

    /// <summary>Ends it with the run's exit code.</summary>
    public static void End(this Activity span, ExitCode code)
    {
        span.SetTag("clusterlp.exit_code", (int)code);
        if (code == ExitCode.Done)
            span.Stop();
        else
            span.Fail(code.ToString());
    }

    private static ActivityTraceId TraceOf(string jobDirectory)
    {
        string path = StoredFiles.Combine(jobDirectory, FileName);
        try
        {
            if (JobFiles.Read(path) is { } known)
                return ActivityTraceId.CreateFromString(Encoding.ASCII.GetString(known).Trim());
        }
        catch (Exception e) when (e is ArgumentException or ClusterLpException)
        {
            // A trace of its own tells nearly as much.
        }
        var trace = ActivityTraceId.CreateRandom();
        try
        {
            JobFiles.Replace(path, Encoding.ASCII.GetBytes(trace.ToHexString() + "\n"), durable: false);
        }
        catch (ClusterLpException)
        {
            // As above: only a later run misses it.
        }
        return trace;
    }
}
