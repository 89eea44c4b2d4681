using ClusterLp.Core.Formats;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Jobs.Blobs;
using ClusterLp.Core.Jobs.Steps;
using ClusterLp.Core.Kernels;
using ClusterLp.Core.LpFit;

namespace ClusterLp.Core.FactorModels.Simplex;

/// <summary>The vertices as they are stored, scaled, and what every row needs of them. Immutable; thread-safe.</summary>
internal sealed class StoredVertices
{
    /// <param name="vertices">k x d row-major, in the matrix' own units; rounded in place.</param>
    /// <param name="k">Vertices.</param>
    /// <param name="d">Columns.</param>
    /// <param name="type">The type they are stored in.</param>
    /// <param name="scale">What rows are multiplied by.</param>
    public StoredVertices(float[] vertices, int k, int d, ElementType type, double scale)
    {
        StoredRounding.Apply(type, vertices, new byte[vertices.Length * type.Size()]);
        IsFinite = PowerSums.FirstNonFinite(vertices) < 0;
        StepData.Multiply(vertices, (float)scale);
        Packed = PackedMatrix<float>.FromRows(vertices, k, d);
        double[] wide = Array.ConvertAll(vertices, x => (double)x);
        Columns = new RightFactor(wide, k, d);
        Gram = new double[k * k];
        Gemm.Multiply(wide, d, k, Columns.Packed, Gram, k);
    }

    /// <summary>Those of a blob, "basis" k x d float32; kept while blocks share them.</summary>
    public static StoredVertices Read(StepContext context, BlobRef blob, int k, int d, ElementType type, double scale) =>
        SharedOperands.Get(blob, FormattableString.Invariant($"vertices {k} {type} {scale:R}"),
            () => new StoredVertices(StepData.Read(context, blob).Get<float>("basis"), k, d, type, scale));

    /// <summary>Whether every entry is within the type's range.</summary>
    public bool IsFinite { get; }

    /// <summary>V, k x d.</summary>
    public PackedMatrix<float> Packed { get; }

    /// <summary>V^T.</summary>
    public RightFactor Columns { get; }

    /// <summary>V V^T, k x k.</summary>
    public double[] Gram { get; }
}

/// <summary>
/// U by least squares over the simplex, rounded to the factors' type: w >= 0 always, and sum w = 1 but for that rounding. Blob: "u", rows x k
/// in that type. Figures: for each vertex its <see cref="NearestRows.Kept"/> nearest rows (<see cref="NearestRows"/>).
/// </summary>
internal sealed class SimplexEncoder : IBlockEncoder
{
    private readonly BlockTask _task;
    private readonly StepContext _context;
    private readonly StoredVertices _vertices;
    private readonly SimplexLeastSquares _squares;
    private readonly NearestRows _nearest;
    private readonly int _d, _k, _size;
    private readonly double _tolerance;
    private readonly double[] _products, _solved;
    private readonly float[] _part;
    private readonly byte[] _u;
    private int _rows;

    public SimplexEncoder(BlockTask task, StepContext context)
    {
        var parameters = (FactoriseParameters)task.Parameters;
        TensorPlan plan = task.Plan;
        (_task, _context, _d, _k, _size) = (task, context, plan.Columns, parameters.Rank, plan.FactorType.Size());
        _tolerance = plan.Tolerance ?? SimplexModel.DefaultTolerance;
        _vertices = StoredVertices.Read(context, parameters.Basis!, _k, _d, plan.FactorType, parameters.Scale);
        if (!_vertices.IsFinite)
            throw ClusterLpException.BadInput($"tensor \"{plan.Name}\": a vertex' entry is beyond {plan.FactorType}'s range; choose --dtype f32.");
        (_squares, _nearest) = (new SimplexLeastSquares(_vertices.Gram, _k), new NearestRows(_k));
        (_products, _solved, _part) = (new double[FactoriseStep.PartRows * _k], new double[_k], new float[FactoriseStep.PartRows * _k]);
        _u = new byte[checked(plan.Partition.RowCount(task.Address.Block) * _k * _size)];
    }

    public bool IsBaseline => false;

    public SparseRows? Entries { private get; set; }

    public double[] Figures => _nearest.ToNumbers();

    public RegressionOutcome Encode(
        ReadOnlySpan<float> rows, ReadOnlySpan<float> target, int count, long firstRow, ReadOnlySpan<double> c, Span<float> residual)
    {
        Span<float> u = _part.AsSpan(0, count * _k);
        if (Entries is null)
            BlockRows.Of(rows[..(count * _d)], _d).Multiply(_vertices.Columns, 0, count, _products);
        else
            BlockRows.Of(Entries, _d).Multiply(_vertices.Columns, _rows, count, _products);
        (double largest, double bound, double power, long above, long steps) = (0, 0, 0, 0, 0);
        for (int i = 0; i < count; i++)
        {
            if (i % 64 == 0)
                _context.Cancellation.ThrowIfCancellationRequested();
            double square = PowerSums.Squares(rows.Slice(i * _d, _d));
            SimplexSolution solution = _squares.Solve(_products.AsSpan(i * _k, _k), square, _tolerance, _solved);
            double gap = solution.Relative(square);
            (largest, bound, power) = (Math.Max(largest, gap), bound + Math.Max(0, solution.Square - 2 * solution.Gap), power + solution.Square);
            (above, steps) = (above + (gap > _tolerance * (1 + 1e-6) ? 1 : 0), steps + solution.Iterations);
            for (int j = 0; j < _k; j++)
                u[i * _k + j] = (float)_solved[j];
        }
        StoredRounding.Apply(_task.Plan.FactorType, u, _u.AsSpan(_rows * _k * _size, count * _k * _size));
        _nearest.Add(u, count, firstRow);
        _rows += count;
        Gemm.Multiply(u, _k, count, _vertices.Packed, residual, _d);
        Difference.Of(target, residual, residual);
        return new RegressionOutcome(largest, bound, power, above, steps);
    }

    public ArrayBlob Finish() => new ArrayBlob().Add("u", _task.Plan.FactorType, _u, _rows, _k);
}
