using ClusterLp.Core.Jobs.Blobs;
using ClusterLp.Core.Kernels;
using ClusterLp.Core.LpFit;

namespace ClusterLp.Core.Jobs.Steps;

/// <summary>What a block's factorisation needs beside its rows where there is a column metric: rows and errors on both sides of it.</summary>
internal sealed class MetricErrors
{
    private readonly PackedMatrix<float> _root, _svdV;
    private readonly OrthonormalBasis _svd;
    private readonly ErrorAccumulator _ours, _baseline, _norms;
    private readonly CancellationToken _cancellation;
    private float[] _input = [];

    private MetricErrors(BlockTask task, FactoriseParameters parameters, OrthonormalBasis svd, PackedMatrix<float> root, double unit, StepContext context)
    {
        (int d, int k, double p) = (task.Plan.Columns, parameters.Rank, task.Plan.P);
        ArrayBlob factors = StepData.Read(context, parameters.Factors!);
        (_root, _svd, _cancellation, Unit) = (root, svd, context.Cancellation, unit);
        _svdV = PackedMatrix<float>.FromRows(factors.View<float>("svd"), k, d);
        (_ours, _baseline, _norms) = (new ErrorAccumulator(p), new ErrorAccumulator(p), new ErrorAccumulator(p));
    }

    /// <summary>Null without a metric.</summary>
    public static MetricErrors? For(BlockTask task, FactoriseParameters parameters, OrthonormalBasis? svd, StepContext context) =>
        MetricStep.Read(task, context) is { } metric ? new MetricErrors(task, parameters, svd!, metric.Root, metric.Unit, context) : null;

    /// <summary>What errors measured with the normalised root are multiplied by.</summary>
    public double Unit { get; }

    /// <summary>The rows of A last loaded, count x d.</summary>
    public ReadOnlySpan<float> Input => _input;

    /// <summary>Keeps the rows of A and turns them, in place, into those of A S.</summary>
    public void Load(Span<float> rows, int count, ReadOnlySpan<double> c)
    {
        if (_input.Length < rows.Length)
            _input = new float[rows.Length];
        rows.CopyTo(_input);
        _norms.Add(rows, count, _root.Columns, c);
        MetricStep.Apply(_root, rows, _cancellation);
    }

    /// <summary>Counts the rows of A - U V and turns them, in place, into those of (A - U V) S.</summary>
    public void AddOurs(Span<float> residual, int count, ReadOnlySpan<double> c)
    {
        _ours.Add(residual, count, _root.Columns, c);
        MetricStep.Apply(_root, residual, _cancellation);
    }

    /// <summary>Counts what the SVD of A S, taken back to A's columns, leaves of the rows loaded last; <paramref name="rows"/>: those of A S.</summary>
    public void AddSvd(ReadOnlySpan<float> rows, int count, ReadOnlySpan<double> c)
    {
        int d = _root.Columns;
        var u = new float[count * _svd.Rank];
        var residual = new float[count * d];
        Gemm.Multiply(rows, d, count, _svd.VTransposed, u, _svd.Rank);
        Gemm.Multiply(u, _svd.Rank, count, _svdV, residual, d);
        for (int i = 0; i < residual.Length; i++)
            residual[i] = _input[i] - residual[i];
        _baseline.Add(residual, count, d, c);
    }

    /// <summary>All that was counted, in the matrix' own units; <paramref name="isBaseline"/>: ours is the SVD itself.</summary>
    public PlainErrors Sums(double scale, bool isBaseline) =>
        new(_ours.InOriginalUnits(scale), (isBaseline ? _ours : _baseline).InOriginalUnits(scale), _norms.InOriginalUnits(scale));
}
