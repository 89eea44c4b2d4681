using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using ClusterLp.Cli.Hosting;
using ClusterLp.Core;

namespace ClusterLp.Cli.Tests;

public sealed class CertsTests : IDisposable
{
    private readonly Folder _folder = new();

    private string Dir => _folder["certs"];

    [Fact]
    public async Task It_makes_an_authority_and_a_certificate_and_key_for_every_node()
    {
        CommandLine run = await CommandLine.RunAsync("certs", "--dir", Dir, "--host", "coordinator.example,10.0.0.1", "--host", "*.workers.example", "--days", "30", "--json");
        Assert.Equal(ExitCode.Done, run.Code);
        using JsonDocument made = JsonDocument.Parse(run.Out);
        Assert.True(made.RootElement.GetProperty("authority").GetProperty("created").GetBoolean());
        string authority = made.RootElement.GetProperty("authority").GetProperty("certificate").GetString()!;
        JsonElement[] nodes = [.. made.RootElement.GetProperty("nodes").EnumerateArray()];
        Assert.Equal(2, nodes.Length);
        foreach (JsonElement node in nodes)
        {
            NodeTls tls = NodeTls.Load(node.GetProperty("certificate").GetString()!, node.GetProperty("key").GetString()!, authority);
            Assert.InRange(tls.Certificate.NotAfter.ToUniversalTime(), DateTime.UtcNow.AddDays(29), DateTime.UtcNow.AddDays(30));
            Assert.Equal(256, tls.Certificate.GetECDsaPublicKey()!.KeySize);
        }
        NodeTls first = NodeTls.Load(_folder["certs/coordinator.example.crt"], _folder["certs/coordinator.example.key"], authority);
        Assert.True(first.IsNamed("coordinator.example") && first.IsNamed("10.0.0.1"));
        Assert.False(first.IsNamed("10.0.0.2") || first.IsNamed("worker.example"));
        NodeTls second = NodeTls.Load(_folder["certs/any.workers.example.crt"], _folder["certs/any.workers.example.key"], authority);
        Assert.True(second.IsNamed("w1.workers.example"));
        Assert.False(second.IsNamed("workers.example"));
    }

    [Fact]
    public async Task Keys_are_readable_by_their_owner_alone()
    {
        await CommandLine.RunAsync("certs", "--dir", Dir, "--host", "localhost");
        string[] keys = Directory.GetFiles(Dir, "*.key");
        Assert.Equal(2, keys.Length);
        foreach (string key in keys)
            Assert.True(OperatingSystem.IsWindows() || File.GetUnixFileMode(key) == (UnixFileMode.UserRead | UnixFileMode.UserWrite), key);
        Assert.Equal(4, Directory.GetFiles(Dir).Length);
    }

    [Fact]
    public async Task Running_it_again_adds_nodes_to_the_same_authority()
    {
        await CommandLine.RunAsync("certs", "--dir", Dir, "--host", "one");
        byte[] authority = File.ReadAllBytes(_folder["certs/ca.crt"]), one = File.ReadAllBytes(_folder["certs/one.crt"]);
        CommandLine again = await CommandLine.RunAsync("certs", "--dir", Dir, "--host", "two");
        Assert.Equal(ExitCode.Done, again.Code);
        Assert.Contains("--tls-ca", again.Out);
        Assert.Equal(authority, File.ReadAllBytes(_folder["certs/ca.crt"]));
        Assert.Equal(one, File.ReadAllBytes(_folder["certs/one.crt"]));
        NodeTls.Load(_folder["certs/two.crt"], _folder["certs/two.key"], _folder["certs/ca.crt"]);
    }

    [Fact]
    public async Task An_existing_node_is_replaced_only_by_force_and_the_authority_never()
    {
        await CommandLine.RunAsync("certs", "--dir", Dir, "--host", "one");
        byte[] authority = File.ReadAllBytes(_folder["certs/ca.key"]), one = File.ReadAllBytes(_folder["certs/one.key"]);
        CommandLine refused = await CommandLine.RunAsync("certs", "--dir", Dir, "--host", "one");
        Assert.Equal(ExitCode.CannotWrite, refused.Code);
        Assert.Contains("--force", refused.Error);
        Assert.Equal(one, File.ReadAllBytes(_folder["certs/one.key"]));
        Assert.Equal(ExitCode.Done, (await CommandLine.RunAsync("certs", "--dir", Dir, "--host", "one", "--force")).Code);
        Assert.NotEqual(one, File.ReadAllBytes(_folder["certs/one.key"]));
        Assert.Equal(ExitCode.Usage, (await CommandLine.RunAsync("certs", "--dir", Dir, "--host", "ca", "--force")).Code);
        Assert.Equal(authority, File.ReadAllBytes(_folder["certs/ca.key"]));
    }

