using System.Diagnostics;
using ClusterLp.Core.Kernels;
using ClusterLp.Core.LinearAlgebra;
using ClusterLp.KernelBench;

// Our kernels beside OpenBLAS in one process on the same cores: alternating rounds, the median of the rounds' ratios.
const int n = 50265, d = 768, k = 544;
int rounds = args.Length > 0 ? int.Parse(args[0]) : 7;
Console.WriteLine($"kernels {KernelSets.Active}, {OpenBlas.Config.Trim()}, {rounds} alternating rounds");
Console.WriteLine($"{"",-44} {"ours GF/s",10} {"OpenBLAS",10} {"ratio",7} {"range",13}");

var random = new Random(1);
float[] a = Matrix(n * d);
var wide = new double[n * d];
for (int i = 0; i < wide.Length; i++)
    wide[i] = a[i];
double[] weights = new double[n];
for (int i = 0; i < n; i++)
    weights[i] = 0.5 + random.NextDouble();

foreach (int threads in new[] { 1, 2 })
{
    OpenBlas.SetThreads(threads);
    Product($"f32 GEMM {n} x {d} x {k}, {threads} thread(s)", n, d, k, threads, 1);
    GramPair(threads);
    if (threads == 1)
    {
        Product($"f32 GEMM tile 128 x {d} x 224", 128, d, 224, 1, 200);
        Product($"f32 GEMM tile 64 x {d} x 224", 64, d, 224, 1, 400);
        Product($"f32 GEMM tile 64 x 224 x {d}", 64, 224, d, 1, 400);
        Product($"f32 GEMM tile 32 x 224 x {d}", 32, 224, d, 1, 800);
    }
    Leverage(threads);
}

Console.WriteLine();
foreach (double p in new[] { 1, 1.3, 1.5, 2 })
    PowerSum(p);
Factorise();
return;

float[] Matrix(int count)
{
    var values = new float[count];
    for (int i = 0; i < count; i++)
        values[i] = (float)(random.NextDouble() - 0.5);
    return values;
}

void Product(string name, int m, int inner, int columns, int threads, int repeats)
{
    float[] b = Matrix(inner * columns), ours = new float[m * columns], theirs = new float[m * columns];
    var packed = PackedMatrix<float>.FromRows(b, inner, columns);
    Compare(name, 2.0 * m * inner * columns * repeats,
        () =>
        {
            for (int r = 0; r < repeats; r++)
                Strips(m, threads, (from, rows) => Gemm.Multiply(a.AsSpan(from * inner), inner, rows, packed, ours.AsSpan(from * columns), columns));
        },
        () =>
        {
            for (int r = 0; r < repeats; r++)
                OpenBlas.Multiply(a, b, theirs, m, columns, inner);
        });
    for (int i = 0; i < ours.Length; i++)
        if (Math.Abs(ours[i] - theirs[i]) > 1e-3)
            throw new InvalidOperationException($"{name}: entry {i} is {ours[i]} here and {theirs[i]} there");
}

// OpenBLAS is given float64; we convert float32 on the way, and weigh the rows.
void GramPair(int threads)
{
    double[] ours = new double[d * d], theirs = new double[d * d];
    var parts = new double[threads][];
    Compare($"f64 weighted Gram {n} x {d}, {threads} thread(s)", (double)n * d * (d + 1),
        () =>
        {
            FixedPartition.For(threads, threads, CancellationToken.None, part =>
            {
                double[] sum = parts[part] = new double[d * d];
                int from = (int)((long)n * part / threads), to = (int)((long)n * (part + 1) / threads);
                Gram.AccumulateUpper(a.AsSpan(from * d), to - from, d, weights.AsSpan(from), sum);
            });
            Array.Clear(ours);
            foreach (double[] part in parts)
                for (int i = 0; i < ours.Length; i++)
                    ours[i] += part[i];
        },
        () => OpenBlas.Gram(wide, theirs, n, d));
}

