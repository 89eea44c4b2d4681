using System.Diagnostics;
using System.Globalization;
using ClusterLp.Core.Kernels;
using ClusterLp.Core.LinearAlgebra;
using ClusterLp.Core.Sketches;
using ClusterLp.ResidualBench;

CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
const int seeds = 5, bands = ResidualSketch.DefaultBands;
double[] shares = [1.0 / 64, 1.0 / 16, 1.0 / 8, 1.0 / 4, 1.0 / 2];
int[] sizes = [128, 256, 512, 1024];
// By size and share of it: how far off each number was in every run, as |log|, and how often the bracket held.
var plainErrors = new Dictionary<(int, double), List<double>>();
var errors = new Dictionary<(int, double), List<double>>();
int brackets = 0, held = 0;

Console.WriteLine("| matrix | m | k | exact share of energy | bilinear, plain tail | lower | upper | estimate | estimate, worst | lower bound held | upper bound held |\n" + string.Concat(Enumerable.Repeat("|---", 11)) + "|");
foreach (Spectrum spectrum in Spectrum.Generated().Concat(args.Select(Spectrum.Read)))
{
    (int d, int n) = (spectrum.Columns, spectrum.Rows.Length / spectrum.Columns);
    foreach (int m in sizes.Where(m => m <= d / 2))
    {
        (ResidualCurve Curve, double[] Bilinear)[] runs = [.. Enumerable.Range(0, seeds).Select(seed => (Sketched(spectrum, m, seed), Bilinear(spectrum, m, seed)))];
        foreach (double share in shares)
        {
            int k = (int)(m * share);
            double exact = spectrum.Tails[k];
            if (exact < 1e-12 * spectrum.Tails[0])
                continue;
            double[] plain = [.. runs.Select(run => run.Bilinear[k] / exact)], found = [.. runs.Select(run => run.Curve[k].Energy / exact)];
            double[] lower = [.. runs.Select(run => run.Curve[k].Lower / exact)], upper = [.. runs.Select(run => run.Curve[k].Upper / exact)];
            (int below, int above) = (lower.Count(x => x <= 1 + 1e-6), upper.Count(x => x >= 1 - 1e-6));
            (brackets, held) = (brackets + 2 * seeds, held + below + above);
            Note(plainErrors, m, share, plain);
            Note(errors, m, share, found);
            Console.WriteLine($"| {spectrum.Name} | {m} | {k} | {exact / spectrum.Tails[0]:G3} | {plain.Average():0.000} | {lower.Average():0.000} | {upper.Average():0.000} | {found.Average():0.000} | {found.MaxBy(x => Math.Abs(Math.Log(x))):0.000} | {below} of {seeds} | {above} of {seeds} |");
        }
    }
}
Console.WriteLine($"\nBounds that held: {held} of {brackets}.\n\nHow far off, |log of the ratio|, over all matrices and seeds, as percent: mean and worst.\n");
Console.WriteLine("| m | k / m | bilinear, plain tail: mean | worst | estimate: mean | worst |\n|---|---|---|---|---|---|");
foreach (int m in sizes)
    foreach (double share in shares.Where(share => errors.ContainsKey((m, share))))
        Console.WriteLine($"| {m} | 1/{1 / share:0} | {Summary(plainErrors[(m, share)])} | {Summary(errors[(m, share)])} |");

Console.WriteLine("\nSeconds on one thread, 100000 columns: a row of 100000 entries, one of 200, and the curve.\n\n| m | full row | sparse row | curve |\n|---|---|---|---|");
foreach (int m in sizes)
    Console.WriteLine($"| {m} | {FullRow(m):0.000000} | {SparseRow(m):0.000000} | {Seconds(() => ResidualCurve.Of(Identity(m), bands, m, m, 1, default)):0.000} |");

static void Note(Dictionary<(int, double), List<double>> to, int m, double share, double[] ratios)
{
    if (!to.TryGetValue((m, share), out List<double>? list))
        to[(m, share)] = list = [];
    list.AddRange(ratios.Select(x => 100 * Math.Abs(Math.Log(x))));
}

static string Summary(List<double> errors) => $"{errors.Average():0.0} | {errors.Max():0.0}";

static ResidualCurve Sketched(Spectrum spectrum, int m, int seed)
{
    var sketch = new ResidualSketch(spectrum.Columns, (ulong)seed, 0, m);
    var gram = new double[m * m];
    int n = spectrum.Rows.Length / spectrum.Columns;
    sketch.Add(spectrum.Rows, n, [], gram);
    Gram.MirrorUpper(gram, m);
    return ResidualCurve.Of(gram, bands, spectrum.Tails[0], Math.Min(n, spectrum.Columns), 2, default);
}

// The tail of S A T's singular values (Li, Lin and Woodruff), S and T with one sign in each of 8 bands, as large as the triangle of m x m.
static double[] Bilinear(Spectrum spectrum, int m, int seed)
{
    (int d, int n, int size) = (spectrum.Columns, spectrum.Rows.Length / spectrum.Columns, (int)Math.Ceiling(m / Math.Sqrt(2) / bands) * bands);
    var random = new Random(seed);
    int Choice(int band) => band * (size / bands) + random.Next(size / bands);
    (int Place, double Sign)[] right = [.. Enumerable.Range(0, d * bands).Select(i => (Choice(i % bands), random.Next(2) * 2 - 1.0))];
    var sketch = new double[size * size];
    var row = new double[size];
    for (int i = 0; i < n; i++)
    {
        Array.Clear(row);
        for (int j = 0; j < d; j++)
            if (spectrum.Rows[i * d + j] is var value && value != 0)
                for (int b = j * bands; b < (j + 1) * bands; b++)
                    row[right[b].Place] += right[b].Sign * value;
        for (int b = 0; b < bands; b++)
        {
            (int place, double sign) = (Choice(b), random.Next(2) * 2 - 1.0);
            for (int j = 0; j < size; j++)
                sketch[place * size + j] += sign * row[j] / bands;
        }
    }
    var transposed = new double[size * size];
    for (int i = 0; i < size; i++)
        for (int j = 0; j < size; j++)
            transposed[j * size + i] = sketch[i * size + j];
    double[] values = Factorisations.SymmetricEigen(MatrixProduct.Of(transposed, sketch, size, size, size, 2, default), size).Values;
    var tails = new double[m];
    for (int k = 0; k < m; k++)
        tails[k] = values.Skip(k).Sum(value => Math.Max(value, 0));
    return tails;
}

static double FullRow(int m)
{
    const int d = 100_000, count = 256;
    var sketch = new ResidualSketch(d, 1, 0, m);
    var rows = new float[d * count];
    Array.Fill(rows, 1);
    var gram = new double[m * m];
    return Seconds(() => sketch.Add(rows, count, [], gram)) / count;
}

static double SparseRow(int m)
{
    const int d = 100_000, count = 1024, entries = 200;
    var sketch = new ResidualSketch(d, 1, 0, m);
    var rows = new SparseRows();
    (int[] columns, float[] values) = rows.Begin(count, count * entries);
    for (int e = 0; e < count * entries; e++)
        (columns[e], values[e]) = (e % entries * 500 + e % 499, 1);
    for (int i = 1; i <= count; i++)
        rows.End(i * entries);
    var gram = new double[m * m];
    return Seconds(() => sketch.Add(rows, [], gram)) / count;
}

static double[] Identity(int m)
{
    var matrix = new double[m * m];
    for (int i = 0; i < m; i++)
        matrix[i * m + i] = 1 + 1.0 / (1 + i);
    return matrix;
}

// The better of two: the first also compiles.
static double Seconds(Action action)
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
