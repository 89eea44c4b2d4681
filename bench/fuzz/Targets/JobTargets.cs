using System.Text;
using ClusterLp.Cli.Commands;
using ClusterLp.Core.Formats;
using ClusterLp.Core.Jobs.Blobs;
using ClusterLp.Core.LpFit;
using ClusterLp.Core.Reporting;
using ClusterLp.Core.Tests.Formats;

namespace ClusterLp.Fuzz;

/// <summary>What a job reads beside its model: its declaration, its snapshot, blobs and their addresses, row weights, a column metric.</summary>
internal static class JobTargets
{
    public static IEnumerable<Target> In(Scratch scratch)
    {
        yield return new Target("array-blob", [Blob()], Tokens("\"dtype\":\"F64\"", "\"shape\":[", "\"data_offsets\":[0]", "[8,0]", "Quantised", "[-1]"),
            bytes => Use(ArrayBlob.ReadFrom(new MemoryStream(bytes))));
        yield return new Target("job-file",
            ["{\"model\":\"m.npy\",\"output\":\"out\",\"tensor\":[\"a\",\"b*\"],\"compression\":0.28,\"p\":1.5,\"fit\":\"exact\",\"seed\":7,\"force\":true}"u8.ToArray(),
             "{\"model\":\"m.npy\",\"tensor\":\"a\",\"rank\":4,\"method\":\"lewis\",\"row-weights\":\"w\",\"block-rows\":9,\"dtype\":\"f16\",\"reconstruct\":false,\"job-dir\":\"j\",\"target-error\":1e-3}"u8.ToArray()],
            Tokens("\"model\":", "\"dtype\":\"bf16\"", "\"fit\":", "\"p\":", "\"seed\":18446744073709551616", "/*", "//"),
            bytes => JobFile.Read(scratch.Write("job.json", bytes)));
        yield return new Target("progress-file", [Snapshot(scratch)],
            Tokens("\"phase\":", "\"progress\":", "\"tensors\":null", "\"stage\":", "\"updated\":\"2020-01-01T00:00:00Z\""),
            bytes =>
            {
                scratch.Write(JobStatusFile.Name, bytes);
                JobStatusFile.Read(scratch.Folder);
            });
        yield return new Target("row-weights", ["1\n2.5\n3e-2\n"u8.ToArray(), Craft.Npy("<f8", "(3,)", Craft.Bytes(1.0, 2, 3))],
            Tokens("'<f4'", "(3,)", "'descr'", "(4294967296,)", "\n", "1e308"),
            bytes => RowWeights.Read(scratch.Write("weights", bytes), rows: 3, firstRow: 0, count: 3));
        yield return new Target("column-metric",
            [Craft.Npy("<f8", "(2, 2)", Craft.Bytes(2.0, 1, 1, 2)), Craft.Npy("<f4", "(2, 2)", Craft.Bytes(1f, 0, 0, 3))],
            Tokens("'<f4'", "'>f8'", "(2, 2)", "True", "'descr'", "(4294967296,)"),
            bytes => MetricRoot.Of(ColumnMetric.Read(scratch.Write("metric", bytes), 2), "metric", 1, CancellationToken.None));
        var store = new FileBlobStore(Path.Combine(scratch.Folder, "blobs"));
        BlobRef written = store.Write("t0/scan/00000.1.1", stream => stream.Write("contents"u8));
        yield return new Target("blob-address", [Encoding.UTF8.GetBytes(written.Uri)], Tokens("file:", "/", "..", "\\", "t0", "http://"),
            bytes =>
            {
                using Stream stream = store.OpenRead(written with { Uri = Encoding.UTF8.GetString(bytes) });
                stream.CopyTo(Stream.Null);
            });
    }

    private static byte[][] Tokens(params string[] tokens) => [.. tokens.Select(Encoding.UTF8.GetBytes)];

    private static byte[] Blob()
    {
        var stream = new MemoryStream();
        new ArrayBlob().Add("gram", [1.0, 2, 3], 3).Add("v", new float[6], 2, 3).WriteTo(stream);
        return stream.ToArray();
    }

    private static void Use(ArrayBlob blob)
    {
        foreach (string name in blob.Names)
        {
            _ = blob.Shape(name).Count;
            _ = blob.Get<double>(name);
        }
    }

    private static byte[] Snapshot(Scratch scratch)
    {
        JobStatusFile.Write(scratch.Folder, new JobStatus
        {
            JobId = "j", Phase = JobPhase.Fitting, Input = "in", Output = "out", Process = new JobProcess("host", 7, DateTime.UnixEpoch),
            Updated = DateTime.UnixEpoch, ElapsedSeconds = 2,
            Progress = new([new("emb", new(Core.Jobs.StageKind.Lewis, 2), 1, 4, false, 0.5)], 1, 2, 3),
        });
        return File.ReadAllBytes(Path.Combine(scratch.Folder, JobStatusFile.Name));
    }
}
