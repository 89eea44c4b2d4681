using ClusterLp.Core.Networking;

namespace ClusterLp.Cli.Hosting;

/// <summary>Where a node listens, and the name other nodes reach it by; the two differ where names are given from outside, as in a container.</summary>
/// <param name="Bind">Name or IP address to listen on; an any-address (0.0.0.0, ::) takes all of this machine's.</param>
/// <param name="Port">0: a free one.</param>
/// <param name="PublicName">What others dial; null: <paramref name="Bind"/>, or the machine's name where that is an any-address.</param>
public sealed record NodeAddress(string Bind, int Port, string? PublicName = null)
{
    /// <summary>Name or IP address, never an any-address unless it was asked for.</summary>
    public string Public { get; } = PublicName ?? ListenAddress.PublicName(Bind);
}
