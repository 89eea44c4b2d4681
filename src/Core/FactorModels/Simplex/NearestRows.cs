namespace ClusterLp.Core.FactorModels.Simplex;

/// <summary>For each vertex the rows with the largest weight on it, the first of equal ones; rows come in order.</summary>
internal sealed class NearestRows
{
    /// <summary>Rows kept of each vertex.</summary>
    public const int Kept = 5;

    private readonly double[] _weights, _rows;
    private readonly int _k;

    /// <param name="k">Vertices.</param>
    public NearestRows(int k)
    {
        (_k, _weights, _rows) = (k, new double[k * Kept], new double[k * Kept]);
        Array.Fill(_rows, -1);
    }

    /// <summary>Adds rows of U, count x k.</summary>
    public void Add(ReadOnlySpan<float> u, int count, long firstRow)
    {
        for (int i = 0; i < count; i++)
            for (int j = 0; j < _k; j++)
                Add(j, u[i * _k + j], firstRow + i);
    }

    /// <summary>Adds what later rows came to (<see cref="ToNumbers"/>).</summary>
    public void Add(IReadOnlyList<double> numbers)
    {
        for (int t = 0; t < _k * Kept; t++)
            if (numbers[2 * t] >= 0)
                Add(t / Kept, numbers[2 * t + 1], (long)numbers[2 * t]);
    }

    /// <summary>k x kept pairs of a row, -1 where there is none, and its weight, descending.</summary>
    public double[] ToNumbers()
    {
        var numbers = new double[_k * Kept * 2];
        for (int t = 0; t < _k * Kept; t++)
            (numbers[2 * t], numbers[2 * t + 1]) = (_rows[t], _weights[t]);
        return numbers;
    }

    private void Add(int vertex, double weight, long row)
    {
        Span<double> weights = _weights.AsSpan(vertex * Kept, Kept), rows = _rows.AsSpan(vertex * Kept, Kept);
        if (!(weight > weights[^1]))
            return;
        int at = Kept - 1;
        for (; at > 0 && weight > weights[at - 1]; at--)
            (weights[at], rows[at]) = (weights[at - 1], rows[at - 1]);
        (weights[at], rows[at]) = (weight, row);
    }
}