    [Theory]
    [InlineData("--host")]
    [InlineData("--host is '../x'", "--host", "../x")]
    [InlineData("--host is 'a,,b'", "--host", "a,,b")]
    [InlineData("--days is '0'", "--host", "a", "--days", "0")]
    [InlineData("--days is 4000", "--host", "a", "--days", "4000")]
    public async Task A_wrong_request_makes_nothing(string expected, params string[] arguments)
    {
        CommandLine run = await CommandLine.RunAsync(["certs", "--dir", Dir, .. arguments]);
        Assert.Equal(ExitCode.Usage, run.Code);
        Assert.Contains(expected, run.Error);
        Assert.False(Directory.Exists(Dir));
    }

    [Fact]
    public async Task Half_an_authority_is_not_made_anew()
    {
        await CommandLine.RunAsync("certs", "--dir", Dir, "--host", "one");
        File.Delete(_folder["certs/ca.key"]);
        CommandLine run = await CommandLine.RunAsync("certs", "--dir", Dir, "--host", "two");
        Assert.Equal(ExitCode.InputMissing, run.Code);
        Assert.Contains("ca.key", run.Error);
    }

    [Fact]
    public async Task Files_that_no_other_node_would_accept_are_refused_at_once()
    {
        await CommandLine.RunAsync("certs", "--dir", Dir, "--host", "one", "--host", "two");
        await CommandLine.RunAsync("certs", "--dir", _folder["other"], "--host", "one");
        string certificate = _folder["certs/one.crt"], key = _folder["certs/one.key"], authority = _folder["certs/ca.crt"];
        Assert.Equal(ExitCode.BadInput, Refused(certificate, _folder["certs/two.key"], authority).Code);
        Assert.Equal(ExitCode.BadInput, Refused(certificate, key, key).Code);
        Assert.Equal(ExitCode.InputMissing, Refused(certificate, _folder["none"], authority).Code);
        Assert.Contains("does not come from this cluster's authority", Refused(certificate, key, _folder["other/ca.crt"]).Message);
    }

    [Fact]
    public async Task While_an_authority_is_renewed_nodes_trust_both()
    {
        await CommandLine.RunAsync("certs", "--dir", Dir, "--host", "one");
        await CommandLine.RunAsync("certs", "--dir", _folder["next"], "--host", "two");
        string both = _folder.Write("both.crt", File.ReadAllText(_folder["certs/ca.crt"]) + File.ReadAllText(_folder["next/ca.crt"]));
        NodeTls one = NodeTls.Load(_folder["certs/one.crt"], _folder["certs/one.key"], both), two = NodeTls.Load(_folder["next/two.crt"], _folder["next/two.key"], both);
        Assert.Null(one.ObjectionToServer(two.Certificate, null, "two"));
        Assert.Null(two.ObjectionToClient(one.Certificate, null));
        NodeTls alone = NodeTls.Load(_folder["next/two.crt"], _folder["next/two.key"], _folder["next/ca.crt"]);
        Assert.NotNull(alone.ObjectionToClient(one.Certificate, null));
    }

    [Fact]
    public async Task Tls_takes_all_three_files()
    {
        CommandLine run = await CommandLine.RunAsync("worker", "--coordinator", "127.0.0.1:1", "--tls-cert", "a.crt", "--tls-ca", "ca.crt");
        Assert.Equal(ExitCode.Usage, run.Code);
        Assert.Contains("--tls-key is missing", run.Error);
        Assert.Contains("CLUSTERLP_TLS_KEY", run.Error);
    }

    [Fact]
    public async Task Doctor_tries_mutual_tls()
    {
        CommandLine run = await CommandLine.RunAsync("doctor", "--json");
        using JsonDocument findings = JsonDocument.Parse(run.Out);
        JsonElement tls = Assert.Single(findings.RootElement.EnumerateArray(), finding => finding.GetProperty("subject").GetString() == "mutual TLS");
        Assert.Equal("ok", tls.GetProperty("verdict").GetString());
    }

    public void Dispose() => _folder.Dispose();

    private static ClusterLpException Refused(string certificate, string key, string authority) =>
        Assert.Throws<ClusterLpException>(() => NodeTls.Load(certificate, key, authority));
}
