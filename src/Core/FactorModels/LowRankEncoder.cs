using ClusterLp.Core.Formats;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Jobs.Blobs;
using ClusterLp.Core.Jobs.Steps;
using ClusterLp.Core.Kernels;
using ClusterLp.Core.LpFit;

namespace ClusterLp.Core.FactorModels;

/// <summary>
/// U by projection or row-wise l_p regression on V, rounded to the factors' type. Blob: "u", rows x k in that type and the
/// matrix' own units.
/// </summary>
internal sealed class LowRankEncoder : IBlockEncoder
{
    [ThreadStatic] private static byte[]? _stored;
    [ThreadStatic] private static float[]? _u;

    private readonly BlockTask _task;
    private readonly StepContext _context;
    private readonly RowRegression _regression;
    private readonly SampledRegression? _sampled;
    private readonly double[] _figures = new double[4];
    private readonly PackedMatrix<float> _v;
    private readonly int _d, _k, _size;
    private readonly double _scale;
    private readonly Memory<byte> _kept;
    private readonly bool _asRegressed;
    private int _rows;

    public LowRankEncoder(BlockTask task, StepContext context)
    {
        var parameters = (FactoriseParameters)task.Parameters;
        TensorPlan plan = task.Plan;
        (_task, _context, _d, _k, _size, _scale) = (task, context, plan.Columns, parameters.Rank, plan.FactorType.Size(), parameters.Scale);
        OrthonormalBasis basis = StepData.ReadBasis(context, parameters.Basis!, _d, _k);
        RegressionOptions options = plan.Tolerance is null && plan.Fit == Fit.Joint ? RegressionOptions.Close(plan.P) : RegressionOptions.For(plan.P, plan.Tolerance);
        _regression = new RowRegression(basis, plan.Method == Method.Lp ? plan.P : 2, options);
        _sampled = parameters.Columns is { } columns ? ColumnStep.Read(columns, basis, plan.P, options, context) : null;
        _v = parameters.Factors is null && plan.FactorType == ElementType.F32 ? basis.V
            : SharedOperands.Get(parameters.Factors ?? parameters.Basis!, $"V as stored, {_k} {plan.FactorType}", () => StoredRounding.Pack(
                parameters.Factors is { } factors ? StepData.Read(context, factors).Get<float>("basis") : [.. basis.Rows.AsSpan(0, _k * _d)], _k, _d, plan.FactorType));
        _kept = KeptArray.AtLeast(ref _stored, checked(plan.Partition.RowCount(task.Address.Block) * _k * _size));
        // The SVD stored as float32 is its own baseline.
        IsBaseline = plan.Method == Method.Svd && plan.FactorType == ElementType.F32;
        _asRegressed = plan.FactorType == ElementType.F32 && parameters.Factors is null && !_regression.IsProjection;
    }

    public bool IsBaseline { get; }

    /// <summary>Places in the matrix of the rows that are encoded together; null: they follow on the first.</summary>
    public long[]? Places { get; init; }

    public RegressionOutcome Encode(
        ReadOnlySpan<float> rows, ReadOnlySpan<float> target, int count, long firstRow, ReadOnlySpan<double> c, Span<float> residual)
    {
        TensorPlan plan = _task.Plan;
        Span<float> u = KeptArray.AtLeast(ref _u, FactoriseStep.PartRows * _k).Span[..(count * _k)];
        RegressionOutcome outcome = _sampled is null ? _regression.Solve(rows, count, u, _context.Cancellation, c, residual)
            : SolveInSample(_sampled, rows, count, firstRow, c, u, residual);
        StoredRounding.InOwnUnits(plan.FactorType, u, _kept.Span.Slice(_rows * _k * _size, count * _k * _size), _scale, bad => ClusterLpException.BadInput(
            $"tensor \"{plan.Name}\": a factor's entry in {(plan.Transposed ? "column" : "row")} {Places?[bad / _k] ?? firstRow + bad / _k} is beyond {plan.FactorType}'s range; choose --dtype f32."));
        _rows += count;
        if (_asRegressed && OutweighsRounding(residual, rows, count, _d))
            return outcome;
        Gemm.Multiply(u, _k, count, _v, residual, _d);
        Difference.Of(target, residual, residual);
        return outcome;
    }

    /// <summary>In a sample of the columns: rows compared, their sum c |r|^p and that of all columns, rows that stayed projected.</summary>
    public double[] Figures => _sampled is null ? [] : _figures;

    public ArrayBlob Finish() => new ArrayBlob().Add("u", _task.Plan.FactorType, _kept[..(_rows * _k * _size)], _rows, _k);

    // Some rows are solved in all columns too, so that the report can say what the sample costs.
    private RegressionOutcome SolveInSample(
        SampledRegression sampled, ReadOnlySpan<float> rows, int count, long firstRow, ReadOnlySpan<double> c, Span<float> u, Span<float> residual)
    {
        (long iterations, int projected) = sampled.Solve(rows, count, u, residual, _context.Cancellation);
        _figures[3] += projected;
        long stride = RowSample.Stride(_task.Plan.Rows, ScanStep.SampleRows);
        int[] compared = [.. Enumerable.Range(0, count).Where(i => (Places?[i] ?? firstRow + i) % stride == 0)];
        (var some, var left, var ignored) = (new float[compared.Length * _d], new float[compared.Length * _d], new float[compared.Length * _k]);
        for (int j = 0; j < compared.Length; j++)
            rows.Slice(compared[j] * _d, _d).CopyTo(some.AsSpan(j * _d));
        _regression.Solve(some, compared.Length, ignored, _context.Cancellation, default, left);
        _figures[0] += compared.Length;
        for (int j = 0; j < compared.Length; j++)
        {
            _figures[1] += c[compared[j]] * PowerSums.AbsolutePower(residual.Slice(compared[j] * _d, _d), _task.Plan.P);
            _figures[2] += c[compared[j]] * PowerSums.AbsolutePower(left.AsSpan(j * _d, _d), _task.Plan.P);
        }
        return new RegressionOutcome(0, 0, 0, 0, iterations);
    }

    /// <summary>
    /// Whether what the regression left of these rows is A - U V as stored in float32, to 1e-4 in every sum: where the largest
    /// row of A is at most 300 times the mean row of the residual, rounding U moves no sum by more. It saves the product.
    /// </summary>
    private static bool OutweighsRounding(ReadOnlySpan<float> residual, ReadOnlySpan<float> a, int height, int d)
    {
        double largest = 0;
        for (int i = 0; i < height; i++)
            largest = Math.Max(largest, PowerSums.Squares(a.Slice(i * d, d)));
        return largest <= 300.0 * 300.0 * PowerSums.Squares(residual) / height;
    }
}
