using ClusterLp.Core.Formats;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Jobs.Blobs;
using ClusterLp.Core.Jobs.Steps;
using ClusterLp.Core.Kernels;
using ClusterLp.Core.LpFit;

namespace ClusterLp.Core.FactorModels.Krylov;

/// <summary>
/// U = A V^T, V the model's shared "basis" (k x d float32), rounded to the factors' type. Blob: "u", rows x k in that type and the
/// matrix' own units. It is its own baseline.
/// </summary>
internal sealed class ProjectionEncoder : IBlockEncoder
{
    [ThreadStatic] private static byte[]? _stored;
    [ThreadStatic] private static float[]? _u;

    private readonly BlockTask _task;
    private readonly PackedMatrix<float> _vTransposed, _v;
    private readonly Memory<byte> _kept;
    private readonly int _d, _k, _size;
    private readonly double _scale;
    private int _rows;

    public ProjectionEncoder(BlockTask task, StepContext context)
    {
        var parameters = (FactoriseParameters)task.Parameters;
        TensorPlan plan = task.Plan;
        (_task, _d, _k, _size, _scale) = (task, plan.Columns, parameters.Rank, plan.FactorType.Size(), parameters.Scale);
        BlobRef basis = parameters.Model!.Shared[0];
        float[] Read() => StepData.Read(context, basis).Get<float>("basis");
        _vTransposed = SharedOperands.Get(basis, $"V transposed, {_k}", () => PackedMatrix<float>.FromTransposed(Read(), _d, _k));
        _v = SharedOperands.Get(basis, $"V as stored, {_k} {plan.FactorType}", () => StoredRounding.Pack(Read(), _k, _d, plan.FactorType));
        _kept = KeptArray.AtLeast(ref _stored, checked(plan.Partition.RowCount(task.Address.Block) * _k * _size));
    }

    public bool IsBaseline => true;

    public RegressionOutcome Encode(
        ReadOnlySpan<float> rows, ReadOnlySpan<float> target, int count, long firstRow, ReadOnlySpan<double> c, Span<float> residual)
    {
        TensorPlan plan = _task.Plan;
        Span<float> u = KeptArray.AtLeast(ref _u, FactoriseStep.PartRows * _k).Span[..(count * _k)];
        Gemm.Multiply(rows, _d, count, _vTransposed, u, _k);
        StoredRounding.InOwnUnits(plan.FactorType, u, _kept.Span.Slice(_rows * _k * _size, count * _k * _size), _scale, bad => ClusterLpException.BadInput(
            $"tensor \"{plan.Name}\": a factor's entry in row {firstRow + bad / _k} is beyond {plan.FactorType}'s range; choose --dtype f32."));
        _rows += count;
        Gemm.Multiply(u, _k, count, _v, residual, _d);
        Difference.Of(target, residual, residual);
        return default;
    }

    public ArrayBlob Finish() => new ArrayBlob().Add("u", _task.Plan.FactorType, _kept[..(_rows * _k * _size)], _rows, _k);
}
