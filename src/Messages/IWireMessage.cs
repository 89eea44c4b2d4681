using ClusterLp.Core.Jobs;

namespace ClusterLp.Messages;

/// <summary>Everything coordinator and workers say to each other; <see cref="Serialization.WireSerializer"/> carries it.</summary>
public interface IWireMessage;

/// <summary>A message about one job in one coordinator's term; others are ignored by whoever receives them.</summary>
public interface IJobMessage : IWireMessage
{
    JobId JobId { get; }
    Epoch Epoch { get; }
}

/// <summary>What both sides must agree on before they talk.</summary>
public static class Protocol
{
    /// <summary>Raised whenever an older worker would misunderstand a message.</summary>
    public const int Version = 6;
}
