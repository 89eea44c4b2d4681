using ClusterLp.Core.Formats;
using ClusterLp.Core.Kernels;

namespace ClusterLp.Core.Tests.Support;

/// <summary>The nonzeros of a matrix held in an array, n x d row-major, as a sparse source.</summary>
public sealed class ArraySparseSource(float[] values, int columns) : ISparseSource
{
    public string Name => "matrix";

    public long Rows => values.Length / columns;

    public int Columns => columns;

    public long Stored => values.Count(value => value != 0);

    public void ReadRows(long firstRow, int count, Span<float> destination) =>
        values.AsSpan((int)firstRow * columns, count * columns).CopyTo(destination);

    public void ReadRows(long firstRow, int count, SparseRows rows)
    {
        (int[] at, float[] entries) = rows.Begin(count, count * columns);
        for (int i = 0, next = 0; i < count; i++)
        {
            for (int j = 0; j < columns; j++)
                if (values[(firstRow + i) * columns + j] is var value && value != 0)
                    (at[next], entries[next++]) = (j, value);
            rows.End(next);
        }
    }

    public void Dispose()
    {
    }
}
