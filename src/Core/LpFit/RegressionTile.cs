using System.Numerics;
using ClusterLp.Core.Kernels;

namespace ClusterLp.Core.LpFit;

/// <summary>
/// The working set of <see cref="RowRegression"/> for up to <see cref="RowRegression.TileRows"/> rows. Active rows lie
/// first; a row that is done is swapped behind them and costs nothing more. Not thread-safe; allocates nothing per tile.
/// </summary>
internal sealed class RegressionTile
{
    // Relative to ||a||: a projection residual this small is float32 rounding.
    private const double Negligible = 1e-6;

    private readonly OrthonormalBasis _basis;
    private readonly RegressionOptions _options;
    private readonly double _p;
    private readonly bool _viaComplement;
    private readonly int _d, _side;

    // R, Y, S and F (before the update: D or its V part) of the active rows; _plane: b = A Vc^T, or R0 where V is smaller.
    private readonly float[] _r, _y, _s, _f, _plane, _small, _scratch;
    private readonly int _planeWidth;
    private readonly int[] _place;
    private readonly double[] _step, _power, _bound;
    private double _largestGap;
    private long _iterations;

    public RegressionTile(OrthonormalBasis basis, double p, RegressionOptions options)
    {
        const int rows = RowRegression.TileRows;
        (_basis, _p, _options, _d) = (basis, p, options, basis.D);
        // Zeros fill the last vector of a row; every step maps them to zeros.
        Stride = (_d + 15) / 16 * 16;
        _viaComplement = basis.CoRank <= basis.Rank;
        _side = _viaComplement ? basis.CoRank : basis.Rank;
        _planeWidth = _viaComplement ? _side : Stride;
        (_r, _y, _s) = (new float[rows * Stride], new float[rows * Stride], new float[rows * Stride]);
        (_f, Best) = (new float[rows * Stride], new float[rows * Stride]);
        (_plane, _small, _scratch) = (new float[rows * _planeWidth], new float[rows * _side], new float[Stride]);
        (_place, _step, _power, _bound) = (new int[rows], new double[rows], new double[rows], new double[rows]);
    }

    /// <summary>Distance between rows of <see cref="Best"/>: d rounded up to whole vectors.</summary>
    public int Stride { get; }

    /// <summary>Rows still iterating.</summary>
    public int Active { get; private set; }

    /// <summary>The best feasible residual of every row, in the order they were loaded.</summary>
    public float[] Best { get; }

    /// <summary>Over all rows loaded so far.</summary>
    public RegressionOutcome Outcome => new(_largestGap, _iterations);

    /// <summary>Starts on new rows (height x d): R is the projection residual, Y zero.</summary>
    public void Load(ReadOnlySpan<float> rows, int height)
    {
        Active = height;
        if (_viaComplement)
        {
            Gemm.Multiply(rows, _d, height, _basis.ComplementTransposed, _plane, _side);
            Gemm.Multiply(_plane, _side, height, _basis.Complement, _r, Stride);
        }
        else
        {
            Gemm.Multiply(rows, _d, height, _basis.VTransposed, _small, _side);
            Gemm.Multiply(_small, _side, height, _basis.V, _r, Stride);
            for (int i = 0; i < height; i++)
                for (int j = 0; j < _d; j++)
                    _r[i * Stride + j] = rows[i * _d + j] - _r[i * Stride + j];
            Array.Copy(_r, _plane, height * Stride);
        }
        Array.Copy(_r, Best, height * Stride);
        Array.Clear(_y, 0, height * Stride);
        for (int i = 0; i < height; i++)
        {
            ReadOnlySpan<float> residual = _r.AsSpan(i * Stride, _d);
            (_place[i], _bound[i]) = (i, 0);
            _power[i] = PowerSums.AbsolutePower(residual, _p);
            _step[i] = _options.StepFactor * Math.Pow(PowerSums.AbsolutePower(residual, 1) / _d, 2 - _p);
        }
        for (int i = height - 1; i >= 0; i--)
            if (PowerSums.Squares(_r.AsSpan(i * Stride, _d)) <= Negligible * Negligible * PowerSums.Squares(rows.Slice(i * _d, _d)))
                Retire(i);
        for (int i = 0; i < Active; i++)
            Advance(i, start: true);
    }

