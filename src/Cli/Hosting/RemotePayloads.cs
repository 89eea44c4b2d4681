using System.Runtime.Serialization;
using Akka.Actor;
using Akka.Configuration;
using Akka.Dispatch.SysMsg;
using Akka.Remote.Serialization;
using Akka.Serialization;
using ClusterLp.Messages.Serialization;

namespace ClusterLp.Cli.Hosting;

/// <summary>
/// What a node makes objects of when it arrives over the network: our messages, the cluster's own, and the few of Akka's
/// remoting that carry no type names. Akka's other serializers would let the sender name a type to look up or an actor to
/// create; each is replaced, under its identifier, by one that refuses.
/// </summary>
internal static class RemotePayloads
{
    /// <summary>Part of every configuration that listens on an address.</summary>
    public static Config Config { get; } = ConfigurationFactory.ParseString(
        $$"""
        akka {
          log-serializer-override-on-start = off
          actor {
            serializers {
              json = "{{Name<RefusingSerializer>()}}"
              bytes = "{{Name<RefusingSerializer>()}}"
              proto = "{{Name<RefusingSerializer>()}}"
              daemon-create = "{{Name<RefusingSerializer>()}}"
              reliable-delivery = "{{Name<RefusingSerializer>()}}"
              akka-misc = "{{Name<WatchedSerializer>()}}"
              akka-system-msg = "{{Name<DeathWatchSerializer>()}}"
            }
            serialization-settings {
              allow-unregistered-types = false
              json.identifier = 1
              bytes.identifier = 4
              proto.identifier = 2
              daemon-create.identifier = 3
              reliable-delivery.identifier = 36
            }
          }
        }
        """).WithFallback(WireSerializer.Config);

    private static string Name<T>() => typeof(T).AssemblyQualifiedName!;
}

/// <summary>Stands where a serializer of Akka's would be, and takes nothing either way.</summary>
internal sealed class RefusingSerializer(ExtendedActorSystem system, Config settings) : SerializerWithStringManifest(system)
{
    public override int Identifier { get; } = settings.GetInt("identifier");

    public override string Manifest(object o) => throw Refusal(o.GetType().Name);

    public override byte[] ToBinary(object obj) => throw Refusal(obj.GetType().Name);

    public override object FromBinary(byte[] bytes, string manifest) => throw Refusal(manifest);

    private SerializationException Refusal(string what) => new($"serializer {Identifier} is closed on this network (\"{what}\")");
}

/// <summary>Of Akka's miscellaneous messages those that find and watch actors; not those that stop, deploy or configure them.</summary>
internal sealed class WatchedSerializer(ExtendedActorSystem system) : SerializerWithStringManifest(system)
{
    private static readonly HashSet<string> Admitted = ["ID", "AID", "RWHB", "RWHR"];

    private readonly MiscMessageSerializer _inner = new(system);

    public override int Identifier => _inner.Identifier;

    public override string Manifest(object o) => Admit(_inner.Manifest(o));

    public override byte[] ToBinary(object obj) => _inner.ToBinary(obj);

    public override object FromBinary(byte[] bytes, string manifest) => _inner.FromBinary(bytes, Admit(manifest));

    private static string Admit(string manifest) => Admitted.Contains(manifest)
        ? manifest
        : throw new SerializationException($"message \"{manifest}\" of the actor system is closed on this network");
}

/// <summary>
/// Of the actor system's own messages those of death watch. The others order an actor about, or carry an exception whose
/// type the sender names.
/// </summary>
internal sealed class DeathWatchSerializer(ExtendedActorSystem system) : SerializerWithStringManifest(system)
{
    private readonly SystemMessageSerializer _inner = new(system);

    public override int Identifier => _inner.Identifier;

    public override string Manifest(object o) => o switch
    {
        Watch => nameof(Watch),
        Unwatch => nameof(Unwatch),
        DeathWatchNotification => nameof(DeathWatchNotification),
        _ => throw Refusal(o.GetType().Name),
    };

    public override byte[] ToBinary(object obj) => _inner.ToBinary(obj);

    public override object FromBinary(byte[] bytes, string manifest) => _inner.FromBinary(bytes, manifest switch
    {
        nameof(Watch) => typeof(Watch),
        nameof(Unwatch) => typeof(Unwatch),
        nameof(DeathWatchNotification) => typeof(DeathWatchNotification),
        _ => throw Refusal(manifest),
    });

    private static SerializationException Refusal(string what) => new($"system message \"{what}\" is closed on this network");
}
