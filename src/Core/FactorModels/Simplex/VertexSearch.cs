using ClusterLp.Core.Coresets;
using ClusterLp.Core.Jobs.Blobs;

namespace ClusterLp.Core.FactorModels.Simplex;

/// <summary>
/// How far the search for vertices has come: after each, a random direction in the span of the top k right singular vectors, orthogonal
/// to what that span has of the vertices found (Bhattacharyya and Kannan 2020; arXiv 2105.08005, algorithm 1). Of the two ends of the
/// direction, the one whose rows' mean lies farther from 0 is averaged. Immutable.
/// </summary>
internal sealed class VertexSearch
{
    // Apart from every other draw of the job.
    private const ulong Stream = 0x7369_6D70_6C65_7801;

    // Orthonormal, and spanning what the subspace has of the vertices found; zeros for one that depends on those before it.
    private readonly double[] _found;

    private readonly double[] _directions, _ends;

    private VertexSearch(int rank, int d, double[] found, double[] directions, double[] ends, double[] direction) =>
        (Rank, D, _found, _directions, _ends, Direction) = (rank, d, found, directions, ends, direction);

    /// <summary>k.</summary>
    public int Rank { get; }

    public int D { get; }

    /// <summary>Vertices found.</summary>
    public int Count => _ends.Length / 3;

    /// <summary>The next direction, a unit vector of d numbers; when all are found, of no meaning.</summary>
    public double[] Direction { get; }

    /// <summary>The directions of those found, count x d.</summary>
    public double[] Directions => _directions;

    /// <summary>Whether a row of a given product with direction <paramref name="vertex"/> is one of those that vertex averages.</summary>
    public bool Averages(int vertex, double product, long row)
    {
        double sign = _ends[vertex * 3];
        return ExtremeRows.IsBefore(sign * product, row, _ends[vertex * 3 + 1], (long)_ends[vertex * 3 + 2]);
    }

    /// <summary>The beginning.</summary>
    /// <param name="subspace">At least k x d float32, orthonormal rows: right singular vectors by descending singular value.</param>
    /// <param name="rank">k.</param>
    /// <param name="d">Columns.</param>
    /// <param name="seed">The job's seed.</param>
    /// <param name="tensor">Index of the tensor in the job.</param>
    public static VertexSearch Begin(ReadOnlySpan<float> subspace, int rank, int d, ulong seed, int tensor) =>
        new(rank, d, [], [], [], NextDirection(subspace, rank, d, [], seed, tensor));

    /// <summary>With one more vertex.</summary>
    /// <param name="subspace">As at the beginning.</param>
    /// <param name="top">The rows farthest along the direction, as many as are averaged; their numbers are their coordinates in the subspace, k.</param>
    /// <param name="bottom">The same against the direction, which turns their products' signs.</param>
    /// <param name="seed">As at the beginning.</param>
    /// <param name="tensor">As at the beginning.</param>
    public VertexSearch Next(ReadOnlySpan<float> subspace, ExtremeRows top, ExtremeRows bottom, ulong seed, int tensor)
    {
        (ExtremeRows end, double sign) = Math.Abs(top.Values.Average()) >= Math.Abs(bottom.Values.Average()) ? (top, 1d) : (bottom, -1d);
        var mean = new double[Rank];
        for (int i = 0; i < end.Count; i++)
            for (int j = 0; j < Rank; j++)
                mean[j] += end.Numbers[i * Rank + j] / (double)end.Count;
        double before = Norm(mean);
        RemoveAll(mean, _found);
        double after = Norm(mean);
        // A vertex that depends on those before it adds nothing to be orthogonal to.
        double[] found = [.. _found, .. Array.ConvertAll(mean, value => after > 1e-10 * before ? value / after : 0)];
        return new VertexSearch(Rank, D, found, [.. _directions, .. Direction], [.. _ends, sign, end.Values[^1], end.Rows[^1]],
            NextDirection(subspace, Rank, D, found, seed, tensor));
    }

    /// <summary>As a blob: "found", "directions", "ends" and "direction", float64.</summary>
    public ArrayBlob ToBlob() => new ArrayBlob().Add("found", _found, Count, Rank).Add("directions", _directions, Count, D).Add("ends", _ends, Count, 3)
        .Add("direction", Direction, D);

    /// <summary>From such a blob.</summary>
    public static VertexSearch From(ArrayBlob blob, int rank, int d) => new(rank, d, blob.Get<double>("found"), blob.Get<double>("directions"),
        blob.Get<double>("ends"), blob.Get<double>("direction"));

    private static double[] NextDirection(ReadOnlySpan<float> subspace, int rank, int d, double[] found, ulong seed, int tensor)
    {
        double[] coordinates = Normals(rank, found.Length / rank, seed, tensor);
        RemoveAll(coordinates, found);
        var direction = new double[d];
        for (int j = 0; j < rank; j++)
            for (int i = 0; i < d; i++)
                direction[i] += coordinates[j] * subspace[j * d + i];
        double norm = Math.Sqrt(direction.Sum(value => value * value));
        return norm > 0 ? Array.ConvertAll(direction, value => value / norm) : direction;
    }

    // Twice, so that rounding leaves nothing of them.
    private static void RemoveAll(Span<double> from, double[] found)
    {
        for (int pass = 0; pass < 2; pass++)
            for (int t = 0; t < found.Length; t += from.Length)
                Remove(from, found.AsSpan(t, from.Length));
    }

    private static void Remove(Span<double> from, ReadOnlySpan<double> unit)
    {
        double along = 0;
        for (int j = 0; j < unit.Length; j++)
            along += from[j] * unit[j];
        for (int j = 0; j < unit.Length; j++)
            from[j] -= along * unit[j];
    }

    private static double Norm(double[] x) => Math.Sqrt(x.Sum(value => value * value));

    // Box and Muller's.
    private static double[] Normals(int count, int round, ulong seed, int tensor)
    {
        var normals = new double[count];
        for (int j = 0; j < count; j++)
        {
            long place = ((long)round * count + j) * 2;
            double first = 1 - RowSampler.Uniform(seed ^ Stream, tensor, place), second = RowSampler.Uniform(seed ^ Stream, tensor, place + 1);
            normals[j] = Math.Sqrt(-2 * Math.Log(first)) * Math.Cos(2 * Math.PI * second);
        }
        return normals;
    }
}
