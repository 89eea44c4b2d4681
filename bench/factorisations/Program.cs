using System.Diagnostics;
using System.Globalization;
using ClusterLp.Core.Kernels;
using ClusterLp.Core.LinearAlgebra;
using ClusterLp.Core.LinearAlgebra.Managed;
using MathNet.Numerics;
using MathNet.Numerics.LinearAlgebra;
using MathNet.Numerics.LinearAlgebra.Double;

// Our factorisations of a d x d Gram matrix beside OpenBLAS' and MathNet's managed ones, each on one thread, alternating.
CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
Control.UseSingleThread();
int rounds = args.Length > 0 ? int.Parse(args[0], CultureInfo.InvariantCulture) : 3;
int[] sizes = args.Length > 1 ? [.. args[1..].Select(s => int.Parse(s, CultureInfo.InvariantCulture))] : [256, 512, 768, 1024, 2048];
IFactoriser ours = new ManagedFactoriser(), library = LinearAlgebraSetup.Factoriser;
Console.WriteLine($"seconds, best of {rounds} alternating rounds; kernels {KernelSets.Active}, {library.Description}");
Console.WriteLine($"{"",-28} {"managed",9} {"library",9} {"ratio",6} {"MathNet",9}");
foreach (int d in sizes)
{
    double[] gram = RandomGram(d);
    // MathNet's takes most of a minute beyond this.
    bool slow = d <= 1024;
    Compare($"symmetric eigen, d = {d}",
        () => Factorisations.SymmetricEigen(gram, d, ours), () => Factorisations.SymmetricEigen(gram, d, library),
        slow ? () => new DenseMatrix(d, d, (double[])gram.Clone()).Evd(Symmetricity.Symmetric) : null);
    Compare($"inverse Cholesky, d = {d}",
        () => Factorisations.InverseCholesky(gram, d, ours), () => Factorisations.InverseCholesky(gram, d, library),
        slow ? () => TriangularInverse.Lower(new DenseMatrix(d, d, (double[])gram.Clone()).Cholesky().Factor.ToRowMajorArray(), d) : null);
}
return;

void Compare(string name, Action managed, Action byLibrary, Action? mathNet)
{
    Action?[] actions = [managed, byLibrary, mathNet];
    double[] best = [double.MaxValue, double.MaxValue, double.MaxValue];
    for (int round = 0; round <= rounds; round++)
        for (int i = 0; i < actions.Length; i++)
            // MathNet's is long enough for one timing to do.
            if (actions[i] is { } action && (i < 2 || round == 1))
            {
                long start = Stopwatch.GetTimestamp();
                action();
                if (round > 0)
                    best[i] = Math.Min(best[i], Stopwatch.GetElapsedTime(start).TotalSeconds);
            }
    Console.WriteLine($"{name,-28} {best[0],9:F4} {best[1],9:F4} {best[0] / best[1],6:F2} {(mathNet is null ? "" : best[2].ToString("F4")),9}");
}

static double[] RandomGram(int d)
{
    var random = new Random(d);
    float[] rows = [.. Enumerable.Range(0, 2 * d * d).Select(_ => (float)(random.NextDouble() - 0.5))];
    double[] gram = new double[d * d];
    Gram.AccumulateUpper(rows, 2 * d, d, [], gram);
    Gram.MirrorUpper(gram, d);
    return gram;
}
