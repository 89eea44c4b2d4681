using System.Diagnostics;
using System.IO.Compression;
using ClusterLp.Core.Formats;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Jobs.Blobs;
using ClusterLp.Core.Kernels;

namespace ClusterLp.SparseBench;

/// <summary>Whole fits with row scores from Gram matrices and from sparse embeddings: seconds of their stages, and what the factors lose.</summary>
internal static class LewisBench
{
    public static void Run(string? file)
    {
        string folder = Directory.CreateTempSubdirectory("clusterlp-sparse-bench-").FullName;
        try
        {
            Console.WriteLine($"p = 1, rank d / 4, one thread, kernels {KernelSets.Active}; blobs in files. Errors over SVD's.\n");
            Console.WriteLine("| matrix | method | embedding | rounds | scan, s | Lewis rounds, s | all stages, s | blocks' results in both, MiB | l_1 | Frobenius |\n|---|---|---|---|---|---|---|---|---|---|");
            string path = Path.Combine(folder, "sparse.npz");
            new RandomRows(100_000, 1024, 0.01, 1).WriteSparse(path, CompressionLevel.NoCompression);
            Both("100000 x 1024, 1 % nonzeros", path, folder);
            Both("heavy-tailed rows, 60000 x 768", Write(Path.Combine(folder, "heavy.npy"), EmbeddingBench.HeavyTailed(60_000, 768), 768), folder);
            if (file is not null)
                Both(Path.GetFileName(file), file, folder);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static void Both(string name, string path, string folder)
    {
        foreach (Method method in new[] { Method.Lewis, Method.Lp })
            foreach (Embedding embedding in Enum.GetValues<Embedding>())
                Fit(name, path, method, embedding, Path.Combine(folder, "blobs"));
    }

    private static void Fit(string name, string path, Method method, Embedding embedding, string blobs)
    {
        using IModel model = ModelFiles.Open(path);
        using IMatrixSource source = model.OpenMatrix(model.Tensors[0].Name);
        int d = source.Columns;
        var plan = new TensorPlan
        {
            Index = 0, Name = source.Name, Rows = source.Rows, Columns = d, InputType = ElementType.F32, FactorType = ElementType.F32,
            BlockRows = BlockPartition.DefaultBlockRows(source.Rows, d), Rank = d / 4, P = 1, Method = method, Fit = Core.Jobs.Fit.Coreset,
            Seed = 0, Input = path, Embedding = embedding,
        };
        var context = new StepContext(new FileBlobStore(blobs), 1, CancellationToken.None);
        var seconds = new Dictionary<StageKind, double>();
        double mebibytes = 0;
        FitState state = FitPipeline.Begin(plan);
        while (!state.IsDone)
        {
            long start = Stopwatch.GetTimestamp();
            StageId stage = state.Stage;
            BlockResult[] results = [.. Enumerable.Range(0, plan.Partition.Count).Select(block =>
                FitPipeline.RunBlock(FitPipeline.TaskFor(plan, state, block), source, $"{stage}/{block}", context))];
            if (stage.Kind is StageKind.Scan or StageKind.Lewis)
                mebibytes += results.Sum(result => result.Blob.Length) / 1048576.0;
            state = FitPipeline.Reduce(plan, state, results, $"{stage}/reduced", context);
            seconds[stage.Kind] = seconds.GetValueOrDefault(stage.Kind) + Stopwatch.GetElapsedTime(start).TotalSeconds;
        }
        Console.WriteLine($"| {name} | {method} | {embedding} | {state.LewisRounds} | {seconds[StageKind.Scan]:0.0} | {seconds.GetValueOrDefault(StageKind.Lewis):0.0} | {seconds.Values.Sum():0.0} | "
            + $"{mebibytes:0} | {state.Ours!.L1 / state.Svd!.L1:0.0000} | {Math.Sqrt(state.Ours.Squares / state.Svd.Squares):0.0000} |".ToLowerInvariant());
        Directory.Delete(blobs, recursive: true);
    }

    private static string Write(string path, float[] rows, int d)
    {
        using FileStream file = File.Create(path);
        file.Write(RandomRows.Header("<f4", $"({rows.Length / d}, {d})"));
        for (int row = 0; row < rows.Length / d; row++)
            file.Write(System.Runtime.InteropServices.MemoryMarshal.AsBytes(rows.AsSpan(row * d, d)));
        return path;
    }
}
