using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using ClusterLp.Core;

namespace ClusterLp.Cluster.Tests.Security;

/// <summary>Whole jobs over mutual TLS, and nodes that dial somebody else than they meant to.</summary>
public sealed class MutualTlsTests(HeavyTailedJob job) : IClassFixture<HeavyTailedJob>
{
    [Fact]
    public async Task A_job_over_tls_gives_the_same_bytes_while_strangers_knock()
    {
        using var authority = new TestAuthority();
        using var other = new TestAuthority();
        using RunningCoordinator coordinator = await job.StartCoordinatorAsync(options: authority.Options);
        ClusterLpProcess[] workers = [coordinator.StartWorker(1, authority.Options), coordinator.StartWorker(1, authority.Options)];
        await coordinator.Paths.UnderWayAsync();
        using (X509Certificate2 node = authority.Node, foreign = other.Node, expired = authority.Expired())
        {
            await Stranger.SendAsync("127.0.0.201", coordinator.Address, Stranger.Http);
            await Stranger.SendAsync("127.0.0.202", coordinator.Address, null, Stranger.EmptyTalk);
            await Stranger.SendAsync("127.0.0.203", coordinator.Address, foreign, Stranger.EmptyTalk);
            await Stranger.SendAsync("127.0.0.204", coordinator.Address, expired, Stranger.EmptyTalk);
            await Stranger.SendAsync("127.0.0.205", coordinator.Address, node, Stranger.OversizedFrame);
        }
        await coordinator.Process.ExpectAsync(ExitCode.Done);
        Assert.Equal(await job.ReferenceAsync(), coordinator.Paths.Digest());
        Assert.Equal(0, coordinator.Paths.Retries());
        string said = await coordinator.Process.ErrorAsync();
        for (int stranger = 201; stranger <= 205; stranger++)
            Assert.Single(said.Split('\n'), line => line.Contains($"refused 127.0.0.{stranger}:", StringComparison.Ordinal));
        Assert.DoesNotContain("   at ", said);
        foreach (ClusterLpProcess worker in workers)
            await worker.ExpectAsync(ExitCode.Done);
    }

    [Theory]
    [InlineData("another authority's", "its certificate does not come from this cluster's authority")]
    [InlineData("another host's", "its certificate does not name 127.0.0.1")]
    [InlineData("expired", "only")]
    public async Task A_worker_refuses_a_coordinator_it_did_not_mean(string kind, string reason)
    {
        using var authority = new TestAuthority();
        using var other = new TestAuthority();
        using X509Certificate2 certificate = kind switch
        {
            "another authority's" => other.Node,
            "another host's" => authority.OfAnotherHost(),
            _ => authority.Expired(),
        };
        using TcpListener impostor = Listen();
        Task<bool> greeting = GreetAsync(impostor, certificate);
        string address = impostor.LocalEndpoint.ToString()!;
        using ClusterLpProcess worker = ClusterLpProcess.Start(["worker", "--coordinator", address, .. authority.Options]);
        await worker.UntilItSaysAsync($"refused {address}: ");
        Assert.Contains(reason, worker.Said());
        Assert.False(await greeting, "the worker went on to talk to the impostor");
    }

    [Theory]
    [InlineData("coordinator")]
    [InlineData("worker")]
    [InlineData("blobs")]
    public async Task A_strangers_certificate_does_not_make_a_node_fetch_anything(string node)
    {
        using TestAuthority authority = new(), other = new();
        using TcpListener bait = Listen(), listener = Listen();
        using X509Certificate2 certificate = other.FetchedFrom(new Uri($"http://{bait.LocalEndpoint}/ca.der"));
        string address = listener.LocalEndpoint.ToString()!;
        if (node == "coordinator")
        {
            using RunningCoordinator coordinator = await job.StartCoordinatorAsync(options: authority.Options);
            await Stranger.SendAsync("127.0.0.211", coordinator.Address, certificate, Stranger.EmptyTalk);
            await coordinator.Process.UntilItSaysAsync("refused 127.0.0.211:");
        }
        else if (node == "worker")
        {
            Task<bool> greeting = GreetAsync(listener, certificate);
            using ClusterLpProcess worker = ClusterLpProcess.Start(["worker", "--coordinator", address, .. authority.Options]);
            await worker.UntilItSaysAsync($"refused {address}: ");
            await greeting;
        }
        else
        {
            Task stranger = Stranger.SendAsync("127.0.0.212", address, certificate, Stranger.EmptyTalk);
            using TcpClient client = await listener.AcceptTcpClientAsync();
            await using (var stream = new SslStream(client.GetStream()))
                await Assert.ThrowsAsync<AuthenticationException>(() => stream.AuthenticateAsServerAsync(authority.Tls.ServerOptions()));
            await stranger;
        }
        Assert.False(bait.Pending(), "an address in a stranger's certificate was called");
    }

    [Fact]
    public async Task A_node_whose_certificate_names_another_host_does_not_start()
    {
        using var authority = new TestAuthority();
        using ClusterLpProcess worker = ClusterLpProcess.Start(["worker", "--coordinator", "127.0.0.1:1", "--host", "127.0.0.7", .. authority.Options]);
        await worker.ExpectAsync(ExitCode.Usage);
        Assert.Contains("does not name 127.0.0.7", await worker.ErrorAsync());
    }

    private static TcpListener Listen()
    {
        var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return listener;
    }

    // Whether anything is heard from the first client once it has seen the certificate.
    private static async Task<bool> GreetAsync(TcpListener listener, X509Certificate2 certificate)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(40));
        using TcpClient client = await listener.AcceptTcpClientAsync(patience.Token);
        await using var stream = new SslStream(client.GetStream());
        try
        {
            await stream.AuthenticateAsServerAsync(new SslServerAuthenticationOptions { ServerCertificateContext = SslStreamCertificateContext.Create(certificate, null, offline: true) }, patience.Token);
            return await stream.ReadAsync(new byte[1], patience.Token) > 0;
        }
        catch (Exception e) when (e is IOException or AuthenticationException)
        {
            return false;
        }
    }
}
