using System.Diagnostics;
using System.IO.Compression;
using ClusterLp.Core.Formats;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Jobs.Blobs;
using ClusterLp.Core.Kernels;

namespace ClusterLp.SparseBench;

/// <summary>What the scan gains from nonzeros.</summary>
internal static class ScanBench
{
    /// <summary>Seconds of the Gram matrix of one block, by density: from nonzeros, and by the dense kernel.</summary>
    public static void Grams(int rounds)
    {
        const int n = 4096;
        Console.WriteLine($"Gram matrix of {n} rows, one thread, kernels {KernelSets.Active}, best of {rounds}\n");
        Console.WriteLine("| columns | nonzeros | dense, ms | nonzeros, ms | gain | products, dense to sparse | taken |\n|---|---|---|---|---|---|---|");
        foreach (int d in new[] { 256, 1024 })
            foreach (double density in new[] { 0.001, 0.01, 0.03, 0.1, 0.2, 0.3, 0.5 })
            {
                SparseRows rows = new RandomRows(n, d, density, 1).Read();
                var full = new float[n * d];
                rows.WriteTo(full, d);
                var gram = new double[d * d];
                double dense = Best(rounds, () => Gram.AccumulateUpper(full, n, d, [], gram));
                double sparse = Best(rounds, () => SparseGram.AccumulateUpper(rows, 0, n, d, [], gram));
                double pairs = Enumerable.Range(0, n).Sum(i => Math.Pow(rows.ColumnsOf(i).Length, 2));
                Console.WriteLine($"| {d} | {100 * density} % | {1e3 * dense:0.0} | {1e3 * sparse:0.0} | {dense / sparse:0.0} | {(double)n * d * d / pairs:0.0} | {(SparseGram.IsFaster(rows, d) ? "nonzeros" : "dense")} |");
            }
    }

    /// <summary>Seconds of the scan of one matrix of 100,000 x 1024 with 1 % nonzeros, by how it is stored.</summary>
    public static void Scans(int rounds)
    {
        const int n = 100_000, d = 1024;
        string folder = Directory.CreateTempSubdirectory("clusterlp-sparse-bench-").FullName;
        try
        {
            var matrix = new RandomRows(n, d, 0.01, 1);
            matrix.WriteDense(Path.Combine(folder, "dense.npy"));
            matrix.WriteSparse(Path.Combine(folder, "stored.npz"), CompressionLevel.NoCompression);
            matrix.WriteSparse(Path.Combine(folder, "deflated.npz"), CompressionLevel.Optimal);
            Console.WriteLine($"\nScan of {n} x {d} with {matrix.Entries} nonzeros, opening included, files in the page cache, one thread, best of {rounds}\n");
            Console.WriteLine("| file | MiB | opening, s | scan, s | of it Gram, s |\n|---|---|---|---|---|");
            foreach (string name in new[] { "dense.npy", "stored.npz", "deflated.npz" })
            {
                string path = Path.Combine(folder, name);
                var best = (Open: double.MaxValue, Scan: double.MaxValue, Gram: 0.0);
                for (int round = 0; round < rounds; round++)
                {
                    var now = Scan(path, n, d, Path.Combine(folder, "blobs"));
                    best = now.Open + now.Scan < best.Open + best.Scan ? now : best;
                }
                Console.WriteLine($"| `{name}` | {new FileInfo(path).Length / 1048576.0:0.0} | {best.Open:0.00} | {best.Scan:0.00} | {best.Gram:0.00} |");
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static (double Open, double Scan, double Gram) Scan(string path, int n, int d, string blobs)
    {
        var clock = Stopwatch.StartNew();
        using IModel model = ModelFiles.Open(path);
        using IMatrixSource source = model.OpenMatrix(model.Tensors[0].Name);
        double open = clock.Elapsed.TotalSeconds, grams = KernelClock.Read().Grams;
        var plan = new TensorPlan
        {
            Index = 0, Name = source.Name, Rows = n, Columns = d, InputType = ElementType.F32, FactorType = ElementType.F32,
            BlockRows = BlockPartition.DefaultBlockRows(n, d), Rank = 64, P = 1.5, Method = Method.Lp, Fit = Fit.Coreset, Seed = 0, Input = path,
        };
        var context = new StepContext(new FileBlobStore(blobs), 1, CancellationToken.None);
        clock.Restart();
        for (int block = 0; block < plan.Partition.Count; block++)
            FitPipeline.RunBlock(FitPipeline.TaskFor(plan, FitPipeline.Begin(plan), block), source, $"scan/{block}", context);
        return (open, clock.Elapsed.TotalSeconds, KernelClock.Read().Grams - grams);
    }

    private static double Best(int rounds, Action action)
    {
        double best = double.MaxValue;
        for (int round = 0; round < rounds; round++)
        {
            long start = Stopwatch.GetTimestamp();
            action();
            best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalSeconds);
        }
        return best;
    }
}
