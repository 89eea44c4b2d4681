using ClusterLp.Core.Formats;

namespace ClusterLp.Core.Tests.Formats;

internal static class Reading
{
    /// <summary>All rows of a model's only matrix, read at once; then again in uneven pieces, which must agree.</summary>
    public static float[] AllRows(string path)
    {
        using IModel model = ModelFiles.Open(path);
        using IMatrixSource matrix = model.OpenMatrix(Assert.Single(model.Tensors).Name);
        return AllRows(matrix);
    }

    public static float[] AllRows(IMatrixSource matrix)
    {
        int n = (int)matrix.Rows, d = matrix.Columns;
        var whole = new float[n * d];
        matrix.ReadRows(0, n, whole);
        var pieces = new float[n * d];
        for (int row = 0, height = 1; row < n; row += height, height = height * 2 + 1)
            matrix.ReadRows(row, Math.Min(height, n - row), pieces.AsSpan(row * d));
        Assert.Equal(whole.Select(BitConverter.SingleToInt32Bits), pieces.Select(BitConverter.SingleToInt32Bits));
        return whole;
    }
}
