using ClusterLp.Core.Formats;
using ClusterLp.Core.Formats.Output;
using ClusterLp.Core.Formats.Safetensors;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Jobs.Blobs;

namespace ClusterLp.Core.FactorModels.Subspaces;

/// <summary>U and each row's subspace, streamed from the blocks of the fit, and the J factors V_j.</summary>
internal sealed class StoredSubspaces : StoredModel
{
    private const int BatchRows = 512;

    private readonly TensorPlan _plan;
    private readonly FitState _fit;
    private readonly IBlobStore _blobs;
    private readonly Lazy<(float[] Values, byte[] Bytes)> _factors;

    public StoredSubspaces(TensorPlan plan, FitState fit, IBlobStore blobs)
    {
        if (!fit.IsDone || fit.UBlocks.Length != plan.Partition.Count)
            throw new ClusterLpException(ExitCode.Internal, $"tensor \"{plan.Name}\" is not factorised yet.");
        (_plan, _fit, _blobs) = (plan, fit, blobs);
        _factors = new(ReadFactors);
    }

    public override IEnumerable<TensorContent> Contents(FactorNames names)
    {
        (ElementType type, int k, int count) = (_plan.FactorType, _fit.Rank, _plan.Subspaces!.Value);
        yield return new TensorContent(names.U, type, [_plan.Rows, k], stream => WriteBlocks(stream, "u", k * type.Size()));
        yield return new TensorContent(names.V, type, [count, _plan.Columns, k], stream => stream.Write(_factors.Value.Bytes));
        yield return new TensorContent(names.Part(SubspacesModel.Ids), ElementType.U8, [_plan.Rows], stream => WriteBlocks(stream, "ids", 1));
    }

    public override IEnumerable<float[]> Products()
    {
        (int d, int k, int row) = (_plan.Columns, _fit.Rank, _fit.Rank * _plan.FactorType.Size());
        var factors = new StackedFactors(_factors.Value.Values, _plan.Subspaces!.Value, d, k);
        for (int block = 0; block < _fit.UBlocks.Length; block++)
        {
            (ReadOnlyMemory<byte> u, ReadOnlyMemory<byte> ids) = (Read(block, "u", row), Read(block, "ids", 1));
            for (int first = 0; first < ids.Length; first += BatchRows)
            {
                int height = Math.Min(BatchRows, ids.Length - first);
                var (left, dense) = (new float[height * k], new float[height * d]);
                ElementConversion.ToFloat32(_plan.FactorType, u.Span.Slice(first * row, height * row), left);
                factors.Multiply(left, ids.Span.Slice(first, height), dense);
                yield return dense;
            }
        }
    }

    private void WriteBlocks(Stream stream, string array, int rowBytes)
    {
        for (int block = 0; block < _fit.UBlocks.Length; block++)
            stream.Write(Read(block, array, rowBytes).Span);
    }

    private ReadOnlyMemory<byte> Read(int block, string array, int rowBytes)
    {
        ReadOnlyMemory<byte> bytes = _blobs.ReadArrays(_fit.UBlocks[block]).BytesOf(_fit.UBlocks[block], array);
        int expected = checked(_plan.Partition.RowCount(block) * rowBytes);
        return bytes.Length == expected
            ? bytes
            : throw new BlobCorruptException(_fit.UBlocks[block], $"\"{array}\" of block {block} has {bytes.Length} bytes; expected {expected}");
    }

    private (float[] Values, byte[] Bytes) ReadFactors()
    {
        BlobRef blob = _fit.Model!.Shared[0];
        (int d, int count) = (_plan.Columns, _plan.Subspaces!.Value);
        ReadOnlyMemory<byte> bases = _blobs.ReadArrays(blob).BytesOf(blob, "bases");
        return bases.Length == (long)count * d * d * sizeof(float)
            ? SubspacesEncoder.Transposed(SubspaceSet.From(System.Runtime.InteropServices.MemoryMarshal.Cast<byte, float>(bases.Span), d, _fit.Rank), _plan.FactorType)
            : throw new BlobCorruptException(blob, $"the bases have {bases.Length} bytes; expected {count} x {d} x {d} numbers");
    }
}
