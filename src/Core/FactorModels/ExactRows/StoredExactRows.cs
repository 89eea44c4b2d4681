using ClusterLp.Core.Formats;
using ClusterLp.Core.Formats.Output;
using ClusterLp.Core.Formats.Safetensors;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Jobs.Blobs;
using ClusterLp.Core.Jobs.Steps;

namespace ClusterLp.Core.FactorModels.ExactRows;

/// <summary>The factors of the other rows, the heavy rows, and where they belong.</summary>
internal sealed class StoredExactRows : StoredModel
{
    private readonly TensorPlan _plan;
    private readonly FitState _fit;
    private readonly IBlobStore _blobs;
    private readonly StoredFactors _factors;
    private readonly long[] _places;

    public StoredExactRows(TensorPlan plan, FitState fit, IBlobStore blobs)
    {
        (_plan, _fit, _blobs) = (plan, fit, blobs);
        _places = blobs.ReadArrays(fit.Excluded!).Get<long>("rows");
        _factors = new StoredFactors(plan, fit, blobs, block => plan.Partition.RowCount(block) - CountIn(block));
    }

    public override IEnumerable<TensorContent> Contents(FactorNames names)
    {
        foreach (TensorContent factor in _factors.Contents(names))
            yield return factor;
        yield return new TensorContent(names.Part(ExactRowsModel.Rows), _plan.FactorType, [_places.Length, _plan.Columns], WriteExact);
        yield return new TensorContent(names.Part(ExactRowsModel.Places), ExactRowsModel.PlaceType(_plan.Rows), [_places.Length], WritePlaces);
    }

    public override IEnumerable<float[]> Products()
    {
        int d = _plan.Columns, heavy = 0;
        long next = 0;
        IEnumerator<float[]> exact = Exact().GetEnumerator();
        // An empty batch at the end brings the heavy rows after the last other.
        foreach (float[] others in _factors.Products().Append([]))
        {
            int count = others.Length / d;
            var rows = new List<float>(others.Length);
            for (int at = 0; at < count || (count == 0 && heavy < _places.Length); next++)
                if (heavy < _places.Length && _places[heavy] == next)
                {
                    exact.MoveNext();
                    rows.AddRange(exact.Current);
                    heavy++;
                }
                else
                    rows.AddRange(others.AsSpan(at++ * d, d));
            if (rows.Count > 0)
                yield return [.. rows];
        }
    }

    private IEnumerable<float[]> Exact()
    {
        int d = _plan.Columns, row = d * _plan.FactorType.Size();
        for (int block = 0; block < _fit.UBlocks.Length; block++)
        {
            ReadOnlyMemory<byte> bytes = ReadExact(block);
            for (int at = 0; at < bytes.Length; at += row)
            {
                var values = new float[d];
                ElementConversion.ToFloat32(_plan.FactorType, bytes.Span.Slice(at, row), values);
                yield return values;
            }
        }
    }

    private void WriteExact(Stream stream)
    {
        for (int block = 0; block < _fit.UBlocks.Length; block++)
            stream.Write(ReadExact(block).Span);
    }

    private void WritePlaces(Stream stream)
    {
        foreach (long place in _places)
            stream.Write(ExactRowsModel.PlaceType(_plan.Rows) == ElementType.I32 ? BitConverter.GetBytes((int)place) : BitConverter.GetBytes(place));
    }

    private ReadOnlyMemory<byte> ReadExact(int block)
    {
        int expected = CountIn(block) * _plan.Columns * _plan.FactorType.Size();
        if (expected == 0)
            return ReadOnlyMemory<byte>.Empty;
        ReadOnlyMemory<byte> bytes = _blobs.ReadArrays(_fit.UBlocks[block]).BytesOf(_fit.UBlocks[block], "exact");
        return bytes.Length == expected ? bytes : throw new BlobCorruptException(_fit.UBlocks[block], $"its rows have {bytes.Length} bytes; expected {expected}");
    }

    private int CountIn(int block)
    {
        long first = _plan.Partition.FirstRow(block);
        return Sorted.CountBelow(_places, first + _plan.Partition.RowCount(block)) - Sorted.CountBelow(_places, first);
    }
}
