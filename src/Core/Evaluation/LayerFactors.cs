using ClusterLp.Core.FactorModels;
using ClusterLp.Core.Formats;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Kernels;
using ClusterLp.Core.Reporting;

namespace ClusterLp.Core.Evaluation;

/// <summary>
/// A layer A (n x d) beside its stored approximation and the SVD of equal storage, read in row blocks.
/// Thread-safe; holds what decodes rows and the SVD's d x d projection.
/// </summary>
internal sealed class LayerFactors : IDisposable
{
    /// <summary>Rows of a chunk: what a thread holds of A, U V and the SVD.</summary>
    private const int ChunkRows = 256;

    private readonly IMatrixSource _a;
    private readonly IRowDecoder _ours;
    private readonly PackedMatrix<float>? _projection;

    private LayerFactors(IMatrixSource a, IRowDecoder ours, PackedMatrix<float>? projection) => (_a, _ours, _projection) = (a, ours, projection);

    /// <summary>Its rows are the stored layer's columns.</summary>
    private bool IsTransposed { get; init; }

    public long Rows => _a.Rows;

    public int Columns => _a.Columns;

    public int Rank => _ours.Rank;

    /// <summary>Opens both; the baseline's pass over A is the caller's.</summary>
    /// <param name="report">What was reported of the layer.</param>
    /// <param name="input">The model it comes from.</param>
    /// <param name="output">The compressed one.</param>
    /// <param name="asFitted">A wide layer as its transpose, which is what was fitted; else as it is stored.</param>
    /// <param name="baseline">Finds the SVD's d x d projection, given A and k: A times it is the SVD; null: what is stored stands for it.</param>
    /// <exception cref="ClusterLpException">A tensor is missing or has another shape (exit 65).</exception>
    public static LayerFactors Open(TensorReport report, IModel input, IModel output, bool asFitted, Func<IMatrixSource, int, double[]?> baseline)
    {
        bool transposed = asFitted && report.Transposed;
        IMatrixSource a = PlannedMatrix.Oriented(input, report.Name, transposed);
        IRowDecoder? ours = null;
        try
        {
            ours = Models.Decoder(input, output, report, transposed);
            int d = a.Columns;
            if (ours.Rows != a.Rows || ours.Columns != d)
                throw ClusterLpException.BadInput($"{output.Path}: \"{report.Name}\" is stored as {ours.Rows} x {ours.Columns}, but the layer of {input.Path} is {a.Rows} x {d}.");
            PackedMatrix<float>? projection = baseline(a, report.SvdRank ?? ours.Rank) is { } found
                ? PackedMatrix<float>.FromRows(Array.ConvertAll(found, x => (float)x), d, d) : null;
            return new LayerFactors(a, ours, projection) { IsTransposed = transposed };
        }
        catch
        {
            ours?.Dispose();
            a.Dispose();
            throw;
        }
    }

    /// <summary>Reads A's rows [firstRow, firstRow + count) and computes those stored and of the SVD: each count x d, float32.</summary>
    public void Read(long firstRow, int count, LayerRows to)
    {
        _a.ReadRows(firstRow, count, to.Original);
        _ours.Decode(firstRow, count, to.Ours);
        if (_projection is null)
            to.Ours.AsSpan(0, count * Columns).CopyTo(to.Svd);
        else
            Gemm.Multiply(to.Original, Columns, count, _projection, to.Svd, Columns);
    }

    /// <summary>Reads the given rows, which ascend.</summary>
    public LayerRows ReadSome(ReadOnlySpan<long> rows)
    {
        // A row of a transpose lies scattered over the file, and its neighbours come almost for nothing.
        int together = IsTransposed ? ChunkRows : 1;
        var (near, all) = (new LayerRows(together, Columns), new LayerRows(rows.Length, Columns));
        long at = -1;
        for (int i = 0; i < rows.Length; i++)
        {
            if (rows[i] / together != at)
            {
                at = rows[i] / together;
                Read(at * together, (int)Math.Min(together, Rows - at * together), near);
            }
            int from = (int)(rows[i] % together) * Columns;
            Array.Copy(near.Original, from, all.Original, i * Columns, Columns);
            Array.Copy(near.Ours, from, all.Ours, i * Columns, Columns);
            Array.Copy(near.Svd, from, all.Svd, i * Columns, Columns);
        }
        return all;
    }

    /// <summary>Chunks that <see cref="Visit"/> makes of the rows.</summary>
    public int Chunks => checked((int)((Rows + ChunkRows - 1) / ChunkRows));

    /// <summary>Every chunk of rows once, on all cores, in no order.</summary>
    /// <param name="visit">Chunk, its first row, how many, and the rows.</param>
    /// <param name="cancellation">Checked at every chunk.</param>
    public void Visit(Action<int, long, int, LayerRows> visit, CancellationToken cancellation)
    {
        try
        {
            Parallel.For(0, Chunks, new ParallelOptions { CancellationToken = cancellation, MaxDegreeOfParallelism = Environment.ProcessorCount },
                () => new LayerRows(ChunkRows, Columns),
                (chunk, _, rows) =>
                {
                    long first = (long)chunk * ChunkRows;
                    int count = (int)Math.Min(ChunkRows, Rows - first);
                    Read(first, count, rows);
                    visit(chunk, first, count, rows);
                    return rows;
                },
                _ => { });
        }
        catch (AggregateException e) when (e.InnerException is ClusterLpException known)
        {
            throw known;
        }
    }

    public void Dispose()
    {
        _a.Dispose();
        _ours.Dispose();
    }
}

/// <summary>Room for a block of <paramref name="most"/> rows of a layer of d columns.</summary>
internal sealed class LayerRows(int most, int d)
{
    public float[] Original { get; } = new float[most * d];
    public float[] Ours { get; } = new float[most * d];
    public float[] Svd { get; } = new float[most * d];
}
