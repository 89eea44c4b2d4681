using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using ClusterLp.Core.Kernels;

namespace ClusterLp.Core.LpFit;

/// <summary>
/// One iteration of the joint fit (DESIGN 2.5) on up to <see cref="Rows"/> rows. The state of a row is one vector z, from
/// which V gives both its explained part l = z V^T V and its scaled dual y = z - l. With r = a - l and s = prox(r + y),
/// z becomes z + relaxation (r - s). Not thread-safe, and valid until the thread's next one; allocates nothing per tile.
/// </summary>
/// <remarks>
/// Every row has a step of its own, (mean |r|)^(2-p) of its first residual: rows of very different size then converge
/// alike. The augmented Lagrangian that belongs to it weighs the row by 1 / step, and so must the Gram of Z that V comes
/// from; a row weight c multiplies that alone.
/// </remarks>
internal sealed class JointTile
{
    /// <summary>Four such tiles of float32 stay in the second-level cache up to d = 1000.</summary>
    public const int Rows = 64;

    // A thread has one tile at a time.
    [ThreadStatic] private static float[]? _kept;

    private readonly OrthonormalBasis _basis;
    private readonly double _p;
    private readonly bool _viaComplement;
    private readonly int _d, _side, _stride;
    private readonly AlignedPart _a, _z, _y, _small;

    public JointTile(OrthonormalBasis basis, double p)
    {
        (_basis, _p, _d) = (basis, p, basis.D);
        // Zeros fill the last vector of a row; every step maps them to zeros.
        _stride = AlignedPart.WholeLines(_d);
        _viaComplement = basis.CoRank <= basis.Rank;
        _side = _viaComplement ? basis.CoRank : basis.Rank;
        int length = Rows * _stride;
        AlignedPart[] parts = AlignedPart.Zeros(ref _kept, length, length, length, Rows * _side);
        (_a, _z, _y, _small) = (parts[0], parts[1], parts[2], parts[3]);
    }

    /// <summary>Advances the states by one iteration. O(height d min(k, d - k)).</summary>
    /// <param name="rows">A, height x d.</param>
    /// <param name="states">Z, height x d; replaced.</param>
    /// <param name="steps">The rows' prox steps.</param>
    /// <param name="relaxation">In (0, 2).</param>
    /// <param name="powers">Receives sum |r|^p of every row before the step; empty: not asked for.</param>
    public void Advance(ReadOnlySpan<float> rows, Span<float> states, ReadOnlySpan<float> steps, double relaxation, Span<double> powers)
    {
        int height = steps.Length;
        for (int i = 0; i < height; i++)
        {
            rows.Slice(i * _d, _d).CopyTo(_a.AsSpan(i * _stride, _d));
            states.Slice(i * _d, _d).CopyTo(_z.AsSpan(i * _stride, _d));
        }
        Gemm.Multiply(_z.AsSpan(), _stride, height, _viaComplement ? _basis.ComplementTransposed : _basis.VTransposed, _small.AsSpan(), _side);
        Gemm.Multiply(_small.AsSpan(), _side, height, _viaComplement ? _basis.Complement : _basis.V, _y.AsSpan(), _stride);
        for (int i = 0; i < height; i++)
        {
            var step = new ProxStep(steps[i], _p);
            if (_p == 1)
                Advance<SoftThreshold>(i, step, (float)relaxation);
            else if (_p == 1.5)
                Advance<ThreeHalvesProx>(i, step, (float)relaxation);
            else
                Advance<NewtonProx>(i, step, (float)relaxation);
            _z.AsSpan(i * _stride, _d).CopyTo(states[(i * _d)..]);
            if (!powers.IsEmpty)
                powers[i] = PowerSums.AbsolutePower(_a.AsSpan(i * _stride, _d), _p);
        }
    }

    /// <summary>Row i of Z, and of A, which becomes R.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Advance<TProx>(int i, in ProxStep step, float relaxation) where TProx : struct, IProx
    {
        Span<Vector<float>> a = Row(_a, i), z = Row(_z, i), y = Row(_y, i);
        var factor = new Vector<float>(relaxation);
        var sign = new Vector<int>(int.MinValue);
        for (int j = 0; j < a.Length; j++)
        {
            // What the product gave is y through the complement, l through V.
            Vector<float> dual = _viaComplement ? y[j] : z[j] - y[j];
            Vector<float> r = a[j] - (_viaComplement ? z[j] - y[j] : y[j]), x = r + dual;
            Vector<float> size = TProx.OfMagnitude(Vector.Abs(x), step);
            Vector<float> s = Vector.AsVectorSingle(Vector.AsVectorInt32(size) | (Vector.AsVectorInt32(x) & sign));
            z[j] += factor * (r - s);
            a[j] = r;
        }
    }

    private Span<Vector<float>> Row(AlignedPart rows, int i) => MemoryMarshal.Cast<float, Vector<float>>(rows.AsSpan(i * _stride, _stride));
}
