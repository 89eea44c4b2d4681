using ClusterLp.Core.LpFit;

namespace ClusterLp.Core.FactorModels.Subspaces;

/// <summary>
/// J subspaces of R^d, all of dimension k: what projective clustering chooses among for each row (Maalouf, Lang, Rus and Feldman
/// 2020, arXiv 2010.04290, section 2). Immutable; thread-safe.
/// </summary>
internal sealed class SubspaceSet
{
    private readonly OrthonormalBasis[] _bases;

    /// <param name="bases">J orthonormal bases of R^d, d x d row-major each, not copied; the first k rows of each span its subspace.</param>
    /// <param name="d">Columns.</param>
    /// <param name="rank">k.</param>
    public SubspaceSet(IEnumerable<float[]> bases, int d, int rank)
    {
        (D, Rank) = (d, rank);
        _bases = [.. bases.Select(basis => new OrthonormalBasis(basis, d, rank))];
    }

    /// <summary>The same from bases one after another, J x d x d.</summary>
    public static SubspaceSet From(ReadOnlySpan<float> bases, int d, int rank)
    {
        var each = new float[bases.Length / (d * d)][];
        for (int j = 0; j < each.Length; j++)
            each[j] = bases.Slice(j * d * d, d * d).ToArray();
        return new SubspaceSet(each, d, rank);
    }

    public int D { get; }

    /// <summary>k.</summary>
    public int Rank { get; }

    /// <summary>J.</summary>
    public int Count => _bases.Length;

    public OrthonormalBasis this[int j] => _bases[j];

    /// <summary>
    /// The nearest subspace of each row, the first of equally near ones, and the squared distance to it, floored at 1e-12 of the row's
    /// squared norm. O(J count d (d - k)).
    /// </summary>
    /// <param name="rows">count x d row-major.</param>
    /// <param name="count">Rows.</param>
    /// <param name="ids">Receives j, count.</param>
    /// <param name="squares">Receives r_i^2, count.</param>
    /// <param name="cancellation">Checked every few rows.</param>
    public void Assign(ReadOnlySpan<float> rows, int count, Span<byte> ids, Span<double> squares, CancellationToken cancellation)
    {
        var own = new double[count];
        ids[..count].Clear();
        for (int j = 0; j < Count; j++)
        {
            _bases[j].SquaredResiduals(rows, count, own, cancellation);
            for (int i = 0; i < count; i++)
                if (j == 0 || own[i] < squares[i])
                    (squares[i], ids[i]) = (own[i], (byte)j);
        }
    }
}
