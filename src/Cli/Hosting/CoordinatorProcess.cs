using ClusterLp.Core.Jobs;

namespace ClusterLp.Cli.Hosting;

/// <param name="Host">Address to listen on (loopback unless allowed otherwise).</param>
/// <param name="Port">Port; 0 picks a free one, which is logged and written to the job directory.</param>
/// <param name="JobDirectory">Shared folder for blobs and job state.</param>
/// <param name="Threads">Threads for reductions.</param>
/// <param name="Insecure">Allow a non-loopback address without TLS.</param>
public sealed record CoordinatorOptions(string Host, int Port, string JobDirectory, int Threads, bool Insecure);

/// <summary>The coordinator of a cluster: one node of role "coordinator"; workers join it.</summary>
public static class CoordinatorProcess
{
    public static Task<JobOutcome> RunAsync(JobPlan plan, CoordinatorOptions options, IProgress<JobProgress> progress, CancellationToken cancellation) =>
        throw new NotImplementedException();
}
