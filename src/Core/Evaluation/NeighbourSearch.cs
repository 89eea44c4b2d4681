using ClusterLp.Core.Kernels;

namespace ClusterLp.Core.Evaluation;

/// <summary>
/// The rows nearest to Q query rows by cosine, of all rows of a matrix given in blocks; the query itself is left out, and so
/// are rows of zeros. Equal cosines: the lower row first, so that neither the order of blocks nor threads matter. Float32
/// products, O(n d Q) in all; memory O(Q d), and Q numbers a row of a block. Thread-safe.
/// </summary>
internal sealed class NeighbourSearch
{
    /// <summary>Neighbours kept.</summary>
    public const int Most = 10;

    private readonly long[] _queries;
    private readonly bool[] _isZero;
    private readonly PackedMatrix<float> _directions;
    private readonly Nearest _nearest;
    private readonly Lock _gate = new();

    /// <param name="queries">Their row numbers.</param>
    /// <param name="rows">The rows, Q x d row-major.</param>
    /// <param name="d">Columns.</param>
    public NeighbourSearch(long[] queries, float[] rows, int d)
    {
        (_queries, _isZero, _nearest) = (queries, new bool[queries.Length], new Nearest(queries.Length));
        var directions = new float[queries.Length * d];
        for (int q = 0; q < queries.Length; q++)
        {
            ReadOnlySpan<float> row = rows.AsSpan(q * d, d);
            double norm = Math.Sqrt(PowerSums.Squares(row));
            _isZero[q] = norm == 0;
            for (int j = 0; j < d && norm > 0; j++)
                directions[q * d + j] = (float)(row[j] / norm);
        }
        _directions = PackedMatrix<float>.FromTransposed(directions, d, queries.Length);
    }

    /// <summary>Looks at a block of rows.</summary>
    /// <param name="firstRow">Number of the first.</param>
    /// <param name="rows">count x d row-major.</param>
    /// <param name="norms">Their Euclidean norms.</param>
    public void Look(long firstRow, ReadOnlySpan<float> rows, ReadOnlySpan<double> norms)
    {
        int count = norms.Length;
        if (_queries.Length == 0)
            return;
        var products = new float[count * _queries.Length];
        Gemm.Multiply(rows, _directions.Inner, count, _directions, products, _queries.Length);
        var found = new Nearest(_queries.Length);
        for (int i = 0; i < count; i++)
        {
            if (norms[i] == 0)
                continue;
            double scale = 1 / norms[i];
            ReadOnlySpan<float> line = products.AsSpan(i * _queries.Length, _queries.Length);
            for (int q = 0; q < line.Length; q++)
            {
                double cosine = line[q] * scale;
                if (cosine >= found.Least(q) && firstRow + i != _queries[q] && !_isZero[q])
                    found.Add(q, cosine, firstRow + i);
            }
        }
        lock (_gate)
            _nearest.Merge(found);
    }

    /// <summary>Rows nearest to a query, at most <see cref="Most"/>, nearest first; none for a query of zeros.</summary>
    public ReadOnlySpan<long> Of(int query) => _nearest.Rows(query);

    /// <summary>Share of a query's neighbours in <paramref name="other"/> that are among these: 1 where there are none at all.</summary>
    public double Overlap(int query, NeighbourSearch other)
    {
        HashSet<long> ours = [.. Of(query)];
        return ours.Count == 0 ? 1 : other.Of(query).ToArray().Count(ours.Contains) / (double)ours.Count;
    }

    /// <summary>The best few of each query in order.</summary>
    private sealed class Nearest(int queries)
    {
        private readonly double[] _cosines = new double[queries * Most];
        private readonly long[] _rows = new long[queries * Most];
        private readonly int[] _counts = new int[queries];

        /// <summary>What a cosine must reach to come in.</summary>
        public double Least(int query) => _counts[query] < Most ? double.NegativeInfinity : _cosines[query * Most + Most - 1];

        public ReadOnlySpan<long> Rows(int query) => _rows.AsSpan(query * Most, _counts[query]);

        public void Add(int query, double cosine, long row)
        {
            int from = query * Most, at = _counts[query];
            while (at > 0 && Precedes(cosine, row, _cosines[from + at - 1], _rows[from + at - 1]))
                at--;
            if (at == Most)
                return;
            int last = Math.Min(_counts[query], Most - 1);
            for (int i = last; i > at; i--)
                (_cosines[from + i], _rows[from + i]) = (_cosines[from + i - 1], _rows[from + i - 1]);
            (_cosines[from + at], _rows[from + at]) = (cosine, row);
            _counts[query] = last + 1;
        }

        public void Merge(Nearest other)
        {
            for (int q = 0; q < queries; q++)
                for (int i = 0; i < other._counts[q]; i++)
                    Add(q, other._cosines[q * Most + i], other._rows[q * Most + i]);
        }

        private static bool Precedes(double cosine, long row, double before, long rowBefore) =>
            cosine > before || cosine == before && row < rowBefore;
    }
}
