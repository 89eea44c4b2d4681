using System.Runtime.InteropServices;
using ClusterLp.Core.Formats;
using ClusterLp.Core.Formats.Output;
using ClusterLp.Core.Formats.Safetensors;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Jobs.Blobs;
using ClusterLp.Core.Kernels;

namespace ClusterLp.Core.FactorModels;

/// <summary>
/// One tensor's factors as they are stored: U streamed from the blocks of the fit, V rounded to the factor type. While it
/// writes, V and one block of U are in memory. Of a transposed fit the two trade places.
/// </summary>
internal sealed class StoredFactors : StoredModel
{
    private const int TileRows = 256, BatchRows = 16 * TileRows;

    private readonly TensorPlan _plan;
    private readonly FitState _fit;
    private readonly IBlobStore _blobs;
    private readonly int _rank;

    /// <summary>k.</summary>
    public int Rank => _rank;

    /// <summary>Element type of U and V.</summary>
    public ElementType Type => _plan.FactorType;

    /// <summary>One block of U is read while the other is written.</summary>
    private readonly byte[]?[] _rooms = new byte[]?[2];

    private readonly Func<int, int> _rows;
    private readonly BlobRef _v;

    /// <param name="plan">The tensor's plan.</param>
    /// <param name="fit">Its final state.</param>
    /// <param name="blobs">Where the factors lie.</param>
    /// <param name="rows">Rows of U that a block has; null: all of the block's.</param>
    /// <param name="v">The blob whose "basis" begins with V; null: <see cref="FitState.StoredV"/>.</param>
    public StoredFactors(TensorPlan plan, FitState fit, IBlobStore blobs, Func<int, int>? rows = null, BlobRef? v = null)
    {
        _rows = rows ?? plan.Partition.RowCount;
        (_plan, _fit, _blobs, _rank) = (plan, fit, blobs, fit.Rank);
        _v = (v ?? fit.StoredV)!;
        if (!fit.IsDone || _v is null || fit.UBlocks.Length != plan.Partition.Count)
            throw new ClusterLpException(ExitCode.Internal, $"tensor \"{plan.Name}\" is not factorised yet.");
    }

    /// <summary>U and V.</summary>
    public override IEnumerable<TensorContent> Contents(FactorNames names)
    {
        // Rows that are stored apart have none in the first factor.
        long first = Enumerable.Range(0, _fit.UBlocks.Length).Sum(block => (long)_rows(block));
        return Contents(_plan, _rank, first, names, WriteU, WriteTransposedV);
    }

    /// <summary>What is stored of a matrix at a rank, whose first factor has so many rows.</summary>
    public static IEnumerable<TensorContent> Contents(TensorPlan plan, int rank, long first, FactorNames names, Action<Stream> u, Action<Stream> v)
    {
        (ElementType type, long second) = (plan.FactorType, plan.Columns);
        yield return new TensorContent(names.U, type, [plan.Transposed ? second : first, rank], u);
        yield return new TensorContent(names.V, type, [plan.Transposed ? first : second, rank], v);
    }

    /// <summary>Streams U, n x k.</summary>
    public void WriteU(Stream stream)
    {
        if (_plan.Transposed)
            stream.Write(SecondFactor());
        else
            WriteFirstFactor(stream);
    }

    /// <summary>Streams V, k x d; holds it in memory.</summary>
    public void WriteV(Stream stream)
    {
        int size = Type.Size(), d = checked((int)_plan.Shape.Columns);
        using var whole = new MemoryStream(checked(d * _rank * size));
        WriteTransposedV(whole);
        ReadOnlySpan<byte> transposed = whole.GetBuffer();
        var v = new byte[d * _rank * size];
        for (int t = 0; t < _rank; t++)
            for (int j = 0; j < d; j++)
                transposed.Slice((j * _rank + t) * size, size).CopyTo(v.AsSpan((t * d + j) * size));
        stream.Write(v);
    }

    private void WriteTransposedV(Stream stream)
    {
        if (_plan.Transposed)
            WriteFirstFactor(stream);
        else
            stream.Write(SecondFactor());
    }

    // The fit's U.
    private void WriteFirstFactor(Stream stream)
    {
        var output = stream as HashingStream;
        int begin = 0;
        for (; begin < _fit.UBlocks.Length && output?.HasHashed(_fit.UBlocks[begin]) == true; begin++)
            output.Pass(_fit.UBlocks[begin].Length);
        if (begin == _fit.UBlocks.Length)
            return;
        // The next block is read and checked while this one is written and hashed.
        Task<ReadOnlyMemory<byte>> next = Task.Run(() => ReadU(begin));
        for (int block = begin; block < _fit.UBlocks.Length; block++)
        {
            ReadOnlyMemory<byte> u = next.GetAwaiter().GetResult();
            int following = block + 1;
            if (following < _fit.UBlocks.Length)
                next = Task.Run(() => ReadU(following));
            if (output?.Holds(_fit.UBlocks[block]) == true)
                output.Pass(u.Span);
            else
                stream.Write(u.Span);
        }
    }

