using System.Security.Cryptography.X509Certificates;
using System.Text;
using Akka.Actor;
using ClusterLp.Core;
using ClusterLp.Core.Jobs;
using ClusterLp.Messages;

namespace ClusterLp.Cluster.Tests.Security;

/// <summary>Two coordinators that wait for workers, one with TLS and one without: what strangers get to hear from them.</summary>
public sealed class WaitingCoordinators : IAsyncLifetime, IDisposable
{
    private readonly HeavyTailedJob _job = new();
    private static int s_strangers = 1;

    internal TestAuthority Authority { get; } = new();

    internal RunningCoordinator Tls { get; private set; } = null!;

    internal RunningCoordinator Plain { get; private set; } = null!;

    /// <summary>A loopback address that nobody has used yet: a node mentions each of them.</summary>
    internal static string NextAddress() => $"127.0.0.{Interlocked.Increment(ref s_strangers)}";

    public async Task InitializeAsync()
    {
        Tls = await _job.StartCoordinatorAsync(options: Authority.Options);
        Plain = await _job.StartCoordinatorAsync();
    }

    public Task DisposeAsync() => Task.CompletedTask;

    public void Dispose()
    {
        Tls?.Dispose();
        Plain?.Dispose();
        Authority.Dispose();
        _job.Dispose();
    }
}

/// <summary>Every refusal is one line that says who and why, and the coordinator goes on.</summary>
public sealed class RefusalTests(WaitingCoordinators waiting) : IClassFixture<WaitingCoordinators>
{
    private readonly string _me = WaitingCoordinators.NextAddress();

    public static TheoryData<string, string> Certificates => new()
    {
        { "none", "it shows no certificate" },
        { "another authority's", "its certificate does not come from this cluster's authority" },
        { "expired", "only" },
        { "for servers only", "its certificate is not meant for a client" },
    };

    [Theory]
    [MemberData(nameof(Certificates))]
    public async Task A_peer_without_a_valid_certificate_is_refused(string kind, string reason)
    {
        using var other = new TestAuthority();
        using X509Certificate2? certificate = kind switch
        {
            "none" => null,
            "another authority's" => other.Node,
            "expired" => waiting.Authority.Expired(),
            _ => waiting.Authority.ForServersOnly(),
        };
        await Stranger.SendAsync(_me, waiting.Tls.Address, certificate, Stranger.EmptyTalk);
        await RefusedAsync(waiting.Tls, reason);
    }

    public static TheoryData<string, byte[], string> Bytes => new()
    {
        { "plain", Stranger.Http, "a frame that is too large" },
        { "plain", Stranger.EmptyTalk, "bytes that are no message of this protocol" },
        { "plain", Stranger.OversizedFrame, "a frame that is too large" },
        { "tls", Stranger.Http, "it does not speak TLS" },
        { "tls", Stranger.EmptyTalk, "it does not speak TLS" },
        { "inside tls", Stranger.Http, "a frame that is too large" },
        { "inside tls", Stranger.EmptyTalk, "bytes that are no message of this protocol" },
        { "inside tls", Stranger.OversizedFrame, "a frame that is too large" },
    };

