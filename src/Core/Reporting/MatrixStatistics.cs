using ClusterLp.Core.Formats;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Kernels;
using MathNet.Numerics;

namespace ClusterLp.Core.Reporting;

/// <summary>What one streamed pass says of a matrix' size and tails. Non-finite entries are counted and left out.</summary>
public sealed record MatrixStatistics
{
    public required double Frobenius { get; init; }
    /// <summary>Mean of |a_ij|.</summary>
    public required double MeanAbsolute { get; init; }
    /// <summary>E (a - mean)^4 / variance^2: 3 for a Gaussian, larger for heavy tails; null for a constant matrix.</summary>
    public double? Kurtosis { get; init; }
    /// <summary>
    /// Shape b of the generalised Gaussian exp(-|x/s|^b) with the matrix' ratio (E|x|)^2 / E x^2 (moment matching, Mallat
    /// 1989): 2 for a Gaussian, 1 for a Laplacian; in [0.2, 10]; null for an all-zero matrix.
    /// </summary>
    public double? Shape { get; init; }
    public required double LargestRow { get; init; }
    /// <summary>Median of the row norms (the lower one where n is even).</summary>
    public required double MedianRow { get; init; }
    /// <summary>Entries that are NaN or infinite; <c>compress</c> refuses such a tensor.</summary>
    public required long NonFinite { get; init; }

    private const double LeastShape = 0.2, LargestShape = 10;

    /// <summary>
    /// Streams the matrix in row blocks on all cores; float64 sums, reduced in block order, so the result does not depend
    /// on the number of cores. O(n d), of a sparse matrix O(n + nonzeros); memory: a block a core and n row norms.
    /// </summary>
    /// <param name="source">The matrix, n x d.</param>
    /// <param name="progress">Receives the share read, 0 to 1, from several threads; may be null.</param>
    /// <param name="cancellation">Checked at every block.</param>
    public static MatrixStatistics Of(IMatrixSource source, Action<double>? progress, CancellationToken cancellation)
    {
        var partition = new BlockPartition(source.Rows, (int)Math.Clamp((4L << 20) / sizeof(float) / source.Columns, 1, source.Rows));
        var norms = new double[source.Rows];
        var sums = new Sums[partition.Count];
        int done = 0;
        try
        {
            Parallel.For(0, partition.Count, new ParallelOptions { CancellationToken = cancellation, MaxDegreeOfParallelism = Environment.ProcessorCount },
                () => (Dense: source is ISparseSource ? [] : new float[partition.BlockRows * source.Columns], Sparse: new SparseRows()),
                (block, _, room) =>
                {
                    sums[block] = SumBlock(source, partition, block, room.Dense, room.Sparse, norms);
                    progress?.Invoke(Interlocked.Increment(ref done) / (double)partition.Count);
                    return room;
                },
                _ => { });
        }
        catch (AggregateException e) when (e.InnerException is ClusterLpException known)
        {
            throw known;
        }
        Sums total = sums.Aggregate((a, b) => a + b);
        Array.Sort(norms);
        return Describe(total, norms);
    }

    private static Sums SumBlock(IMatrixSource source, BlockPartition partition, int block, float[] dense, SparseRows sparse, double[] norms)
    {
        int count = partition.RowCount(block), d = source.Columns;
        var entries = source as ISparseSource;
        if (entries is null)
            source.ReadRows(partition.FirstRow(block), count, dense.AsSpan(0, count * d));
        else
            entries.ReadRows(partition.FirstRow(block), count, sparse);
        var sum = new Sums();
        for (int i = 0; i < count; i++)
        {
            double squares = 0;
            // What a sparse matrix does not store adds nothing to any of the sums.
            foreach (float entry in entries is null ? dense.AsSpan(i * d, d) : sparse.ValuesOf(i))
            {
                if (!float.IsFinite(entry))
                {
                    sum.NonFinite++;
                    continue;
                }
                double x = entry, square = x * x;
                squares += square;
                sum.First += x;
                sum.Absolute += Math.Abs(x);
                sum.Third += square * x;
                sum.Fourth += square * square;
            }
            sum.Second += squares;
            norms[partition.FirstRow(block) + i] = Math.Sqrt(squares);
        }
        sum.Count = (double)count * d - sum.NonFinite;
        return sum;
    }

    private static MatrixStatistics Describe(Sums sums, double[] sortedNorms)
    {
        double n = Math.Max(1, sums.Count), mean = sums.First / n, second = sums.Second / n;
        double variance = second - mean * mean;
        double fourth = sums.Fourth / n - 4 * mean * sums.Third / n + 6 * mean * mean * second - 3 * mean * mean * mean * mean;
        // A constant matrix leaves nothing but rounding.
        bool constant = variance <= 1e-12 * second;
        return new MatrixStatistics
        {
            Frobenius = Math.Sqrt(sums.Second),
            MeanAbsolute = sums.Absolute / n,
            Kurtosis = constant ? null : fourth / (variance * variance),
            Shape = second > 0 ? ShapeOf(sums.Absolute / n * (sums.Absolute / n) / second) : null,
            LargestRow = sortedNorms[^1],
            MedianRow = sortedNorms[(sortedNorms.Length - 1) / 2],
            NonFinite = sums.NonFinite,
        };
    }

    // (E|x|)^2 / E x^2 = Gamma(2/b)^2 / (Gamma(1/b) Gamma(3/b)) rises with b: bisection.
    private static double ShapeOf(double ratio)
    {
        double low = LeastShape, high = LargestShape;
        for (int i = 0; i < 60; i++)
        {
            double b = (low + high) / 2;
            double at = Math.Exp(2 * SpecialFunctions.GammaLn(2 / b) - SpecialFunctions.GammaLn(1 / b) - SpecialFunctions.GammaLn(3 / b));
            if (at < ratio)
                low = b;
            else
                high = b;
        }
        return (low + high) / 2;
    }

    private struct Sums
    {
        public double Count, First, Absolute, Second, Third, Fourth;
        public long NonFinite;

        public static Sums operator +(Sums a, Sums b) => new()
        {
            Count = a.Count + b.Count, First = a.First + b.First, Absolute = a.Absolute + b.Absolute, Second = a.Second + b.Second,
            Third = a.Third + b.Third, Fourth = a.Fourth + b.Fourth, NonFinite = a.NonFinite + b.NonFinite,
        };
    }
}
