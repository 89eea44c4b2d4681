using System.Runtime.Serialization;
using Akka.Actor;
using Akka.Configuration;
using Akka.Serialization;
using ClusterLp.Messages.Wire;
using Google.Protobuf;

namespace ClusterLp.Messages.Serialization;

/// <summary>
/// Protobuf for every <see cref="IWireMessage"/>. A message too large for a frame is refused here: the transport would
/// drop it with nothing but a log line on this side.
/// </summary>
public sealed class WireSerializer : SerializerWithStringManifest
{
    /// <summary>Binds the serializer to the marker interface; part of every configuration.</summary>
    public static Config Config { get; } = ConfigurationFactory.ParseString(
        $$"""
        akka.actor {
          serializers.clusterlp = "{{typeof(WireSerializer).AssemblyQualifiedName}}"
          serialization-bindings { "{{typeof(IWireMessage).AssemblyQualifiedName}}" = clusterlp }
          serialization-identifiers { "{{typeof(WireSerializer).AssemblyQualifiedName}}" = {{Id}} }
        }
        """);

    private const int Id = 817;
    /// <summary>Room for the transport's own header and the actors' addresses in a frame.</summary>
    private const long EnvelopeBytes = 8 << 10;
    private const long DefaultFrameBytes = 1 << 20;

    private readonly long _largest;

    public WireSerializer(ExtendedActorSystem system) : base(system) =>
        _largest = (system.Settings.Config.GetByteSize("akka.remote.dot-netty.tcp.maximum-frame-size", null) ?? DefaultFrameBytes) - EnvelopeBytes;

    public override int Identifier => Id;

    /// <exception cref="SerializationException">Not a wire message.</exception>
    public override string Manifest(object o) => o is IWireMessage message
        ? message.GetType().Name
        : throw new SerializationException($"{o.GetType()} is not a wire message.");

    /// <exception cref="SerializationException">Not a wire message, or larger than a frame.</exception>
    public override byte[] ToBinary(object obj)
    {
        IMessage wire = obj switch
        {
            RegisterWorker m => MessageMapping.ToWire(m),
            WorkerAccepted m => MessageMapping.ToWire(m),
            WorkerRejected m => MessageMapping.ToWire(m),
            RequestWork m => MessageMapping.ToWire(m),
            AssignBlock m => MessageMapping.ToWire(m),
            CancelBlock m => MessageMapping.ToWire(m),
            BlockProgress m => MessageMapping.ToWire(m),
            BlockComputed m => MessageMapping.ToWire(m),
            BlockFailed m => MessageMapping.ToWire(m),
            BlockCommitted m => MessageMapping.ToWire(m),
            NoWork m => MessageMapping.ToWire(m),
            JobFinished m => MessageMapping.ToWire(m),
            RequestStatus => new RequestStatusWire(),
            StatusReported m => StatusMapping.ToWire(m),
            _ => throw new SerializationException($"{obj.GetType()} is not a wire message."),
        };
        int size = wire.CalculateSize();
        return size <= _largest
            ? wire.ToByteArray()
            : throw new SerializationException($"{obj.GetType().Name} takes {size} bytes; a frame holds {_largest}. Bulk data belongs in a blob.");
    }

    /// <exception cref="SerializationException">Unknown manifest, or bytes that are not that message.</exception>
    public override object FromBinary(byte[] bytes, string manifest)
    {
        try
        {
            return manifest switch
            {
                nameof(RegisterWorker) => MessageMapping.FromWire(RegisterWorkerWire.Parser.ParseFrom(bytes)),
                nameof(WorkerAccepted) => MessageMapping.FromWire(WorkerAcceptedWire.Parser.ParseFrom(bytes)),
                nameof(WorkerRejected) => MessageMapping.FromWire(WorkerRejectedWire.Parser.ParseFrom(bytes)),
                nameof(RequestWork) => MessageMapping.FromWire(RequestWorkWire.Parser.ParseFrom(bytes)),
                nameof(AssignBlock) => MessageMapping.FromWire(AssignBlockWire.Parser.ParseFrom(bytes)),
                nameof(CancelBlock) => MessageMapping.FromWire(CancelBlockWire.Parser.ParseFrom(bytes)),
                nameof(BlockProgress) => MessageMapping.FromWire(BlockProgressWire.Parser.ParseFrom(bytes)),
                nameof(BlockComputed) => MessageMapping.FromWire(BlockComputedWire.Parser.ParseFrom(bytes)),
                nameof(BlockFailed) => MessageMapping.FromWire(BlockFailedWire.Parser.ParseFrom(bytes)),
                nameof(BlockCommitted) => MessageMapping.FromWire(BlockCommittedWire.Parser.ParseFrom(bytes)),
                nameof(NoWork) => MessageMapping.FromWire(NoWorkWire.Parser.ParseFrom(bytes)),
                nameof(RequestStatus) => RequestStatus.Instance,
                nameof(StatusReported) => StatusMapping.FromWire(StatusReportedWire.Parser.ParseFrom(bytes)),
                nameof(JobFinished) => MessageMapping.FromWire(JobFinishedWire.Parser.ParseFrom(bytes)),
                _ => throw new SerializationException($"unknown message \"{manifest}\": coordinator and worker are of different versions."),
            };
        }
        catch (Exception e) when (e is InvalidProtocolBufferException or NullReferenceException or ArgumentException)
        {
            throw new SerializationException($"{bytes.Length} bytes are not a {manifest}: {e.Message}", e);
        }
    }
}