    /// <summary>One iteration of all active rows. O(active d side).</summary>
    public void Iterate()
    {
        Gemm.Multiply(_s, Stride, Active, _viaComplement ? _basis.ComplementTransposed : _basis.VTransposed, _small, _side);
        if (_viaComplement)
            for (int i = 0; i < Active * _side; i++)
                _small[i] = _plane[i] - _small[i];
        Gemm.Multiply(_small, _side, Active, _viaComplement ? _basis.Complement : _basis.V, _f, Stride);
        for (int i = 0; i < Active; i++)
            Advance(i, start: false);
    }

    /// <summary>Keeps every active row's F where it is the best so far, and retires the rows that are done.</summary>
    /// <param name="iteration">Iterations so far, 1-based.</param>
    public void Check(int iteration)
    {
        for (int i = Active - 1; i >= 0; i--)
        {
            ReadOnlySpan<float> candidate = _f.AsSpan(i * Stride, _d);
            double power = PowerSums.AbsolutePower(candidate, _p);
            if (power < _power[i])
            {
                _power[i] = power;
                candidate.CopyTo(Best.AsSpan(_place[i] * Stride));
            }
            _bound[i] = Math.Max(_bound[i], DualBound(_y.AsSpan(i * Stride, _d), candidate));
            double gap = 1 - _bound[i] / Math.Pow(_power[i], 1 / _p);
            if (gap > _options.Gap && iteration < _options.MaxIterations)
                continue;
            _largestGap = Math.Max(_largestGap, gap);
            _iterations += iteration;
            Retire(i);
        }
    }

    /// <summary>(y, r) / ||y||_q: no feasible residual has a smaller l_p norm.</summary>
    private double DualBound(ReadOnlySpan<float> y, ReadOnlySpan<float> r)
    {
        float largest = 0;
        foreach (float value in y)
            largest = Math.Max(largest, Math.Abs(value));
        if (largest < 1e-30f)
            return 0;
        double product = PowerSums.Dot(y, r);
        if (_p == 1)
            return product / largest;
        double q = _p / (_p - 1);
        return product / (largest * Math.Pow(FastPower.ScaledPowerSum(y, largest, q, _scratch), 1 / q));
    }

    private void Retire(int i)
    {
        int last = --Active;
        if (i == last)
            return;
        foreach (float[] rows in new[] { _r, _y, _s, _f })
            rows.AsSpan(last * Stride, Stride).CopyTo(rows.AsSpan(i * Stride));
        _plane.AsSpan(last * _planeWidth, _planeWidth).CopyTo(_plane.AsSpan(i * _planeWidth));
        (_place[i], _step[i], _power[i], _bound[i]) = (_place[last], _step[last], _power[last], _bound[last]);
    }

    private void Advance(int i, bool start)
    {
        var step = new ProxStep(_step[i], _p);
        if (_p == 1)
            Advance<SoftThreshold>(i, step, start);
        else if (_p == 1.5)
            Advance<ThreeHalvesProx>(i, step, start);
        else
            Advance<NewtonProx>(i, step, start);
    }

    /// <summary>F, then R and Y over-relaxed, then the next S, in one pass over row i; at the start S alone.</summary>
    private void Advance<TProx>(int i, in ProxStep step, bool start) where TProx : struct, IProx
    {
        Span<Vector<float>> r = Row(_r, i), y = Row(_y, i), s = Row(_s, i), f = Row(_f, i);
        Span<Vector<float>> plane = _viaComplement ? default : Row(_plane, i);
        var relaxation = new Vector<float>((float)_options.Relaxation);
        var sign = new Vector<int>(int.MinValue);
        for (int j = 0; j < r.Length; j++)
        {
            if (!start)
            {
                Vector<float> feasible = (plane.IsEmpty ? s[j] : plane[j]) + f[j];
                y[j] += relaxation * (plane.IsEmpty ? f[j] : feasible - s[j]);
                r[j] += relaxation * (feasible - r[j]);
                f[j] = feasible;
            }
            Vector<float> z = r[j] + y[j];
            Vector<float> size = TProx.OfMagnitude(Vector.Abs(z), step);
            s[j] = Vector.AsVectorSingle(Vector.AsVectorInt32(size) | (Vector.AsVectorInt32(z) & sign));
        }
    }

    private Span<Vector<float>> Row(float[] rows, int i) =>
        System.Runtime.InteropServices.MemoryMarshal.Cast<float, Vector<float>>(rows.AsSpan(i * Stride, Stride));
}
