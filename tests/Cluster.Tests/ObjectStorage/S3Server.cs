using System.Diagnostics;
using System.Text.RegularExpressions;
using ClusterLp.Core.Storage;
using ClusterLp.Storage.S3;

namespace ClusterLp.Cluster.Tests.ObjectStorage;

/// <summary>
/// A process of s3rver, a server that speaks S3's protocol and keeps objects in a folder, behind an <see cref="S3Front"/>.
/// This process and those it starts find it by the environment, as they would find any store.
/// </summary>
public sealed partial class S3Server : IAsyncLifetime
{
    public const string Collection = "S3 server", Bucket = "clusterlp-test";

    /// <summary>s3rver's only one; its secret is its name.</summary>
    internal const string Account = "S3RVER", Region = "us-east-1";

    /// <summary>s3rver's script: where <c>./test</c> installs it.</summary>
    internal static readonly string? Script = Find();

    private static readonly (string Name, string Value)[] Variables =
    [
        ("AWS_ACCESS_KEY_ID", Account), ("AWS_SECRET_ACCESS_KEY", Account), ("AWS_REGION", Region), ("AWS_EC2_METADATA_DISABLED", "true"),
        // The least a store takes: the tests' objects have two parts.
        ("CLUSTERLP_S3_PART_MIB", "5"),
    ];

    private readonly string _folder = Directory.CreateTempSubdirectory("clusterlp-s3-").FullName, _bucket;
    private Process? _process;
    private S3Front? _front;
    private int _prefixes;

    public S3Server() : this(Bucket)
    {
    }

    internal S3Server(string bucket) => _bucket = bucket;

    internal S3Front Front => _front!;

    /// <summary>Past the front: s3rver as it is.</summary>
    internal string Bare { get; private set; } = "";

    public async Task InitializeAsync()
    {
        if (Script is null)
            return;
        _process = Process.Start(new ProcessStartInfo("node", [Script, "-d", _folder, "-a", "127.0.0.1", "-p", "0", "--silent", "--no-vhost-buckets", "--configure-bucket", _bucket]) { RedirectStandardOutput = true })!;
        int port = 0;
        while (port == 0)
            port = Listening().Match(await _process.StandardOutput.ReadLineAsync() ?? throw new InvalidOperationException("s3rver ended")) is { Success: true } match
                ? int.Parse(match.Groups[1].Value, System.Globalization.CultureInfo.InvariantCulture) : 0;
        Bare = $"http://127.0.0.1:{port}";
        _front = await S3Front.StartAsync(_folder, port);
        foreach ((string name, string value) in Variables.Append(("AWS_ENDPOINT_URL_S3", _front.Endpoint)))
            Environment.SetEnvironmentVariable(name, value);
        ObjectStores.Use("s3", () => new S3ObjectStore());
    }

    public async Task DisposeAsync()
    {
        if (_front is not null)
            await _front.DisposeAsync();
        _process?.Kill();
        _process?.WaitForExit();
        _process?.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    /// <summary>An address that nothing lies below, with a store that behaves.</summary>
    internal string NewPrefix()
    {
        Front.Misbehave = _ => S3Fault.None;
        return $"s3://{_bucket}/{Interlocked.Increment(ref _prefixes)}";
    }

    private static string? Find()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
            if (Path.Combine(folder.FullName, "artifacts", "s3rver", "node_modules", "s3rver", "bin", "s3rver.js") is var script && File.Exists(script))
                return script;
        return null;
    }

    [GeneratedRegex(@"listening on 127\.0\.0\.1:(\d+)")]
    private static partial Regex Listening();
}

[CollectionDefinition(S3Server.Collection, DisableParallelization = true)]
public sealed class S3Collection : ICollectionFixture<S3Server>;

/// <summary>A test that needs an S3 server; skipped, with the reason, where there is none.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class S3FactAttribute : FactAttribute
{
    internal static readonly string? Obstacle = S3Server.Script is null ? "needs s3rver: ./test installs it where npm is there" : null;

    public S3FactAttribute() => Skip = Obstacle;
}

/// <inheritdoc cref="S3FactAttribute"/>
[AttributeUsage(AttributeTargets.Method)]
public sealed class S3TheoryAttribute : TheoryAttribute
{
    public S3TheoryAttribute() => Skip = new S3FactAttribute().Skip;
}
