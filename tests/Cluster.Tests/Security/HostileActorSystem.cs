using Akka.Actor;
using Akka.Configuration;
using Akka.Serialization;
using ClusterLp.Cli.Hosting;
using ClusterLp.Messages.Serialization;

namespace ClusterLp.Cluster.Tests.Security;

/// <summary>An actor system like any other, with all of Akka's serializers, that talks to a coordinator over plain TCP.</summary>
internal sealed class HostileActorSystem : IAsyncDisposable
{
    private readonly ActorSystem _system;
    private readonly Address _address;

    /// <param name="from">Its own loopback address.</param>
    /// <param name="coordinator">HOST:PORT of its victim.</param>
    /// <param name="forged">Identifier under which it sends forgeries.</param>
    public HostileActorSystem(string from, string coordinator, int forged = 7000)
    {
        _system = ActorSystem.Create("hostile", ConfigurationFactory.ParseString(
            $$"""
            akka {
              loglevel = OFF
              stdout-loglevel = OFF
              log-serializer-override-on-start = off
              actor {
                provider = remote
                serializers.forger = "{{typeof(Forger).AssemblyQualifiedName}}"
                serialization-settings.forger.identifier = {{forged}}
                serialization-bindings { "{{typeof(Forgery).AssemblyQualifiedName}}" = forger }
              }
              remote.dot-netty.tcp { hostname = "{{from}}", port = 0 }
            }
            """).WithFallback(WireSerializer.Config));
        int colon = coordinator.LastIndexOf(':');
        _address = new Address("akka.tcp", NodeConfig.SystemName, coordinator[..colon], int.Parse(coordinator[(colon + 1)..], System.Globalization.CultureInfo.InvariantCulture));
    }

    private ActorSelection Coordinator => _system.ActorSelection(new RootActorPath(_address) / "user" / "coordinator");

    public void Tell(object message) => Coordinator.Tell(message);

    public Task<T> AskAsync<T>(object message) => Coordinator.Ask<T>(message, TimeSpan.FromSeconds(30));

    /// <summary>A payload with a manifest of one's choice.</summary>
    public void Forge(string manifest, byte[] payload) => Coordinator.Tell(new Forgery(manifest, payload));

    /// <summary>Asks the coordinator's process to create an actor of a type of one's choice.</summary>
    public void Deploy() => _system.ActorOf(Props.Create<Trojan>().WithDeploy(new Deploy(new RemoteScope(_address))));

    public async ValueTask DisposeAsync() => await _system.Terminate();

    private sealed record Forgery(string Manifest, byte[] Payload);

    private sealed class Trojan : ReceiveActor;

    private sealed class Forger(ExtendedActorSystem system, Config settings) : SerializerWithStringManifest(system)
    {
        public override int Identifier { get; } = settings.GetInt("identifier");

        public override string Manifest(object o) => ((Forgery)o).Manifest;

        public override byte[] ToBinary(object obj) => ((Forgery)obj).Payload;

        public override object FromBinary(byte[] bytes, string manifest) => throw new NotSupportedException();
    }
}
