using System.Globalization;
using ClusterLp.SparseBench;

CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
switch (args)
{
    case ["scan", .. var rest] when rest.Length < 2:
        int rounds = rest.Length > 0 ? int.Parse(rest[0]) : 3;
        ScanBench.Grams(rounds);
        ScanBench.Scans(rounds);
        return 0;
    case ["scores", .. var rest] when rest.Length < 2:
        EmbeddingBench.Run(rest.FirstOrDefault());
        return 0;
    case ["fits", .. var rest] when rest.Length < 2:
        LewisBench.Run(rest.FirstOrDefault());
        return 0;
    default:
        Console.Error.WriteLine("usage: bench/sparse-inputs/run scan [ROUNDS (3)] | scores [MATRIX] | fits [MATRIX]");
        return 64;
}