// Rows times an upper triangular d x d: what leverage scores need.
void Leverage(int threads)
{
    var b = new double[d * d];
    for (int t = 0; t < d; t++)
        for (int j = t; j < d; j++)
            b[t * d + j] = random.NextDouble();
    double[] ours = new double[n * d], theirs = new double[n * d];
    var packed = PackedMatrix<double>.FromRows(b, d, d, upperTriangular: true);
    Compare($"f64 leverage {n} x {d} x {d}, {threads} thread(s)", 2.0 * n * d * d,
        () => Strips(n, threads, (from, rows) => Gemm.Multiply(a.AsSpan(from * d), d, rows, packed, ours.AsSpan(from * d), d)),
        () => OpenBlas.Multiply(wide, b, theirs, n, d, d));
    for (int i = 0; i < ours.Length; i++)
        if (Math.Abs(ours[i] - theirs[i]) > 1e-9)
            throw new InvalidOperationException($"leverage: entry {i} is {ours[i]} here and {theirs[i]} there");
}

// No peer: the plain loop with Math.Pow.
void PowerSum(double p)
{
    Span<float> x = a.AsSpan(0, 1 << 20);
    double sum = 0, plain = 0;
    double ours = double.MaxValue, theirs = double.MaxValue;
    for (int r = 0; r < rounds; r++)
    {
        long start = Stopwatch.GetTimestamp();
        sum = PowerSums.AbsolutePower(x, p);
        ours = Math.Min(ours, Stopwatch.GetElapsedTime(start).TotalSeconds);
        start = Stopwatch.GetTimestamp();
        plain = 0;
        foreach (float v in x)
            plain += Math.Pow(Math.Abs((double)v), p);
        theirs = Math.Min(theirs, Stopwatch.GetElapsedTime(start).TotalSeconds);
    }
    if (Math.Abs(sum - plain) > 1e-9 * plain)
        throw new InvalidOperationException($"the sum of powers {p} is {sum} here and {plain} by Math.Pow");
    Console.WriteLine($"sum |x|^{p,-4} {x.Length / ours / 1e9,6:F2} G values/s, {theirs / ours,5:F1} times Math.Pow");
}

void Factorise()
{
    var gram = new double[d * d];
    Gram.AccumulateUpper(a.AsSpan(0, 4 * d * d), 4 * d, d, [], gram);
    Gram.MirrorUpper(gram, d);
    Factorisations.SymmetricEigen(gram, d);
    Console.WriteLine($"d = {d}, {LinearAlgebraSetup.Description}: symmetric eigen {Median(Enumerable.Range(0, 3).Select(_ => Seconds(() => Factorisations.SymmetricEigen(gram, d)))):F3} s, "
        + $"inverse Cholesky {Median(Enumerable.Range(0, 3).Select(_ => Seconds(() => Factorisations.InverseCholesky(gram, d)))):F3} s");
}

static void Strips(int m, int threads, Action<int, int> body)
{
    const int strip = 1024;
    FixedPartition.For((m + strip - 1) / strip, threads, CancellationToken.None, i => body(i * strip, Math.Min(strip, m - i * strip)));
}

void Compare(string name, double flops, Action ours, Action theirs)
{
    ours();
    theirs();
    var times = new List<(double Ours, double Theirs)>();
    for (int r = 0; r < rounds; r++)
        times.Add(r % 2 == 0 ? (Seconds(ours), Seconds(theirs)) : Swap(Seconds(theirs), Seconds(ours)));
    double[] ratios = [.. times.Select(t => t.Theirs / t.Ours).Order()];
    Console.WriteLine($"{name,-44} {flops / Median(times.Select(t => t.Ours)) / 1e9,10:F1} {flops / Median(times.Select(t => t.Theirs)) / 1e9,10:F1} "
        + $"{ratios[ratios.Length / 2],7:F2} {ratios[0],6:F2}-{ratios[^1]:F2}");
}

static (double, double) Swap(double x, double y) => (y, x);

static double Median(IEnumerable<double> values)
{
    double[] sorted = [.. values.Order()];
    return sorted[sorted.Length / 2];
}

static double Seconds(Action action)
{
    // OpenBLAS' threads wait for more work by spinning, some 30 ms long, on the cores that the next one needs.
    Thread.Sleep(100);
    long start = Stopwatch.GetTimestamp();
    action();
    return Stopwatch.GetElapsedTime(start).TotalSeconds;
}
