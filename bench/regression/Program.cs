using System.Diagnostics;
using System.Globalization;
using ClusterLp.Core.LpFit;
using ClusterLp.RegressionBench;

const int Exact = 64;
const double ExactGap = 2e-5;

CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
if (args.Length is < 2 or > 5)
{
    Console.Error.WriteLine("usage: bench/regression/run MATRIX RANK [ROWS (1024) [ROUNDS (3) [GAP (the default)]]]");
    return 64;
}
int rank = int.Parse(args[1]), count = args.Length > 2 ? int.Parse(args[2]) : 1024, rounds = args.Length > 3 ? int.Parse(args[3]) : 3;
double? gap = args.Length > 4 ? double.Parse(args[4]) : null;
foreach (double p in new[] { 1, 1.5 })
{
    Problem problem = Problem.Read(args[0], rank, count, p);
    int exact = Math.Min(Exact, problem.Count);
    (RegressionOutcome optimum, _) = Solve(problem, exact, p, RegressionOptions.For(p, ExactGap));
    Console.WriteLine($"p = {p}: {problem.Count} rows of {problem.Basis.D} columns, rank {rank}, one thread, processor time, best of {rounds} alternating rounds; excess over the optimum "
        + $"on {exact} rows (certified to {optimum.SumGap:0.0e+0}, {(double)optimum.Iterations / exact:0} iterations a row)\n");
    IReadOnlyList<Variant> variants = Variant.At(p, gap);
    var seconds = Enumerable.Repeat(double.MaxValue, variants.Count).ToArray();
    var outcomes = new RegressionOutcome[variants.Count];
    for (int round = 0; round < rounds; round++)
        for (int i = 0; i < variants.Count; i++)
        {
            (outcomes[i], double time) = Solve(problem, problem.Count, p, variants[i].Options);
            seconds[i] = Math.Min(seconds[i], time);
        }
    Console.WriteLine($"{"variant",-40} {"iterations",10} {"us a row",9} {"largest gap",12} {"sum gap",8} {"true excess",12}");
    for (int i = 0; i < variants.Count; i++)
    {
        (RegressionOutcome some, _) = Solve(problem, exact, p, variants[i].Options);
        Console.WriteLine($"{variants[i].Name,-40} {(double)outcomes[i].Iterations / problem.Count,10:0.0} {1e6 * seconds[i] / problem.Count,9:0} "
            + $"{outcomes[i].LargestGap,12:0.0e+0} {100 * outcomes[i].SumGap,6:0.00} % {100 * (some.Power / optimum.Power - 1),10:0.00} %");
    }
    int fewest = Enumerable.Range(0, variants.Count).MinBy(i => outcomes[i].Iterations), fastest = Array.IndexOf(seconds, seconds.Min());
    Console.WriteLine($"\nfewest iterations: {variants[fewest].Name}, {(double)outcomes[0].Iterations / outcomes[fewest].Iterations:0.00} times fewer than the first; "
        + $"fastest: {variants[fastest].Name}, {seconds[0] / seconds[fastest]:0.00} times as fast (iterations do not depend on the machine, times do)\n");
}
return 0;

static (RegressionOutcome, double) Solve(Problem problem, int count, double p, RegressionOptions options)
{
    var u = new float[count * problem.Basis.Rank];
    // Of the processor, which a busy machine disturbs less than the clock on the wall.
    TimeSpan before = Process.GetCurrentProcess().TotalProcessorTime;
    RegressionOutcome outcome = new RowRegression(problem.Basis, p, options).Solve(problem.Rows, count, u, CancellationToken.None);
    return (outcome, (Process.GetCurrentProcess().TotalProcessorTime - before).TotalSeconds);
}
