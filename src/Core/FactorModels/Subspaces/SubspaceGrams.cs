using ClusterLp.Core.Kernels;
using ClusterLp.Core.LpFit;

namespace ClusterLp.Core.FactorModels.Subspaces;

/// <summary>
/// What the refit of J subspaces needs of some rows that have been assigned: for each, a weighted Gram matrix, its rows and their
/// part of the objective. Sums: those of blocks add up to those of the matrix.
/// </summary>
internal sealed class SubspaceGrams
{
    private const int Tile = 256;

    private SubspaceGrams(double[] packed, long[] sizes, double[] objectives, int d) => (Packed, Sizes, Objectives, D) = (packed, sizes, objectives, d);

    /// <summary>J packed triangles (<see cref="PackedTriangle"/>), one after another.</summary>
    public double[] Packed { get; }

    /// <summary>Rows nearest to each subspace, J.</summary>
    public long[] Sizes { get; }

    /// <summary>sum c_i r_i^p of these, J.</summary>
    public double[] Objectives { get; }

    public int D { get; }

    public int Count => Sizes.Length;

    /// <summary>sum c_i r_i^p of all.</summary>
    public double Objective => Objectives.Sum();

    /// <summary>Sums that were added up elsewhere.</summary>
    public static SubspaceGrams From(double[] packed, long[] sizes, double[] objectives, int d) => new(packed, sizes, objectives, d);

    /// <summary>Sums over rows in order, weights c_i max(r_i^2, eps^2)^((p-2)/2). O(count d^2).</summary>
    /// <param name="rows">count x d row-major.</param>
    /// <param name="d">Columns.</param>
    /// <param name="ids">Their subspaces, below <paramref name="subspaces"/>.</param>
    /// <param name="squares">r_i^2.</param>
    /// <param name="c">Their row weights.</param>
    /// <param name="subspaces">J.</param>
    /// <param name="floor">eps.</param>
    /// <param name="p">In [1, 2].</param>
    /// <param name="cancellation">Checked every few rows.</param>
    public static SubspaceGrams Of(ReadOnlySpan<float> rows, int d, ReadOnlySpan<byte> ids, ReadOnlySpan<double> squares, ReadOnlySpan<double> c,
        int subspaces, double floor, double p, CancellationToken cancellation)
    {
        int length = PackedTriangle.Length(d);
        var sums = new SubspaceGrams(new double[checked(subspaces * length)], new long[subspaces], new double[subspaces], d);
        var gram = new double[d * d];
        var (tile, weights) = (new float[Tile * d], new double[Tile]);
        for (int j = 0; j < subspaces; j++)
        {
            Array.Clear(gram);
            int held = 0;
            for (int i = 0; i < ids.Length; i++)
            {
                if (ids[i] != j)
                    continue;
                rows.Slice(i * d, d).CopyTo(tile.AsSpan(held * d));
                weights[held++] = SubspaceIrls.Weight(c[i], squares[i], floor, p);
                sums.Sizes[j]++;
                sums.Objectives[j] += c[i] * Math.Pow(squares[i], p / 2);
                if (held == Tile)
                    Flush(ref held);
            }
            Flush(ref held);
            PackedTriangle.Pack(gram, d).CopyTo(sums.Packed, j * length);
        }
        return sums;

        void Flush(ref int held)
        {
            cancellation.ThrowIfCancellationRequested();
            Gram.AccumulateUpper(tile, held, d, weights.AsSpan(0, held), gram);
            held = 0;
        }
    }

    /// <summary>
    /// The subspaces refitted: for each the top k eigenvectors of its Gram matrix, which minimise the weighted sum of squares of its
    /// rows. An empty one is given the costliest's with some of its last directions exchanged for those it leaves out: rows that these
    /// explain better leave it, and no row ends up farther away. O(J d^3); the same for any number of threads.
    /// </summary>
    public SubspaceSet Refit(int rank, int threads, CancellationToken cancellation)
    {
        int length = PackedTriangle.Length(D);
        var bases = new float[Count][];
        FixedPartition.For(Count, threads, cancellation, j =>
        {
            bases[j] = Sizes[j] > 0 ? OrthonormalBasis.EigenvectorsOfPacked(Packed.AsSpan(j * length, length), D).Rows : new float[D * D];
        });
        double[] costs = [.. Objectives];
        for (int j = 0; j < Count; j++)
        {
            if (Sizes[j] > 0)
                continue;
            int costliest = Array.IndexOf(costs, costs.Max()), exchanged = Math.Min(Math.Max(1, rank / 2), D - rank);
            // The next empty one splits another, or the same again and to no use where there is but one.
            costs[costliest] /= 2;
            Span<float> from = bases[costliest], to = bases[j];
            from.CopyTo(to);
            from.Slice(rank * D, exchanged * D).CopyTo(to[((rank - exchanged) * D)..]);
            from.Slice((rank - exchanged) * D, exchanged * D).CopyTo(to[(rank * D)..]);
        }
        return new SubspaceSet(bases, D, rank);
    }
}
