using System.Globalization;
using System.Numerics;
using System.Runtime.CompilerServices;
using ClusterLp.Core.Formats;
using ClusterLp.Core.Jobs.Blobs;
using ClusterLp.Core.Kernels;
using ClusterLp.Core.LpFit;
using ClusterLp.Core.Telemetry;

namespace ClusterLp.Core.Jobs.Steps;

/// <summary>What every step does: read its rows, read and write its blobs.</summary>
internal static class StepData
{
    // A thread computes one block after another, nearly all of one size: fresh arrays of that size would cost more in page
    // faults than the conversion that fills them, and several generations of them would lie in memory at once.
    [ThreadStatic] private static float[]? _rows;
    [ThreadStatic] private static double[]? _gram;
    [ThreadStatic] private static SparseRows? _sparse;
    [ThreadStatic] private static byte[]?[]? _rooms;

    // Of what a reduction reads at once, so much is kept for the next.
    private const int MostKeptRoom = 64 << 20;

    /// <summary>
    /// The block's rows as they are fitted, count x d: <see cref="ReadInput"/>, times the column metric's root where there is one.
    /// </summary>
    /// <inheritdoc cref="ReadInput"/>
    public static Span<float> ReadRows(BlockTask task, IMatrixSource source, double scale, StepContext context)
    {
        Span<float> rows = ReadInput(task, source, scale);
        if (MetricStep.Read(task, context) is { } metric)
            MetricStep.Apply(metric.Root, rows, context.Cancellation);
        return rows;
    }

    /// <summary>
    /// The block's rows of A, count x d, every entry multiplied by <paramref name="scale"/> (a power of two: exact). They lie
    /// in an array of this thread's, and are valid until its next block.
    /// </summary>
    /// <exception cref="ClusterLpException">The rows are not those the scan read (exit 65).</exception>
    public static Span<float> ReadInput(BlockTask task, IMatrixSource source, double scale)
    {
        BlockPartition partition = task.Plan.Partition;
        int block = task.Address.Block, count = partition.RowCount(block);
        int length = checked(count * task.Plan.Columns);
        Span<float> rows = KeptArray.AtLeast(ref _rows, length).Span;
        if (source is ISparseSource sparse)
        {
            ReadSparse(task, sparse, scale).WriteTo(rows, task.Plan.Columns);
            return rows;
        }
        source.ReadRows(partition.FirstRow(block), count, rows);
        Instruments.InputRead((long)length * sizeof(float));
        if (task.Input is { } scanned && InputChecksums.Of<float>(rows) != scanned.Rows)
            throw Changed(task, task.Plan.Input);
        Multiply(rows, (float)scale);
        return rows;
    }

    /// <summary>
    /// The stored entries of the block's rows of A, each multiplied by <paramref name="scale"/> (a power of two: exact), in a buffer
    /// of this thread's, valid until its next block.
    /// </summary>
    /// <inheritdoc cref="ReadInput"/>
    public static SparseRows ReadSparse(BlockTask task, ISparseSource source, double scale)
    {
        BlockPartition partition = task.Plan.Partition;
        int block = task.Address.Block;
        SparseRows rows = _sparse ??= new SparseRows();
        source.ReadRows(partition.FirstRow(block), partition.RowCount(block), rows);
        Instruments.InputRead((long)rows.Entries * (sizeof(float) + sizeof(int)));
        if (task.Input is { } scanned && InputChecksums.Of(rows) != scanned.Rows)
            throw Changed(task, task.Plan.Input);
        Multiply(rows.Values, (float)scale);
        return rows;
    }

    /// <summary>What this thread read last of a sparse source.</summary>
    public static SparseRows? LastSparse => _sparse;

    /// <summary>This thread's array of the block's rows, to be filled, count x d.</summary>
    public static Span<float> Room(int count, int d) => KeptArray.AtLeast(ref _rows, checked(count * d)).Span;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Multiply(Span<float> values, float factor)
    {
        if (factor == 1)
            return;
        using var clock = KernelClock.Measure(KernelKind.Elementwise);
        var vector = new Vector<float>(factor);
        int i = 0;
        for (; i + Vector<float>.Count <= values.Length; i += Vector<float>.Count)
            (new Vector<float>(values[i..]) * vector).CopyTo(values[i..]);
        for (; i < values.Length; i++)
            values[i] *= factor;
    }

    /// <summary>c_i of the block's rows; 0 of those the fit does not count (<see cref="BlockTask.Excluded"/>).</summary>
    /// <exception cref="ClusterLpException">They are not those the scan read (exit 65).</exception>
    public static double[] ReadRowWeights(BlockTask task, StepContext context)
    {
        BlockPartition partition = task.Plan.Partition;
        int block = task.Address.Block;
        double[] weights = RowWeights.Read(task.Plan.RowWeights, task.Plan.Rows, partition.FirstRow(block), partition.RowCount(block));
        if (task.Input is { } scanned && InputChecksums.Of<double>(weights) != scanned.Weights)
            throw Changed(task, task.Plan.RowWeights ?? task.Plan.Input);
        if (task.Excluded is { } excluded)
            foreach (long row in Excluded(excluded, partition.FirstRow(block), weights.Length, context))
                weights[row - partition.FirstRow(block)] = 0;
        return weights;
    }

