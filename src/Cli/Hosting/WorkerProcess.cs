using ClusterLp.Core;

namespace ClusterLp.Cli.Hosting;

/// <param name="CoordinatorHost">Where the coordinator listens.</param>
/// <param name="CoordinatorPort">Its port.</param>
/// <param name="Host">This worker's own address (loopback by default); its port is chosen by the system.</param>
/// <param name="Threads">Blocks computed at once.</param>
/// <param name="Insecure">Allow a non-loopback address without TLS.</param>
public sealed record WorkerOptions(string CoordinatorHost, int CoordinatorPort, string Host, int Threads, bool Insecure);

/// <summary>A worker of a cluster: joins, pulls blocks, ends when the job does.</summary>
public static class WorkerProcess
{
    /// <returns>Done when the job finished; Resumable when the coordinator was lost or never found.</returns>
    public static Task<ExitCode> RunAsync(WorkerOptions options, CancellationToken cancellation) =>
        throw new NotImplementedException();
}