    [Theory]
    [MemberData(nameof(Bytes))]
    public async Task Bytes_that_are_not_the_protocol_are_refused(string where, byte[] bytes, string reason)
    {
        RunningCoordinator coordinator = where == "plain" ? waiting.Plain : waiting.Tls;
        if (where == "inside tls")
        {
            using X509Certificate2 node = waiting.Authority.Node;
            await Stranger.SendAsync(_me, coordinator.Address, node, bytes);
        }
        else
        {
            await Stranger.SendAsync(_me, coordinator.Address, bytes);
        }
        await RefusedAsync(coordinator, reason);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_peer_that_says_nothing_is_not_waited_for(bool tls)
    {
        RunningCoordinator coordinator = tls ? waiting.Tls : waiting.Plain;
        if (tls)
        {
            using X509Certificate2 node = waiting.Authority.Node;
            await Stranger.SendAsync(_me, coordinator.Address, node, []);
        }
        else
        {
            await Stranger.SendAsync(_me, coordinator.Address, []);
        }
        await RefusedAsync(coordinator, "it sent no greeting in time");
    }

    [Fact]
    public async Task A_worker_without_tls_does_not_join_a_coordinator_with_it()
    {
        using ClusterLpProcess worker = ClusterLpProcess.Start("worker", "--coordinator", waiting.Tls.Address);
        await waiting.Tls.Process.UntilItSaysAsync("WRN refused 127.0.0.1:");
        Assert.Contains("does not speak TLS", waiting.Tls.Process.Said().Split("refused 127.0.0.1:")[1].Split('\n')[0]);
        await AliveAsync(waiting.Tls);
        Assert.DoesNotContain("joined with", waiting.Tls.Process.Said());
    }

    [Theory]
    [InlineData(817, "FormatDisk", "unknown message \"FormatDisk\"")]
    [InlineData(817, "RegisterWorker", "3 bytes are not a RegisterWorker")]
    [InlineData(1, "System.IO.FileInfo, System.Private.CoreLib", "serializer 1 is closed")]
    [InlineData(2, "Google.Protobuf.WellKnownTypes.Any, Google.Protobuf", "serializer 2 is closed")]
    [InlineData(3, "", "serializer 3 is closed")]
    [InlineData(4, "System.Byte[]", "serializer 4 is closed")]
    [InlineData(16, "PP", "message \"PP\" of the actor system is closed")]
    [InlineData(16, "STF", "message \"STF\" of the actor system is closed")]
    [InlineData(22, "Akka.Dispatch.SysMsg.Terminate, Akka", "system message \"Akka.Dispatch.SysMsg.Terminate, Akka\" is closed")]
    [InlineData(36, "a", "serializer 36 is closed")]
    [InlineData(999, "x", "Cannot find serializer with id [999]")]
    public async Task A_payload_cannot_name_what_is_made_of_it(int serializer, string manifest, string reason)
    {
        await using var hostile = new HostileActorSystem(_me, waiting.Plain.Address, serializer);
        hostile.Forge(manifest, [0, 0, 0]);
        await RefusedAsync(waiting.Plain, reason);
    }

    [Fact]
    public async Task An_object_in_json_with_its_type_is_not_made()
    {
        await using var hostile = new HostileActorSystem(_me, waiting.Plain.Address, forged: 1);
        string marker = Path.Combine(Path.GetTempPath(), $"clusterlp-{Guid.NewGuid():N}");
        hostile.Forge("", Encoding.UTF8.GetBytes($$"""{"$type": "System.IO.StreamWriter, System.Private.CoreLib", "path": "{{marker}}"}"""));
        await RefusedAsync(waiting.Plain, "serializer 1 is closed");
        Assert.False(File.Exists(marker));
    }

    [Fact]
    public async Task A_remote_actor_is_not_created()
    {
        await using var hostile = new HostileActorSystem(_me, waiting.Plain.Address);
        hostile.Deploy();
        await waiting.Plain.Process.UntilItSaysAsync($"refused {_me}");
        await waiting.Plain.Process.UntilItSaysAsync("serializer 3 is closed");
        await AliveAsync(waiting.Plain);
    }

    [Fact]
    public async Task A_worker_of_another_protocol_version_is_told_so()
    {
        await using var hostile = new HostileActorSystem(_me, waiting.Plain.Address);
        var rejected = await hostile.AskAsync<WorkerRejected>(new RegisterWorker(new WorkerId("relic"), 1, 1 << 30, Protocol.Version + 1));
        Assert.Contains("install the same clusterlp", rejected.Reason);
        await waiting.Plain.Process.UntilItSaysAsync($"worker relic speaks protocol {Protocol.Version + 1}");
    }

    [Fact]
    public async Task Words_of_a_stranger_cannot_forge_a_line_of_the_log()
    {
        await using var hostile = new HostileActorSystem(_me, waiting.Plain.Address, forged: 817);
        hostile.Forge("\u001b[2Jx\r\n23:59:59 INF forged", [1]);
        await RefusedAsync(waiting.Plain, "unknown message \"?[2Jx");
    }

    private async Task RefusedAsync(RunningCoordinator coordinator, string reason)
    {
        await coordinator.Process.UntilItSaysAsync($"WRN refused {_me}:");
        string line = Assert.Single(coordinator.Process.Said().Split('\n'), line => line.Contains($"{_me}:", StringComparison.Ordinal));
        Assert.Contains(reason, line);
        await AliveAsync(coordinator);
    }

    private Task AliveAsync(RunningCoordinator coordinator) => ClusterLpProcess.RunAsync(
        ExitCode.Done, ["status", "--coordinator", coordinator.Address, .. coordinator == waiting.Tls ? waiting.Authority.Options : []]);
}
