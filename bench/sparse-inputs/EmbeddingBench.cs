using System.Diagnostics;
using ClusterLp.Core.Formats;
using ClusterLp.Core.Kernels;
using ClusterLp.Core.LpFit;
using ClusterLp.Core.Sketches;

namespace ClusterLp.SparseBench;

/// <summary>Leverage scores from a sparse embedding beside the exact ones, by its numbers of nonzeros and rows.</summary>
internal static class EmbeddingBench
{
    private const int Seeds = 5;

    public static void Run(string? file)
    {
        const int n = 20_000, d = 256;
        Console.WriteLine($"Leverage scores from an embedding over the exact ones, {Seeds} seeds; seconds on one thread, kernels {KernelSets.Active}.\n");
        Table("heavy-tailed rows", HeavyTailed(n, d), d);
        Table("coherent rows", Coherent(n, d), d);
        if (file is null)
            return;
        using IModel model = ModelFiles.Open(file);
        using IMatrixSource source = model.OpenMatrix(model.Tensors[0].Name);
        var rows = new float[source.Rows * source.Columns];
        source.ReadRows(0, (int)source.Rows, rows);
        Table(Path.GetFileName(file), rows, source.Columns);
    }

    /// <summary>Gaussian rows, each as large as a Cauchy variable: a few carry nearly all of the Gram matrix.</summary>
    public static float[] HeavyTailed(int n, int d)
    {
        var random = new Random(1);
        var rows = new float[n * d];
        for (int i = 0; i < n; i++)
        {
            double size = Math.Abs(Math.Tan(Math.PI * (random.NextDouble() - 0.5)));
            for (int j = 0; j < d; j++)
                rows[i * d + j] = (float)(size * Normal(random));
        }
        return rows;
    }

    /// <summary>One to three nonzeros a row, columns by a power law; one row in 600 has the only entry of a column, and so leverage 1.</summary>
    public static float[] Coherent(int n, int d)
    {
        int lonely = n / 600;
        var random = new Random(2);
        var rows = new float[n * d];
        for (int i = 0; i < n; i++)
        {
            for (int e = random.Next(1, 4); e > 0; e--)
                rows[i * d + (int)((d - lonely) * Math.Pow(random.NextDouble(), 4))] += (float)Normal(random);
            if (i % 600 == 0 && i / 600 < lonely)
                rows[i * d + d - 1 - i / 600] = 1;
        }
        return rows;
    }

    private static void Table(string name, float[] rows, int d)
    {
        int n = rows.Length / d;
        double[] ones = [.. Enumerable.Repeat(1.0, n)], exact = new double[n];
        var gram = new double[d * d];
        double gramSeconds = Seconds(() =>
        {
            Array.Clear(gram);
            for (int from = 0; from < n; from += 512)
                Gram.AccumulateUpper(rows.AsSpan(from * d), Math.Min(512, n - from), d, [], gram);
        });
        Gram.MirrorUpper(gram, d);
        double exactSeconds = Seconds(() => LewisWeights.Update(rows, n, d, LewisWeights.Pack(LewisWeights.InverseFactor(gram, d), d), ones, 2, exact, default));
        // A row of zeros scores 0 by any means.
        int[] scored = [.. Enumerable.Range(0, n).Where(i => exact[i] > 0)];
        int top = Enumerable.Range(0, n).Count(i => exact[i] > 0.5);
        Console.WriteLine($"{name}: {n} x {d}, {top} rows of leverage above 1/2; the Gram matrix takes {gramSeconds:0.000} s, exact scores from it {exactSeconds:0.000} s\n");
        Console.WriteLine("| s | m / d | largest ratio | smallest | above 2 or below 1/2 | the same with 64 signs: largest | smallest | sketch, s | its Gram matrix, s | scores by signs, s |\n|---|---|---|---|---|---|---|---|---|---|");
        foreach (int nonzeros in new[] { 1, 2, 4, 8 })
            foreach (int rowsPerColumn in new[] { 2, 4, 8 })
            {
                (double most, double least, double mostSigned, double leastSigned) = (0, double.MaxValue, 0, double.MaxValue);
                double sketching = 0, squaring = 0, scoring = 0;
                long outside = 0;
                for (ulong seed = 0; seed < Seeds; seed++)
                {
                    var embedding = new SparseEmbedding(d, seed, 0, rowsPerColumn, nonzeros);
                    double[] sketch = new double[embedding.Length], scores = new double[n], signed = new double[n], sketched = [];
                    sketching += Seconds(() => { Array.Clear(sketch); embedding.Add(rows, n, 0, [], sketch); });
                    squaring += Seconds(() => sketched = embedding.Gram(sketch, 1, default));
                    double[] inverse = LewisWeights.InverseFactor(sketched, d);
                    LewisWeights.Update(rows, n, d, LewisWeights.Pack(inverse, d), ones, 2, scores, default);
                    scoring += Seconds(() => LewisWeights.Update(rows, n, d, LewisWeights.Sketch(inverse, d, seed, 0), ones, 2, signed, default));
                    foreach (int i in scored)
                    {
                        double ratio = scores[i] / exact[i], other = signed[i] / exact[i];
                        (most, least) = (Math.Max(most, ratio), Math.Min(least, ratio));
                        (mostSigned, leastSigned) = (Math.Max(mostSigned, other), Math.Min(leastSigned, other));
                        outside += ratio is > 2 or < 0.5 ? 1 : 0;
                    }
                }
                Console.WriteLine($"| {nonzeros} | {rowsPerColumn} | {Figure(most)} | {least:0.00} | {100.0 * outside / (Seeds * (long)scored.Length):0.000} % | {Figure(mostSigned)} | {leastSigned:0.00} | {sketching / Seeds:0.000} | {squaring / Seeds:0.000} | {scoring / Seeds:0.000} |");
            }
        Console.WriteLine();
    }

    private static string Figure(double ratio) => ratio < 1000 ? $"{ratio:0.00}" : $"{ratio:0e+0}";

    private static double Normal(Random random) => Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());

    // The better of two: the first also compiles.
    private static double Seconds(Action action)
    {
        double best = double.MaxValue;
        for (int i = 0; i < 2; i++)
        {
            long start = Stopwatch.GetTimestamp();
            action();
            best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalSeconds);
        }
        return best;
    }
}
