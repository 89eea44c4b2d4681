using System.Buffers;
using ClusterLp.Core.Kernels;
using ClusterLp.Core.LinearAlgebra;

namespace ClusterLp.Core.LpFit;

/// <summary>
/// An orthonormal basis of R^d cut at rank k: its first k rows are V (k x d), the other d - k rows Vc span the complement.
/// Packed for the kernels on first use. Immutable; thread-safe.
/// </summary>
/// <remarks>Projections go over the smaller of the two sides; residuals always over Vc, which avoids cancellation.</remarks>
public sealed class OrthonormalBasis
{
    [ThreadStatic] private static double[]? _vectors;

    private readonly Lazy<PackedMatrix<float>> _v, _vTransposed, _complement, _complementTransposed;

    /// <param name="rows">d x d row-major, rows orthonormal.</param>
    /// <param name="d">Columns, 1 or more.</param>
    /// <param name="rank">k, from 1 to d.</param>
    public OrthonormalBasis(float[] rows, int d, int rank)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(rank, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(rank, d);
        ArgumentOutOfRangeException.ThrowIfNotEqual(rows.Length, (long)d * d);
        (Rows, D, Rank) = (rows, d, rank);
        int split = rank * d;
        _v = new(() => PackedMatrix<float>.FromRows(rows.AsSpan(0, split), rank, d));
        _vTransposed = new(() => PackedMatrix<float>.FromTransposed(rows.AsSpan(0, split), d, rank));
        _complement = new(() => PackedMatrix<float>.FromRows(rows.AsSpan(split), d - rank, d));
        _complementTransposed = new(() => PackedMatrix<float>.FromTransposed(rows.AsSpan(split), d, d - rank));
    }

    /// <summary>The basis, d x d row-major.</summary>
    public float[] Rows { get; }

    public int D { get; }

    /// <summary>k.</summary>
    public int Rank { get; }

    /// <summary>d - k.</summary>
    public int CoRank => D - Rank;

    /// <summary>V, k x d.</summary>
    public PackedMatrix<float> V => _v.Value;

    /// <summary>V^T, d x k.</summary>
    public PackedMatrix<float> VTransposed => _vTransposed.Value;

    /// <summary>Vc, (d - k) x d.</summary>
    public PackedMatrix<float> Complement => _complement.Value;

    /// <summary>Vc^T, d x (d - k).</summary>
    public PackedMatrix<float> ComplementTransposed => _complementTransposed.Value;

    /// <summary>
    /// The eigenvectors of a symmetric matrix (d x d, both triangles) by descending eigenvalue, as float32 rows, and the
    /// eigenvalues. O(d^3).
    /// </summary>
    public static (double[] Values, float[] Rows) Eigenvectors(double[] matrix, int d)
    {
        double[] vectors = KeptArray.Of(ref _vectors, matrix.Length);
        matrix.CopyTo(vectors, 0);
        return EigenvectorsInPlace(vectors, d);
    }

    /// <summary>The same of a matrix packed as <see cref="PackedTriangle"/> does.</summary>
    public static (double[] Values, float[] Rows) EigenvectorsOfPacked(ReadOnlySpan<double> packed, int d)
    {
        double[] vectors = KeptArray.Of(ref _vectors, checked(d * d));
        PackedTriangle.Unpack(packed, d, vectors);
        return EigenvectorsInPlace(vectors, d);
    }

    private static (double[] Values, float[] Rows) EigenvectorsInPlace(double[] vectors, int d)
    {
        Factorisations.Check(vectors, d);
        double[] values = Factorisations.EigenInPlace(vectors, d);
        var rows = new float[vectors.Length];
        for (int i = 0; i < rows.Length; i++)
            rows[i] = (float)vectors[i];
        return (values, rows);
    }

    /// <summary>
    /// r_i^2 = ||Vc a_i||^2 floored at 1e-12 ||a_i||^2, for <paramref name="count"/> rows (count x d row-major).
    /// O(count d (d - k)).
    /// </summary>
    public void SquaredResiduals(ReadOnlySpan<float> rows, int count, Span<double> squares, CancellationToken cancellation)
    {
        using var clock = KernelClock.Measure(KernelKind.Elementwise);
        const int tile = 128;
        var projected = new float[tile * CoRank];
        for (int first = 0; first < count; first += tile)
        {
            cancellation.ThrowIfCancellationRequested();
            int height = Math.Min(tile, count - first);
            if (CoRank > 0)
                Gemm.Multiply(rows.Slice(first * D, height * D), D, height, ComplementTransposed, projected, CoRank);
            for (int i = 0; i < height; i++)
            {
                double floor = 1e-12 * PowerSums.Squares(rows.Slice((first + i) * D, D));
                squares[first + i] = Math.Max(floor, PowerSums.Squares(projected.AsSpan(i * CoRank, CoRank)));
            }
        }
    }

    /// <summary>
    /// a_i - a_i V^T V for <paramref name="count"/> rows into <paramref name="residual"/> (count x d). O(count d min(k, d - k)).
    /// </summary>
    public void ProjectionResidual(ReadOnlySpan<float> rows, int count, Span<float> residual)
    {
        if (CoRank == 0)
        {
            residual[..(count * D)].Clear();
            return;
        }
        bool viaV = Rank < CoRank;
        int side = Math.Min(Rank, CoRank);
        float[] small = ArrayPool<float>.Shared.Rent(count * side);
        Gemm.Multiply(rows, D, count, viaV ? VTransposed : ComplementTransposed, small, side);
        Gemm.Multiply(small, side, count, viaV ? V : Complement, residual, D);
        ArrayPool<float>.Shared.Return(small);
        if (viaV)
            Difference.Of(rows[..(count * D)], residual[..(count * D)], residual[..(count * D)]);
    }
}
