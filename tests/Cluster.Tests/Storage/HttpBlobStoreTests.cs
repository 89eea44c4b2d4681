using System.Net;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using ClusterLp.Coordinator.Blobs;
using ClusterLp.Core;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Jobs.Blobs;

namespace ClusterLp.Cluster.Tests.Storage;

/// <summary>The blob endpoint and its client over real sockets: the contract, broken connections, and what is refused.</summary>
public sealed class HttpBlobStoreTests : BlobStoreContract
{
    private static readonly HttpRetry Quick = new(5, TimeSpan.FromMilliseconds(5), TimeSpan.FromSeconds(20));
    private readonly List<BlobServer> _servers = [];

    private protected override IBlobStore StoreAt(string root) => new HttpBlobStore(new Uri(Serve(root).Endpoint), retry: Quick);

    private protected override void CloseStores()
    {
        foreach (BlobServer server in _servers)
            server.DisposeAsync().AsTask().Wait();
        _servers.Clear();
    }

    public override void Dispose()
    {
        CloseStores();
        base.Dispose();
    }

    [Theory]
    [InlineData(3, 2_000_000)]
    [InlineData(4, 10)]
    public void A_transfer_that_breaks_goes_on_from_the_byte_it_reached(int cuts, int after)
    {
        BlobServer server = Serve(Folder);
        var endpoint = new UriBuilder(server.Endpoint);
        using var upwards = new CuttingProxy(endpoint.Port, cuts, after);
        BlobRef blob = Write(new HttpBlobStore(new UriBuilder(server.Endpoint) { Port = upwards.Port }.Uri, retry: Quick));
        Assert.Equal(0, upwards.CutsLeft);
        Assert.Equal(Content, File.ReadAllBytes(PathOf(Name)));
        // Started again from the beginning, each break would cost the two megabytes before it; buffers on the way hold less.
        Assert.InRange(upwards.Passed, Content.Length, Content.Length + cuts * 1_200_000L);

        using var downwards = new CuttingProxy(endpoint.Port, cuts, after);
        Assert.Equal(Content, Read(new HttpBlobStore(new UriBuilder(server.Endpoint) { Port = downwards.Port }.Uri, retry: Quick), blob));
        Assert.Equal(0, downwards.CutsLeft);
        Assert.InRange(downwards.Passed, Content.Length, Content.Length + cuts * 1_200_000L);
    }

    [Fact]
    public void A_connection_that_always_breaks_is_given_up_and_can_be_resumed()
    {
        BlobServer server = Serve(Folder);
        BlobRef blob = Write(new HttpBlobStore(new Uri(server.Endpoint)));
        using var broken = new CuttingProxy(new Uri(server.Endpoint).Port, int.MaxValue, 0);
        var store = new HttpBlobStore(new UriBuilder(server.Endpoint) { Port = broken.Port }.Uri, retry: Quick);
        Assert.Equal(ExitCode.Resumable, Assert.Throws<ClusterLpException>(() => Write(store)).Code);
        var unreachable = Assert.Throws<ClusterLpException>(() => store.OpenRead(blob));
        Assert.Equal(ExitCode.Resumable, unreachable.Code);
        // Unreachable is not corrupt: no block need be computed again for it.
        Assert.IsNotType<BlobCorruptException>(unreachable);
    }

