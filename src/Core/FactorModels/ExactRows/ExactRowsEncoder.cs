using ClusterLp.Core.Formats;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Jobs.Blobs;
using ClusterLp.Core.Jobs.Steps;
using ClusterLp.Core.Kernels;
using ClusterLp.Core.LpFit;

namespace ClusterLp.Core.FactorModels.ExactRows;

/// <summary>
/// The heavy rows rounded to the factors' type, the others as <see cref="LowRankEncoder"/> does. Blob: "u" of the others, and "exact",
/// the heavy ones, count x d in that type and the matrix' own units.
/// </summary>
internal sealed class ExactRowsEncoder : IBlockEncoder
{
    private readonly BlockTask _task;
    private readonly LowRankEncoder _others;
    private readonly long[] _places;
    private readonly int _d, _size;
    private readonly double _scale;
    private readonly byte[] _exact;
    private readonly float[] _row, _rows, _residual;
    private readonly double[] _weights;
    private readonly long[] _othersPlaces = new long[FactoriseStep.PartRows];
    private int _count;

    public ExactRowsEncoder(BlockTask task, StepContext context)
    {
        var parameters = (FactoriseParameters)task.Parameters;
        BlockPartition partition = task.Plan.Partition;
        (_task, _d, _size, _scale) = (task, task.Plan.Columns, task.Plan.FactorType.Size(), parameters.Scale);
        _places = StepData.Excluded(parameters.Model!.Shared[0], partition.FirstRow(task.Address.Block), partition.RowCount(task.Address.Block), context);
        _others = new LowRankEncoder(task, context) { Places = _othersPlaces };
        _exact = new byte[_places.Length * _d * _size];
        (_row, _rows, _residual) = (new float[_d], new float[FactoriseStep.PartRows * _d], new float[FactoriseStep.PartRows * _d]);
        _weights = new double[FactoriseStep.PartRows];
    }

    /// <summary>The SVD beside it is that of all rows.</summary>
    public bool IsBaseline => false;

    public double[] Figures => _others.Figures;

    public RegressionOutcome Encode(
        ReadOnlySpan<float> rows, ReadOnlySpan<float> target, int count, long firstRow, ReadOnlySpan<double> c, Span<float> residual)
    {
        int others = 0;
        for (int i = 0; i < count; i++)
        {
            if (IsExact(firstRow + i))
            {
                Store(target.Slice(i * _d, _d), firstRow + i, residual.Slice(i * _d, _d));
                continue;
            }
            rows.Slice(i * _d, _d).CopyTo(_rows.AsSpan(others * _d));
            (_weights[others], _othersPlaces[others]) = (c[i], firstRow + i);
            others++;
        }
        if (others == 0)
            return default;
        ReadOnlySpan<float> some = _rows.AsSpan(0, others * _d);
        RegressionOutcome outcome = _others.Encode(some, some, others, firstRow, _weights.AsSpan(0, others), _residual.AsSpan(0, others * _d));
        for (int j = 0; j < others; j++)
            _residual.AsSpan(j * _d, _d).CopyTo(residual[((int)(_othersPlaces[j] - firstRow) * _d)..]);
        return outcome;
    }

    public ArrayBlob Finish() => _others.Finish().Add("exact", _task.Plan.FactorType, _exact, _count, _d);

    private bool IsExact(long place) => Array.BinarySearch(_places, place) >= 0;

    private void Store(ReadOnlySpan<float> target, long place, Span<float> residual)
    {
        target.CopyTo(_row);
        StoredRounding.InOwnUnits(_task.Plan.FactorType, _row, _exact.AsSpan(_count++ * _d * _size, _d * _size), _scale,
            _ => ClusterLpException.BadInput($"tensor \"{_task.Plan.Name}\": an entry of row {place} is beyond {_task.Plan.FactorType}'s range; choose --dtype f32."));
        Difference.Of(target, _row, residual);
    }
}
