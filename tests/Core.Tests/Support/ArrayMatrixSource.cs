using ClusterLp.Core.Formats;

namespace ClusterLp.Core.Tests.Support;

/// <summary>A matrix held in an array, n x d row-major.</summary>
public sealed class ArrayMatrixSource(float[] values, int columns, string name = "matrix") : IMatrixSource
{
    public string Name => name;

    public long Rows => values.Length / columns;

    public int Columns => columns;

    public void ReadRows(long firstRow, int count, Span<float> destination) =>
        values.AsSpan((int)firstRow * columns, count * columns).CopyTo(destination);

    public void Dispose()
    {
    }
}