    public override IEnumerable<float[]> Products() => _plan.Transposed ? ProductsByColumns() : ProductsByRows();

    private IEnumerable<float[]> ProductsByRows()
    {
        int d = _plan.Columns;
        var transposed = new float[d * _rank];
        ElementConversion.ToFloat32(_plan.FactorType, SecondFactor(), transposed);
        PackedMatrix<float> v = PackedMatrix<float>.FromTransposed(transposed, _rank, d);
        for (int block = 0; block < _fit.UBlocks.Length; block++)
        {
            ReadOnlyMemory<byte> u = ReadU(block);
            int rows = _rows(block), rowBytes = _rank * _plan.FactorType.Size();
            for (int batch = 0; batch < rows; batch += BatchRows)
            {
                int height = Math.Min(BatchRows, rows - batch), begin = batch;
                var dense = new float[height * d];
                Parallel.For(0, (height + TileRows - 1) / TileRows, tile =>
                {
                    int first = tile * TileRows, count = Math.Min(TileRows, height - first);
                    var left = new float[count * _rank];
                    var product = new float[count * d];
                    ElementConversion.ToFloat32(_plan.FactorType, u.Span.Slice((begin + first) * rowBytes, count * rowBytes), left);
                    Gemm.Multiply(left, _rank, count, v, product, d);
                    product.CopyTo(dense, first * d);
                });
                yield return dense;
            }
        }
    }

    // The rows of A are the columns of what was fitted, so that all of the first factor is needed for each: it is held whole.
    private IEnumerable<float[]> ProductsByColumns()
    {
        (int n, int d, int size) = (_plan.Columns, checked((int)_plan.Rows), Type.Size());
        var first = new float[checked(d * _rank)];
        for (int block = 0, at = 0; block < _fit.UBlocks.Length; block++)
        {
            ReadOnlyMemory<byte> part = ReadU(block);
            ElementConversion.ToFloat32(Type, part.Span, first.AsSpan(at, part.Length / size));
            at += part.Length / size;
        }
        PackedMatrix<float> right = PackedMatrix<float>.FromTransposed(first, _rank, d);
        var left = new float[n * _rank];
        ElementConversion.ToFloat32(Type, SecondFactor(), left);
        for (int row = 0; row < n; row += TileRows)
        {
            int count = Math.Min(TileRows, n - row);
            var product = new float[count * d];
            Gemm.Multiply(left.AsSpan(row * _rank, count * _rank), _rank, count, right, product, d);
            yield return product;
        }
    }

    /// <summary>A block of U, until the next but one is read.</summary>
    private ReadOnlyMemory<byte> ReadU(int block)
    {
        BlobRef blob = _fit.UBlocks[block];
        ref byte[]? room = ref _rooms[block % 2];
        ReadOnlyMemory<byte> u = BlobNames.IsPlaced(blob) ? _blobs.ReadBytes(blob, ref room) : _blobs.ReadArrays(blob, ref room).BytesOf(blob, "u");
        int expected = checked(_rows(block) * _rank * _plan.FactorType.Size());
        return u.Length == expected
            ? u
            : throw new BlobCorruptException(_fit.UBlocks[block], $"U of block {block} has {u.Length} bytes; expected {expected}");
    }

    // The fit's V, transposed and rounded.
    private byte[] SecondFactor()
    {
        (BlobRef blob, int d) = (_v, _plan.Columns);
        ReadOnlySpan<float> basis = MemoryMarshal.Cast<byte, float>(_blobs.ReadArrays(blob, ref _rooms[0]).BytesOf(blob, "basis").Span);
        if (basis.Length < _rank * d || _rank < 1)
            throw new BlobCorruptException(blob, $"the basis has {basis.Length} numbers; expected at least {_rank} x {d}");
        var transposed = new float[d * _rank];
        for (int i = 0; i < _rank; i++)
            for (int j = 0; j < d; j++)
                transposed[j * _rank + i] = basis[i * d + j];
        var stored = new byte[transposed.Length * _plan.FactorType.Size()];
        ElementConversion.FromFloat32(_plan.FactorType, transposed, stored);
        return stored;
    }
}