    [Fact]
    public async Task Parts_of_an_upload_are_taken_in_order_only_and_the_last_word_is_the_hash()
    {
        string endpoint = Serve(Folder).Endpoint;
        using var client = new HttpClient();
        string id = new('a', 32), other = new('b', 32), digest = BlobChecksum.Of(Content.AsSpan(0, 300));
        Task<HttpResponseMessage> Put(string upload, int from, int to) => client.PutAsync($"{endpoint}{Name}?upload={upload}&offset={from}", new ByteArrayContent(Content[from..to]));
        Task<HttpResponseMessage> Commit(string upload, int length) => client.PostAsync($"{endpoint}{Name}?upload={upload}&length={length}&checksum={digest}", null);

        Assert.Equal(HttpStatusCode.NoContent, (await Put(id, 0, 100)).StatusCode);
        // Sent again, as after a lost answer.
        Assert.Equal(HttpStatusCode.NoContent, (await Put(id, 0, 100)).StatusCode);
        Assert.Equal(HttpStatusCode.Conflict, (await Put(id, 50, 200)).StatusCode);
        Assert.Equal(HttpStatusCode.Conflict, (await Put(id, 200, 300)).StatusCode);
        HttpResponseMessage head = await client.SendAsync(new HttpRequestMessage(HttpMethod.Head, $"{endpoint}{Name}?upload={id}"));
        Assert.Equal("100", head.Headers.GetValues("Upload-Offset").Single());
        Assert.Equal(HttpStatusCode.NotFound, (await client.GetAsync(endpoint + Name)).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await client.GetAsync($"{endpoint}{Name}.tmp-{id}")).StatusCode);
        await Put(other, 0, 300);
        Assert.Equal(HttpStatusCode.UnprocessableEntity, (await Commit(other, 299)).StatusCode);
        await Put(id, 100, 300);
        Assert.Equal(HttpStatusCode.Created, (await Commit(id, 300)).StatusCode);
        Assert.Equal(HttpStatusCode.Created, (await Commit(id, 300)).StatusCode);
        Assert.Equal(Content[..300], await client.GetByteArrayAsync(endpoint + Name));
        CloseStores();
        Assert.Single(Directory.GetFiles(Folder, "*", SearchOption.AllDirectories));
    }

    [Theory]
    [InlineData("t0/scan/00000.2.1", HttpStatusCode.Forbidden)]
    [InlineData("t0/scan/reduced.1/basis", HttpStatusCode.Forbidden)]
    [InlineData("job.json", HttpStatusCode.Forbidden)]
    [InlineData("t0/scan/00000.1.1.tmp-0", HttpStatusCode.NotFound)]
    [InlineData("%2e%2e/outside", HttpStatusCode.NotFound)]
    [InlineData("t0/..%2f..%2foutside", HttpStatusCode.Forbidden)]
    public async Task Only_blobs_of_blocks_of_this_epoch_are_taken(string name, HttpStatusCode answer)
    {
        string endpoint = Serve(Folder).Endpoint;
        using var client = new HttpClient();
        HttpResponseMessage put = await client.PutAsync(
            $"{endpoint}{name}?upload={new string('a', 32)}&offset=0", new ByteArrayContent([1, 2, 3]));
        Assert.Equal(answer, put.StatusCode);
        Assert.Empty(Directory.GetFiles(Folder, "*", SearchOption.AllDirectories));
    }

    [Fact]
    public async Task Nothing_is_deleted_no_other_job_is_served_and_no_part_is_larger_than_allowed()
    {
        string endpoint = Serve(Folder).Endpoint;
        Write(new HttpBlobStore(new Uri(endpoint)));
        using var client = new HttpClient();
        Assert.Equal(HttpStatusCode.MethodNotAllowed, (await client.DeleteAsync(endpoint + Name)).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await client.GetAsync(new Uri(new Uri(endpoint), "/another/" + Name))).StatusCode);
        Assert.Equal(HttpStatusCode.BadRequest, (await client.PutAsync($"{endpoint}{Name}?upload=../x&offset=0", new ByteArrayContent([1]))).StatusCode);
        var large = new HttpRequestMessage(HttpMethod.Put, $"{endpoint}{Name}?upload={new string('a', 32)}&offset=0")
        {
            Content = new ByteArrayContent(new byte[(8 << 20) + 1]), Headers = { ExpectContinue = true },
        };
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, (await client.SendAsync(large)).StatusCode);
        var earlier = Assert.Throws<ClusterLpException>(() => new HttpBlobStore(new Uri(endpoint)).Write("t0/scan/00000.2.1", stream => stream.Write([1])));
        Assert.Equal(ExitCode.Refused, earlier.Code);
        Assert.Equal(Content, File.ReadAllBytes(PathOf(Name)));
    }

    [Fact]
    public async Task An_address_others_can_reach_takes_tls_or_leave()
    {
        var open = new BlobServerOptions("0.0.0.0", 0, Tls: null, Insecure: false);
        var refused = await Assert.ThrowsAsync<ClusterLpException>(() => BlobServer.StartAsync(open, new FileBlobStore(Folder), new JobId("j"), new Epoch(1)));
        Assert.Equal(ExitCode.Refused, refused.Code);
        var taken = new BlobServerOptions("127.0.0.1", new Uri(Serve(Folder).Endpoint).Port, Tls: null, Insecure: false);
        var inUse = await Assert.ThrowsAsync<ClusterLpException>(() => BlobServer.StartAsync(taken, new FileBlobStore(Folder), new JobId("j"), new Epoch(1)));
        Assert.Equal(ExitCode.CannotWrite, inUse.Code);
    }

    [Fact]
    public void With_tls_both_sides_show_a_certificate()
    {
        using X509Certificate2 ours = SelfSigned(), stranger = SelfSigned();
        bool Known(X509Certificate? shown) => shown?.GetCertHashString() == ours.GetCertHashString();
        SslClientAuthenticationOptions Client(X509Certificate2? certificate) => new()
        {
            ClientCertificates = certificate is null ? null : [certificate],
            RemoteCertificateValidationCallback = (_, shown, _, _) => Known(shown),
        };
        string endpoint = Serve(Folder, () => new SslServerAuthenticationOptions
        {
            ServerCertificate = ours, ClientCertificateRequired = true,
            RemoteCertificateValidationCallback = (_, shown, _, _) => Known(shown),
        }).Endpoint;
        Assert.StartsWith("https://", endpoint);
        var retry = Quick with { Tries = 2 };
        BlobRef blob = Write(new HttpBlobStore(new Uri(endpoint), Client(ours), retry));
        Assert.Equal(Content, Read(new HttpBlobStore(new Uri(endpoint), Client(ours), retry), blob));
        Assert.Throws<ClusterLpException>(() => Read(new HttpBlobStore(new Uri(endpoint), Client(stranger), retry), blob));
        Assert.Throws<ClusterLpException>(() => Read(new HttpBlobStore(new Uri(endpoint), Client(null), retry), blob));
        Assert.Throws<ClusterLpException>(() => Read(new HttpBlobStore(new UriBuilder(endpoint) { Scheme = "http" }.Uri, retry: retry), blob));
    }

    private BlobServer Serve(string root, Func<SslServerAuthenticationOptions>? tls = null)
    {
        BlobServer server = BlobServer.StartAsync(
            new BlobServerOptions("127.0.0.1", 0, tls, Insecure: false), new FileBlobStore(root), new JobId("test"), new Epoch(1)).GetAwaiter().GetResult();
        _servers.Add(server);
        return server;
    }

    private static X509Certificate2 SelfSigned()
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=clusterlp-test", key, HashAlgorithmName.SHA256);
        return request.CreateSelfSigned(DateTimeOffset.UtcNow.AddHours(-1), DateTimeOffset.UtcNow.AddHours(1));
    }
}
