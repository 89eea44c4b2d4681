using ClusterLp.Core;
using ClusterLp.Core.Kernels;

namespace ClusterLp.Cli.Demo;

/// <summary>
/// A synthetic stand-in for a token embedding: A = G diag(s) Q^T + noise, where G (n x d) is standard normal,
/// s_j = (j + 1)^-1/2 is a power-law spectrum, Q (d x d) is a random orthogonal matrix and the noise is Student-t with
/// 3 degrees of freedom, its scale 0.15 of the signal's root mean square. Entries have root mean square near 0.05, as
/// trained token embeddings do. Row i depends on (seed, i) alone, so the file does not depend on the number of threads.
/// </summary>
internal sealed class SyntheticMatrix(int rows, int columns, ulong seed)
{
    private const int BlockRows = 512;
    private const double SignalScale = 0.05, NoiseShare = 0.15;

    public int Rows => rows;
    public int Columns => columns;

    /// <summary>Writes the matrix as .npy, float32. Memory: a few blocks of 512 rows. O(n d^2).</summary>
    /// <exception cref="ClusterLpException">A size below 2 (exit 64), or the file cannot be written (exit 73).</exception>
    public void Write(string path, CancellationToken cancellation)
    {
        if (rows < 2 || columns < 2)
            throw ClusterLpException.Usage($"--rows {rows} --columns {columns}: both must be 2 or more.");
        PackedMatrix<float> mixing = Mixing();
        using FileStream file = NpyFile.Create(path, rows, columns);
        int wave = Environment.ProcessorCount;
        var blocks = new float[wave][];
        for (int first = 0; first < rows; first += wave * BlockRows)
        {
            int start = first;
            Parallel.For(0, Math.Min(wave, (rows - first + BlockRows - 1) / BlockRows), new() { CancellationToken = cancellation }, b =>
            {
                int row = start + b * BlockRows;
                blocks[b] = Block(mixing, row, Math.Min(BlockRows, rows - row));
            });
            for (int b = 0; b < wave && first + b * BlockRows < rows; b++)
                NpyFile.Append(file, blocks[b]);
        }
    }

    private float[] Block(PackedMatrix<float> mixing, int firstRow, int count)
    {
        var normals = new float[count * columns];
        var block = new float[count * columns];
        for (int i = 0; i < count; i++)
            new RandomStream(seed, (ulong)(firstRow + i) * 2).FillNormal(normals.AsSpan(i * columns, columns));
        Gemm.Multiply(normals, columns, count, mixing, block, columns);
        for (int i = 0; i < count; i++)
        {
            var random = new RandomStream(seed, (ulong)(firstRow + i) * 2 + 1);
            Span<float> row = block.AsSpan(i * columns, columns);
            for (int j = 0; j < columns; j++)
                row[j] += (float)(SignalScale * NoiseShare * random.NextStudent3());
        }
        return block;
    }

    /// <summary>diag(s) Q^T, d x d, scaled so that a row times it has entries of root mean square <see cref="SignalScale"/>.</summary>
    private PackedMatrix<float> Mixing()
    {
        double[] q = RandomOrthogonal();
        double energy = 0;
        for (int j = 0; j < columns; j++)
            energy += 1.0 / (j + 1);
        double scale = SignalScale * Math.Sqrt(columns / energy);
        var mixing = new float[columns * columns];
        for (int j = 0; j < columns; j++)
            for (int t = 0; t < columns; t++)
                mixing[j * columns + t] = (float)(scale / Math.Sqrt(j + 1) * q[j * columns + t]);
        return PackedMatrix<float>.FromRows(mixing, columns, columns);
    }

    /// <summary>Rows orthonormal: modified Gram-Schmidt on normal rows.</summary>
    private double[] RandomOrthogonal()
    {
        int d = columns;
        var random = new RandomStream(seed, ulong.MaxValue);
        var normals = new float[d * d];
        random.FillNormal(normals);
        double[] q = Array.ConvertAll(normals, x => (double)x);
        for (int j = 0; j < d; j++)
        {
            Span<double> row = q.AsSpan(j * d, d);
            double length = 0;
            foreach (double x in row)
                length += x * x;
            double inverse = 1 / Math.Sqrt(length);
            for (int t = 0; t < d; t++)
                row[t] *= inverse;
            for (int i = j + 1; i < d; i++)
            {
                Span<double> next = q.AsSpan(i * d, d);
                double dot = 0;
                for (int t = 0; t < d; t++)
                    dot += row[t] * next[t];
                for (int t = 0; t < d; t++)
                    next[t] -= dot * row[t];
            }
        }
        return q;
    }
}
