using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
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

    private const double Float32Rounding = 1.0 / (1 << 24);

    // A thread has one tile at a time.
    [ThreadStatic] private static float[]? _kept;

    private readonly OrthonormalBasis _basis;
    private readonly RegressionOptions _options;
    private readonly double _p;
    private readonly bool _viaComplement;
    private readonly int _d, _side;

    // R, Y (over the step), its average, S and F (before the update: D or its V part) of the active rows; _plane: b = A Vc^T,
    // or R0 where V is smaller. Without averaging _average is empty.
    private readonly AlignedPart _r, _y, _average, _s, _f, _plane, _small, _scratch;
    private readonly int _planeWidth;
    private readonly int[] _place;
    private readonly double[] _unit, _weight, _power, _bound;
    private double _factor;
    private RegressionOutcome _outcome;

    public RegressionTile(OrthonormalBasis basis, double p, RegressionOptions options)
    {
        const int rows = RowRegression.TileRows;
        (_basis, _p, _options, _d) = (basis, p, options, basis.D);
        // Zeros fill the last vector of a row; every step maps them to zeros.
        Stride = AlignedPart.WholeLines(_d);
        _viaComplement = basis.CoRank <= basis.Rank;
        _side = _viaComplement ? basis.CoRank : basis.Rank;
        _planeWidth = _viaComplement ? _side : Stride;
        int length = rows * Stride;
        AlignedPart[] parts = AlignedPart.Zeros(
            ref _kept, length, length, length, length, length, options.Averaging > 0 ? length : 0, rows * _planeWidth, rows * _side, Stride);
        (_r, _y, _s, _f, Best) = (parts[0], parts[1], parts[2], parts[3], parts[4]);
        (_average, _plane, _small, _scratch) = (parts[5], parts[6], parts[7], parts[8]);
        (_place, _unit, _weight) = (new int[rows], new double[rows], new double[rows]);
        (_power, _bound) = (new double[rows], new double[rows]);
    }

    /// <summary>Distance between rows of <see cref="Best"/>: d rounded up to whole cache lines.</summary>
    public int Stride { get; }

    /// <summary>Rows still iterating.</summary>
    public int Active { get; private set; }

    /// <summary>The best feasible residual of every row, in the order they were loaded.</summary>
    public AlignedPart Best { get; }

    /// <summary>Over all rows loaded so far.</summary>
    public RegressionOutcome Outcome => _outcome;

    /// <summary>Starts on new rows (height x d) with row weights c (height; empty: 1): R is the projection residual, Y zero.</summary>
    public void Load(ReadOnlySpan<float> rows, int height, ReadOnlySpan<double> weights)
    {
        Active = height;
        _factor = _options.StepFactor;
        if (_viaComplement)
        {
            Gemm.Multiply(rows, _d, height, _basis.ComplementTransposed, _plane.AsSpan(), _side);
            Gemm.Multiply(_plane.AsSpan(), _side, height, _basis.Complement, _r.AsSpan(), Stride);
        }
        else
        {
            Gemm.Multiply(rows, _d, height, _basis.VTransposed, _small.AsSpan(), _side);
            Gemm.Multiply(_small.AsSpan(), _side, height, _basis.V, _r.AsSpan(), Stride);
            for (int i = 0; i < height; i++)
                Difference.Of(rows.Slice(i * _d, _d), _r.AsSpan(i * Stride, _d), _r.AsSpan(i * Stride, _d));
            _r.AsSpan(0, height * Stride).CopyTo(_plane.AsSpan());
        }
        _r.AsSpan(0, height * Stride).CopyTo(Best.AsSpan());
        _y.AsSpan(0, height * Stride).Clear();
        _average.AsSpan().Clear();
        Span<bool> done = stackalloc bool[height];
        for (int i = 0; i < height; i++)
        {
            ReadOnlySpan<float> residual = _r.AsSpan(i * Stride, _d);
            (_place[i], _bound[i], _weight[i]) = (i, 0, weights.IsEmpty ? 1 : weights[i]);
            (_power[i], double squares) = PowerSums.PowerAndSquares(residual, _p);
            _unit[i] = Math.Pow((_p == 1 ? _power[i] : PowerSums.AbsolutePower(residual, 1)) / _d, 2 - _p);
            done[i] = squares <= Negligible * Negligible * PowerSums.Squares(rows.Slice(i * _d, _d));
        }
        for (int i = height - 1; i >= 0; i--)
            if (done[i])
            {
                _outcome += new RegressionOutcome(0, _weight[i] * _power[i], _weight[i] * _power[i], 0, 0);
                Retire(i);
            }
        for (int i = 0; i < Active; i++)
            Advance(i, _factor, 0);
    }

    /// <summary>One iteration of all active rows. O(active d side).</summary>
    /// <param name="iteration">1-based.</param>
    public void Iterate(int iteration)
    {
        Gemm.Multiply(_s.AsSpan(), Stride, Active, _viaComplement ? _basis.ComplementTransposed : _basis.VTransposed, _small.AsSpan(), _side);
        if (_viaComplement)
            Difference.Of(_plane.AsSpan(0, Active * _side), _small.AsSpan(0, Active * _side), _small.AsSpan(0, Active * _side));
        Gemm.Multiply(_small.AsSpan(), _side, Active, _viaComplement ? _basis.Complement : _basis.V, _f.AsSpan(), Stride);
        double before = _factor;
        _factor = Math.Max(_factor * _options.StepDecay, Math.Min(_factor, _options.LeastStepFactor));
        for (int i = 0; i < Active; i++)
            Advance(i, before, iteration);
    }

    /// <summary>Keeps every active row's F where it is the best so far, and retires the rows that are done.</summary>
    /// <param name="iteration">Iterations so far, 1-based.</param>
    public void Check(int iteration)
    {
        for (int i = Active - 1; i >= 0; i--)
        {
            ReadOnlySpan<float> candidate = _f.AsSpan(i * Stride, _d);
            (double power, double squares) = PowerSums.PowerAndSquares(candidate, _p);
            if (power < _power[i])
            {
                _power[i] = power;
                candidate.CopyTo(Best.AsSpan(_place[i] * Stride, _d));
            }
            _bound[i] = Math.Max(_bound[i], DualBound(_y.AsSpan(i * Stride, _d), candidate, squares, iteration));
            if (_average.Length > 0)
                _bound[i] = Math.Max(_bound[i], DualBound(_average.AsSpan(i * Stride, _d), candidate, squares, iteration));
            double gap = Math.Max(0, 1 - _bound[i] / Math.Pow(_power[i], 1 / _p));
            if (gap > _options.Gap && iteration < _options.MaxIterations)
                continue;
            _outcome += new RegressionOutcome(gap, _weight[i] * Math.Min(_power[i], Math.Pow(_bound[i], _p)), _weight[i] * _power[i],
                gap > _options.Gap ? 1 : 0, iteration);
            Retire(i);
        }
    }

    /// <summary>
    /// (y, r) / ||y||_q: no feasible residual has a smaller l_p norm. Less what float32 may have taken y out of Vc's row
    /// space, a rounding an iteration, which add up like a random walk.
    /// </summary>
    private double DualBound(ReadOnlySpan<float> y, ReadOnlySpan<float> r, double squaresOfR, int iteration)
    {
        (double squares, double dot, float largest) = PowerSums.SquaresDotLargest(y, r);
        if (largest < 1e-30f)
            return 0;
        double rounding = Float32Rounding * (8 + 2 * Math.Sqrt(iteration)) * Math.Sqrt(squares * squaresOfR);
        double product = dot - rounding;
        if (_p == 1)
            return product / largest;
        double q = _p / (_p - 1);
        return product / (largest * Math.Pow(FastPower.ScaledPowerSum(y, largest, q, _scratch.AsSpan()), 1 / q));
    }

    private void Retire(int i)
    {
        int last = --Active;
        if (i == last)
            return;
        Move(_r);
        Move(_y);
        Move(_s);
        Move(_f);
        if (_average.Length > 0)
            Move(_average);
        _plane.AsSpan(last * _planeWidth, _planeWidth).CopyTo(_plane.AsSpan(i * _planeWidth, _planeWidth));
        (_place[i], _unit[i], _weight[i], _power[i], _bound[i]) = (_place[last], _unit[last], _weight[last], _power[last], _bound[last]);

        void Move(AlignedPart rows) => rows.AsSpan(last * Stride, Stride).CopyTo(rows.AsSpan(i * Stride, Stride));
    }

    private void Advance(int i, double before, int iteration)
    {
        var step = new ProxStep(_factor * _unit[i], _p);
        double dual = Math.Min(_options.Relaxation / (before * _unit[i]), float.MaxValue);
        if (_p == 1)
            Advance<SoftThreshold>(i, step, (float)dual, iteration);
        else if (_p == 1.5)
            Advance<ThreeHalvesProx>(i, step, (float)dual, iteration);
        else
            Advance<NewtonProx>(i, step, (float)dual, iteration);
    }

    /// <summary>
    /// F, then R and Y over-relaxed, Y's average, then the next S, in one pass over row i; in iteration 0 S alone.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Advance<TProx>(int i, in ProxStep step, float dual, int iteration) where TProx : struct, IProx
    {
        Span<Vector<float>> r = Row(_r, i), y = Row(_y, i), s = Row(_s, i), f = Row(_f, i);
        Span<Vector<float>> plane = _viaComplement ? default : Row(_plane, i), average = _average.Length > 0 ? Row(_average, i) : default;
        Vector<float> relaxation = new((float)_options.Relaxation), dualRelaxation = new(dual), length = step.Step;
        var share = new Vector<float>((float)Math.Min(1, _options.Averaging / (iteration + _options.Averaging - 1)));
        var sign = new Vector<int>(int.MinValue);
        for (int j = 0; j < r.Length; j++)
        {
            if (iteration > 0)
            {
                Vector<float> feasible = (plane.IsEmpty ? s[j] : plane[j]) + f[j];
                y[j] += dualRelaxation * (plane.IsEmpty ? f[j] : feasible - s[j]);
                r[j] += relaxation * (feasible - r[j]);
                f[j] = feasible;
                if (!average.IsEmpty)
                    average[j] += share * (y[j] - average[j]);
            }
            Vector<float> z = r[j] + length * y[j];
            Vector<float> size = TProx.OfMagnitude(Vector.Abs(z), step);
            s[j] = Vector.AsVectorSingle(Vector.AsVectorInt32(size) | (Vector.AsVectorInt32(z) & sign));
        }
    }

    private Span<Vector<float>> Row(AlignedPart rows, int i) =>
        MemoryMarshal.Cast<float, Vector<float>>(rows.AsSpan(i * Stride, Stride));
}