    /// <summary>Those of the rows a blob names ("rows" int64, ascending) that are among <paramref name="count"/> rows from the first.</summary>
    public static long[] Excluded(BlobRef blob, long firstRow, int count, StepContext context)
    {
        long[] all = SharedOperands.Get(blob, "rows", () => Read(context, blob).Get<long>("rows"));
        return all[Sorted.CountBelow(all, firstRow)..Sorted.CountBelow(all, firstRow + count)];
    }

    /// <summary>What this machine reads of the block in <paramref name="file"/> is not what the scan read.</summary>
    public static ClusterLpException Changed(BlockTask task, string file)
    {
        BlockPartition partition = task.Plan.Partition;
        long first = partition.FirstRow(task.Address.Block);
        return ClusterLpException.BadInput(string.Create(CultureInfo.InvariantCulture,
            $"{file}: {(task.Plan.Transposed ? "columns" : "rows")} {first} to {first + partition.RowCount(task.Address.Block) - 1} (counted from 0) of tensor \"{task.Plan.Name}\" are not what the scan read: the input changed while the job ran, or is another file on this machine; run the job again on an input that stays as it is."));
    }

    public static BlobRef Write(StepContext context, string name, ArrayBlob blob) => context.Blobs.Write(name, blob.WriteTo);

    public static ArrayBlob Read(StepContext context, BlobRef blob) => context.Blobs.ReadArrays(blob);

    public static OrthonormalBasis ReadBasis(StepContext context, BlobRef blob, int d, int rank) =>
        SharedOperands.Get(blob, $"basis {rank}", () => new OrthonormalBasis(SharedOperands.Made(blob) ?? Read(context, blob).Get<float>("basis"), d, rank));

    /// <summary>Writes a basis, d x d rows, that nobody changes afterwards; <paramref name="eigenvalues"/>: of d, where they are kept with it.</summary>
    public static BlobRef WriteBasis(StepContext context, string name, float[] rows, int d, double[]? eigenvalues = null)
    {
        ArrayBlob blob = new ArrayBlob().Add("basis", rows, d, d);
        BlobRef written = Write(context, name, eigenvalues is null ? blob : blob.Add("eigenvalues", eigenvalues, d));
        if (context.Embedded)
            SharedOperands.Keep(written, rows);
        return written;
    }

    /// <summary>
    /// The sum of the blobs' packed Grams in block order, with arrays of theirs collected. What was added up ahead is taken; other blobs
    /// are read by all threads, a few at a time, and added by one.
    /// </summary>
    public static GramSum SumGrams(StepContext context, IReadOnlyList<BlobRef> blobs, int d, IReadOnlyList<string>? collected = null, int matrices = 1)
    {
        (GramSum sum, int count) = context.Ahead?.Take(blobs) ?? (new GramSum(checked(matrices * PackedTriangle.Length(d)), collected ?? []), 0);
        ReadInOrder(context, [.. blobs.Skip(count)], sum.Add);
        return sum;
    }

    /// <summary>Shows all blobs in order, to one thread; they are read by all threads, a few at a time.</summary>
    public static void ReadInOrder(StepContext context, IReadOnlyList<BlobRef> blobs, Action<ArrayBlob> look)
    {
        var read = new ArrayBlob[2 * context.Threads];
        byte[]?[] rooms = _rooms is { } kept && kept.Length == read.Length ? kept : _rooms = new byte[]?[read.Length];
        for (int first = 0; first < blobs.Count; first += read.Length)
        {
            int start = first, count = Math.Min(read.Length, blobs.Count - first);
            FixedPartition.For(count, context.Threads, context.Cancellation, i => read[i] = context.Blobs.ReadArrays(blobs[start + i], ref rooms[i]));
            foreach (ArrayBlob blob in read.AsSpan(0, count))
                look(blob);
        }
        if (rooms.Sum(room => (long)(room?.Length ?? 0)) > MostKeptRoom)
            _rooms = null;
    }

    /// <summary>True for the rows whose residuals stand for all when eps is chosen: every s-th, at most 4096.</summary>
    public static bool IsSampled(long row, long rows) => row % Math.Max(1, (rows + 4095) / 4096) == 0;

    /// <summary>This thread's d x d sums, all zero.</summary>
    public static Memory<double> EmptyGram(int d)
    {
        Memory<double> gram = KeptArray.AtLeast(ref _gram, d * d);
        gram.Span.Clear();
        return gram;
    }

    /// <summary>The upper triangle of <see cref="EmptyGram"/>, in its place.</summary>
    public static ReadOnlyMemory<double> Packed(Memory<double> gram, int d)
    {
        PackedTriangle.Pack(gram.Span, d, gram.Span);
        return gram[..PackedTriangle.Length(d)];
    }

    /// <summary>sum_i w_i a_i a_i^T as a packed triangle, in tiles so that a stop is noticed; valid until the thread's next Gram matrix.</summary>
    public static ReadOnlyMemory<double> PackedGram(ReadOnlySpan<float> rows, int count, int d, ReadOnlySpan<double> weights, StepContext context, double progressFrom)
    {
        const int tile = 512;
        Memory<double> gram = EmptyGram(d);
        for (int first = 0; first < count; first += tile)
        {
            context.Cancellation.ThrowIfCancellationRequested();
            context.Progress?.Invoke(progressFrom + (1 - progressFrom) * first / count);
            int height = Math.Min(tile, count - first);
            Kernels.Gram.AccumulateUpper(rows.Slice(first * d, height * d), height, d, weights.IsEmpty ? default : weights.Slice(first, height), gram.Span);
        }
        return Packed(gram, d);
    }
}
