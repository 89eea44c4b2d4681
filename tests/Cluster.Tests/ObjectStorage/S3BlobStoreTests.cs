using System.Reflection;
using ClusterLp.Cluster.Tests.Storage;
using ClusterLp.Core;
using ClusterLp.Core.Jobs.Blobs;
using ClusterLp.Core.Storage;

namespace ClusterLp.Cluster.Tests.ObjectStorage;

/// <summary>Blobs in an S3 store keep the contract of all blob stores, also while requests fail.</summary>
[Collection(S3Server.Collection)]
public sealed class S3BlobStoreTests(S3Server server)
{
    /// <summary>Every test of the contract, and which of its cases.</summary>
    public static TheoryData<string, int> Cases
    {
        get
        {
            var cases = new TheoryData<string, int>();
            foreach (MethodInfo test in typeof(BlobStoreContract).GetMethods().Where(method => method.GetCustomAttribute<FactAttribute>() is not null))
                for (int i = 0; i < Arguments(test).Count; i++)
                    cases.Add(test.Name, i);
            return cases;
        }
    }

    [S3Theory, MemberData(nameof(Cases))]
    public void It_keeps_the_contract(string test, int number)
    {
        using var contract = new Contract(server);
        MethodInfo method = typeof(BlobStoreContract).GetMethod(test)!;
        method.Invoke(contract, BindingFlags.DoNotWrapExceptions, null, Arguments(method)[number], null);
    }

    [S3Fact]
    public void Broken_connections_refusals_and_lost_answers_cost_tries_and_no_byte()
    {
        using var contract = new Contract(server);
        // Each request fails in its own way the first time; none of the three may end in another blob, or none.
        var seen = new HashSet<(string, string, string)>();
        S3Fault[] faults = [S3Fault.SlowDown, S3Fault.Reset, S3Fault.LostAnswer];
        server.Front.Misbehave = request =>
        {
            lock (seen)
                return seen.Add((request.Method, request.Query, request.Range)) ? faults[seen.Count % faults.Length] : S3Fault.None;
        };
        contract.WriteAndReadBack();
        Assert.True(seen.Count >= 6, "a part each, beginning and end of the upload, and two ranges");
        Assert.Empty(server.Front.OpenUploads);
    }

    [S3Fact]
    public void What_killed_runs_left_goes_with_the_next_one()
    {
        string root = server.NewPrefix();
        var store = new ObjectBlobStore(root);
        BlobRef kept = store.Write("t0/scan/00001.1.1", stream => stream.Write([1, 2, 3])), old = store.Write("t0/scan/00002.1.1", stream => stream.Write([4]));
        // Never completed, never disposed: as if its process had been killed.
        ObjectUpload killed = ObjectStores.Of(root).BeginUpload(root + "/t0/scan/00003.1.1");
        killed.Write(new byte[6 << 20]);
        killed.Finish();
        Assert.Single(server.Front.OpenUploads);
        store.RetainOnly([kept]);
        Assert.Empty(server.Front.OpenUploads);
        Assert.True(store.IsIntact(kept, CancellationToken.None));
        Assert.Throws<BlobCorruptException>(() => store.EnsurePresent(old));
    }

    [S3Fact]
    public void A_store_that_cannot_be_reached_is_not_a_corrupt_blob()
    {
        string root = server.NewPrefix();
        var store = new ObjectBlobStore(root);
        BlobRef blob = store.Write("t0/scan/00000.1.1", stream => stream.Write([1, 2, 3]));
        server.Front.Misbehave = _ => S3Fault.Denied;
        var denied = Assert.Throws<ClusterLpException>(() => store.OpenRead(blob));
        Assert.Equal(ExitCode.Refused, denied.Code);
        Assert.Contains($"bucket \"{S3Server.Bucket}\", key \"{root.Split('/')[^1]}/t0/scan/00000.1.1\"", denied.Message);
        Assert.Contains("s3:GetObject", denied.Message);
        server.NewPrefix();
    }

    private static List<object?[]> Arguments(MethodInfo test) =>
        test.GetCustomAttributes<InlineDataAttribute>().SelectMany(data => data.GetData(test)).DefaultIfEmpty([]).ToList()!;

    private sealed class Contract(S3Server server) : BlobStoreContract
    {
        // Two pieces of a read and two parts of an upload.
        private const string SecondPiece = "bytes=8388608-";

        private readonly string _root = server.NewPrefix();

        public void WriteAndReadBack()
        {
            IBlobStore store = StoreAt(Folder);
            Assert.Equal(Content, Read(store, Write(store)));
        }

        private protected override IBlobStore StoreAt(string root) => new ObjectBlobStore(_root);

        private protected override IBlobStore Elsewhere() => new ObjectBlobStore(_root + "/");

        private protected override IEnumerable<string> Names() =>
            ObjectStores.Of(_root).List(_root).Select(item => item.Path[(_root.Length + 1)..]).Concat(server.Front.OpenUploads);

        private protected override byte[]? Raw(string name) => StoredFiles.Read($"{_root}/{name}", 1 << 30);

        private protected override void Replace(string name, byte[] bytes) => ObjectStores.Of(_root).Put($"{_root}/{name}", bytes);

        private protected override void Remove(string name) => ObjectStores.Of(_root).Delete([$"{_root}/{name}"]);

        private protected override void Truncate(string name, long length) => Replace(name, Content[..(int)length]);

        private protected override IDisposable HoldReadingAhead()
        {
            var held = new Held();
            server.Front.Misbehave = request =>
            {
                if (request.Range.StartsWith(SecondPiece, StringComparison.Ordinal))
                    held.Wait();
                return S3Fault.None;
            };
            return held;
        }

        public override void A_full_disk_is_named_and_ends_with_73()
        {
            IBlobStore store = StoreAt(Folder);
            server.Front.Misbehave = request => request.Method is "PUT" or "POST" ? S3Fault.Full : S3Fault.None;
            var full = Assert.Throws<ClusterLpException>(() => Write(store));
            Assert.Equal(ExitCode.CannotWrite, full.Code);
            Assert.Contains(_root, full.Message);
            Assert.Contains("same command again", full.Message);
            Assert.Empty(Names());
        }
    }

    private sealed class Held : IDisposable
    {
        private readonly ManualResetEventSlim _open = new();

        public void Wait() => Assert.True(_open.Wait(TimeSpan.FromSeconds(30)));

        public void Dispose() => _open.Set();
    }
}
