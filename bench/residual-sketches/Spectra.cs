using System.Numerics;
using ClusterLp.Core.Formats;
using ClusterLp.Core.Kernels;
using ClusterLp.Core.LinearAlgebra;

namespace ClusterLp.ResidualBench;

/// <summary>A matrix and the exact sums of the squares of its singular values after the first 0, 1, 2, ...</summary>
internal sealed record Spectrum(string Name, float[] Rows, int Columns, double[] Tails)
{
    public static IEnumerable<Spectrum> Generated()
    {
        const int d = 2048;
        foreach ((string name, Func<int, double> singular) in new (string, Func<int, double>)[]
        {
            ("power 0.5", i => Math.Pow(i, -0.5)),
            ("power 1", i => 1.0 / i),
            ("power 2", i => Math.Pow(i, -2)),
            ("exponential", i => Math.Exp(-i / 40.0)),
            ("flat", _ => 1),
            ("step", i => i <= 100 ? 3 : 1),
            ("spikes + noise", i => i <= 32 ? 41 - i : 1),
        })
        {
            double[] values = [.. Enumerable.Range(1, d).Select(singular)];
            yield return new Spectrum(name, Rotated(values), d, Sums(values.Select(value => value * value)));
            if (name is "power 1" or "exponential")
                yield return new Spectrum(name + ", diagonal", Diagonal(values), d, Sums(values.Select(value => value * value)));
        }
        yield return Of("heavy-tailed rows", HeavyTailed(4000, 1024), 1024);
    }

    public static Spectrum Read(string file)
    {
        using IModel model = ModelFiles.Open(file);
        using IMatrixSource source = model.OpenMatrix(model.Tensors[0].Name);
        var rows = new float[source.Rows * source.Columns];
        source.ReadRows(0, (int)source.Rows, rows);
        return Of(Path.GetFileName(file), rows, source.Columns);
    }

    private static Spectrum Of(string name, float[] rows, int d)
    {
        var gram = new double[d * d];
        Gram.AccumulateUpper(rows, rows.Length / d, d, [], gram);
        Gram.MirrorUpper(gram, d);
        return new Spectrum(name, rows, d, Sums(Factorisations.SymmetricEigen(gram, d).Values));
    }

    private static double[] Sums(IEnumerable<double> squares)
    {
        double[] tails = [.. squares, 0];
        for (int i = tails.Length - 2; i >= 0; i--)
            tails[i] = Math.Max(tails[i], 0) + tails[i + 1];
        return tails;
    }

    /// <summary>diag(s) H D / sqrt(d): Hadamard's matrix and random signs, so that columns are alike.</summary>
    private static float[] Rotated(double[] singular)
    {
        int d = singular.Length;
        var random = new Random(1);
        double[] signs = [.. Enumerable.Range(0, d).Select(_ => random.Next(2) == 0 ? -1.0 : 1.0)];
        var a = new float[d * d];
        for (int i = 0; i < d; i++)
            for (int j = 0; j < d; j++)
                a[i * d + j] = (float)(singular[i] * signs[j] * (BitOperations.PopCount((uint)(i & j)) % 2 == 0 ? 1 : -1) / Math.Sqrt(d));
        return a;
    }

    private static float[] Diagonal(double[] singular)
    {
        int d = singular.Length;
        var a = new float[d * d];
        for (int i = 0; i < d; i++)
            a[i * d + i] = (float)singular[i];
        return a;
    }

    /// <summary>Rank 50 and noise, each row as large as a Student variable of 2 degrees.</summary>
    private static float[] HeavyTailed(int n, int d)
    {
        const int rank = 50;
        var random = new Random(1);
        double Normal() => Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
        float[] basis = [.. Enumerable.Range(0, rank * d).Select(_ => (float)Normal())];
        var a = new float[n * d];
        for (int i = 0; i < n; i++)
        {
            double size = Math.Abs(Normal()) / Math.Sqrt(-Math.Log(1 - random.NextDouble()));
            Span<float> row = a.AsSpan(i * d, d);
            for (int h = 0; h < rank; h++)
            {
                float x = (float)(size * Normal() / (1 + h / 10.0));
                for (int j = 0; j < d; j++)
                    row[j] += x * basis[h * d + j];
            }
            for (int j = 0; j < d; j++)
                row[j] += (float)(size * Normal());
        }
        return a;
    }
}
