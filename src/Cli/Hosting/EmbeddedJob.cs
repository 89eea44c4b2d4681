using ClusterLp.Core.Jobs;

namespace ClusterLp.Cli.Hosting;

/// <param name="Workers">Worker actors in this process, 1 or more.</param>
/// <param name="ThreadsPerWorker">Slots (dedicated threads) of each, 1 or more.</param>
/// <param name="JobDirectory">Where blobs and job state go.</param>
public sealed record EmbeddedOptions(int Workers, int ThreadsPerWorker, string JobDirectory);

/// <summary>Runs a job's fit with coordinator and workers in this process: the same actors, no network.</summary>
public static class EmbeddedJob
{
    /// <exception cref="Core.ClusterLpException">The job failed; says why and with which exit code.</exception>
    public static Task<JobOutcome> RunAsync(JobPlan plan, EmbeddedOptions options, IProgress<JobProgress> progress, CancellationToken cancellation) =>
        throw new NotImplementedException();
}
