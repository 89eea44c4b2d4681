using ClusterLp.Core.Formats;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Jobs.Blobs;
using ClusterLp.Core.Jobs.Steps;
using ClusterLp.Core.Kernels;
using ClusterLp.Core.LpFit;

namespace ClusterLp.Core.FactorModels.Subspaces;

/// <summary>
/// U by row-wise l_p regression on the V_j of the row's nearest subspace, rounded to the factors' type. Blob: "u", rows x k in that
/// type and the matrix' own units, and "ids", rows, U8. Figures: rows of each subspace.
/// </summary>
internal sealed class SubspacesEncoder : IBlockEncoder
{
    private readonly BlockTask _task;
    private readonly StepContext _context;
    private readonly SubspaceSet _subspaces;
    private readonly RowRegression[] _regressions;
    private readonly StackedFactors _stored;
    private readonly int _d, _k, _size;
    private readonly double _scale;
    private readonly byte[] _u, _ids;
    private readonly float[] _some, _left, _solved, _units;
    private readonly double[] _squares, _weights;
    private int _rows;

    public SubspacesEncoder(BlockTask task, StepContext context)
    {
        var parameters = (FactoriseParameters)task.Parameters;
        TensorPlan plan = task.Plan;
        (_task, _context, _d, _k, _size, _scale) = (task, context, plan.Columns, parameters.Rank, plan.FactorType.Size(), parameters.Scale);
        _subspaces = SubspaceRound.Read(parameters.Model!, _d, _k, context);
        _regressions = [.. Enumerable.Range(0, _subspaces.Count).Select(j => new RowRegression(_subspaces[j], plan.P, RegressionOptions.For(plan.P, plan.Tolerance)))];
        _stored = SharedOperands.Get(parameters.Model!.Shared[0], $"V as stored, {_k} {plan.FactorType}",
            () => new StackedFactors(Transposed(_subspaces, plan.FactorType).Values, _subspaces.Count, _d, _k));
        int rows = plan.Partition.RowCount(task.Address.Block);
        (_u, _ids, Figures) = (new byte[checked(rows * _k * _size)], new byte[rows], new double[_subspaces.Count]);
        (_some, _left, _solved, _units) = (Room(_d), Room(_d), Room(_k), Room(_k));
        (_squares, _weights) = (new double[FactoriseStep.PartRows], new double[FactoriseStep.PartRows]);

        static float[] Room(int columns) => new float[FactoriseStep.PartRows * columns];
    }

    public bool IsBaseline => false;

    public double[] Figures { get; }

    /// <summary>V_j transposed, J x d x k, rounded to a type: the values, and their bytes.</summary>
    public static (float[] Values, byte[] Bytes) Transposed(SubspaceSet subspaces, ElementType type)
    {
        (int d, int k) = (subspaces.D, subspaces.Rank);
        var values = new float[checked(subspaces.Count * d * k)];
        for (int j = 0; j < subspaces.Count; j++)
        {
            float[] basis = subspaces[j].Rows;
            for (int t = 0; t < k; t++)
                for (int column = 0; column < d; column++)
                    values[(j * d + column) * k + t] = basis[t * d + column];
        }
        var bytes = new byte[checked(values.Length * type.Size())];
        StoredRounding.Apply(type, values, bytes);
        return (values, bytes);
    }

    public RegressionOutcome Encode(
        ReadOnlySpan<float> rows, ReadOnlySpan<float> target, int count, long firstRow, ReadOnlySpan<double> c, Span<float> residual)
    {
        Span<byte> ids = _ids.AsSpan(_rows, count);
        Span<float> u = _units.AsSpan(0, count * _k);
        _subspaces.Assign(rows, count, ids, _squares, _context.Cancellation);
        var outcome = default(RegressionOutcome);
        for (int j = 0; j < _subspaces.Count; j++)
        {
            int held = 0;
            for (int i = 0; i < count; i++)
                if (ids[i] == j)
                {
                    rows.Slice(i * _d, _d).CopyTo(_some.AsSpan(held * _d));
                    _weights[held++] = c[i];
                }
            if (held == 0)
                continue;
            Figures[j] += held;
            outcome += _regressions[j].Solve(_some, held, _solved, _context.Cancellation, _weights.AsSpan(0, held), _left);
            held = 0;
            for (int i = 0; i < count; i++)
                if (ids[i] == j)
                    _solved.AsSpan(held++ * _k, _k).CopyTo(u[(i * _k)..]);
        }
        ElementType type = _task.Plan.FactorType;
        StoredRounding.InOwnUnits(type, u, _u.AsSpan(_rows * _k * _size, count * _k * _size), _scale, bad => ClusterLpException.BadInput(
            $"tensor \"{_task.Plan.Name}\": a factor's entry in row {firstRow + bad / _k} is beyond {type}'s range; choose --dtype f32."));
        _rows += count;
        _stored.Multiply(u, ids, residual);
        Difference.Of(target, residual, residual);
        return outcome;
    }

    public ArrayBlob Finish() => new ArrayBlob().Add("u", _task.Plan.FactorType, _u, _rows, _k).Add("ids", ElementType.U8, _ids, _rows);
}
