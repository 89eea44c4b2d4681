using System.Collections.Concurrent;
using System.Globalization;
using ClusterLp.Core.Formats;
using ClusterLp.Core.Formats.Npy;
using ClusterLp.Core.Storage;

namespace ClusterLp.Core.LpFit;

/// <summary>
/// The row weights c_i (token frequencies, say): a text file of one positive number a line, or a one-dimensional
/// little-endian float .npy. Only what a block asks for is held in memory. Thread-safe.
/// </summary>
public static class RowWeights
{
    // Where lines begin is looked for once per process.
    private static readonly ConcurrentDictionary<StoredStamp, Lazy<WeightLines>> Indices = new();

    /// <summary>c_i of rows [firstRow, firstRow + count), float64; all ones where <paramref name="path"/> is null.</summary>
    /// <param name="path">The weight file, or null.</param>
    /// <param name="rows">n: how many weights the file must hold.</param>
    /// <param name="firstRow">First row wanted.</param>
    /// <param name="count">Rows wanted.</param>
    /// <exception cref="ClusterLpException">Missing (exit 66); not n numbers, or one asked for is not positive and finite (exit 65).</exception>
    public static double[] Read(string? path, long rows, long firstRow, int count)
    {
        var weights = new double[count];
        if (path is null)
        {
            Array.Fill(weights, 1);
            return weights;
        }
        StoredStamp stamp = StoredFiles.Stat(path) ?? throw ClusterLpException.InputMissing($"{path}: no such file of row weights.");
        using InputFile file = InputFile.Open(path);
        if (file.ReadStart(NpyHeader.Magic.Length).AsSpan().SequenceEqual(NpyHeader.Magic))
            ReadNpy(file, rows, firstRow, weights);
        else
        {
            WeightLines lines = Indices.GetOrAdd(stamp, _ => new(() => WeightLines.Of(file))).Value;
            EnsureCount(file, lines.Count, rows);
            lines.Read(file, firstRow, weights);
        }
        return weights;
    }

    private static void ReadNpy(InputFile file, long rows, long firstRow, double[] weights)
    {
        NpyHeader header = NpyHeader.Read(file);
        if (header.Shape.Length != 1 || header.BigEndian || header.Type is not (ElementType.F32 or ElementType.F64))
            throw file.Bad($"expected a one-dimensional little-endian float32 or float64 .npy; it is {string.Join(" x ", header.Shape)} {header.Type}{(header.BigEndian ? ", big-endian" : "")}.");
        (long held, int size) = (header.Shape[0], header.Type.Size());
        EnsureCount(file, held, rows);
        if (file.Length - header.DataOffset != held * size)
            throw file.Bad($"{held} float{8 * size} weights need {held * size} bytes; the file holds {file.Length - header.DataOffset} after its header.");
        byte[] bytes = new byte[weights.Length * size];
        file.Read(header.DataOffset + firstRow * size, bytes);
        for (int i = 0; i < weights.Length; i++)
        {
            weights[i] = size == sizeof(float) ? BitConverter.ToSingle(bytes, i * size) : BitConverter.ToDouble(bytes, i * size);
            if (!IsWeight(weights[i]))
                throw file.Bad(string.Create(CultureInfo.InvariantCulture, $"weight {firstRow + i} (counted from 0) is {weights[i]}; row weights must be positive and finite."));
        }
    }

    /// <summary>Positive and finite.</summary>
    internal static bool IsWeight(double value) => value > 0 && double.IsFinite(value);

    private static void EnsureCount(InputFile file, long held, long rows)
    {
        if (held != rows)
            throw file.Bad($"holds {held} row weights, but the tensor has {rows} rows; expected one weight a row.");
    }
}
