using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace ClusterLp.Core.LpFit;

/// <summary>
/// The row weights c_i (token frequencies, say): a text file of one positive number a line, or a one-dimensional
/// little-endian float .npy. Read once per process and kept; thread-safe.
/// </summary>
public static partial class RowWeights
{
    private static readonly ConcurrentDictionary<(string, long, DateTime), Lazy<double[]>> Cache = new();

    /// <summary>c_i of rows [firstRow, firstRow + count), float64; all ones where <paramref name="path"/> is null.</summary>
    /// <param name="path">The weight file, or null.</param>
    /// <param name="rows">n: how many weights the file must hold.</param>
    /// <param name="firstRow">First row wanted.</param>
    /// <param name="count">Rows wanted.</param>
    /// <exception cref="ClusterLpException">Missing (exit 66); not n positive finite numbers (exit 65).</exception>
    public static double[] Read(string? path, long rows, long firstRow, int count)
    {
        var weights = new double[count];
        if (path is null)
        {
            Array.Fill(weights, 1);
            return weights;
        }
        var file = new FileInfo(path);
        if (!file.Exists)
            throw ClusterLpException.InputMissing($"{path}: no such file of row weights.");
        double[] all = Cache.GetOrAdd((file.FullName, file.Length, file.LastWriteTimeUtc), key => new(() => Load(key.Item1))).Value;
        if (all.Length != rows)
            throw ClusterLpException.BadInput($"{path}: holds {all.Length} row weights, but the tensor has {rows} rows; expected one weight a row.");
        Array.Copy(all, firstRow, weights, 0, count);
        return weights;
    }

    private static double[] Load(string path)
    {
        byte[] bytes;
        try
        {
            bytes = File.ReadAllBytes(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw ClusterLpException.InputMissing($"{path}: the row weights cannot be read: {e.Message}", e);
        }
        bool binary = bytes.Length > 6 && bytes[0] == 0x93 && bytes.AsSpan(1, 5).SequenceEqual("NUMPY"u8);
        return binary ? LoadNpy(path, bytes) : LoadText(path, bytes);
    }

    private static double[] LoadText(string path, byte[] bytes)
    {
        var weights = new List<double>();
        using var reader = new StreamReader(new MemoryStream(bytes), Encoding.UTF8);
        for (int line = 1; reader.ReadLine() is { } text; line++)
        {
            // A last line may be empty.
            if (text.AsSpan().Trim().IsEmpty && reader.Peek() < 0)
                break;
            if (!double.TryParse(text.AsSpan().Trim(), NumberStyles.Float, CultureInfo.InvariantCulture, out double weight))
                throw ClusterLpException.BadInput($"{path}: line {line} is \"{Shorten(text)}\"; expected one positive number.");
            if (!(weight > 0 && double.IsFinite(weight)))
                throw ClusterLpException.BadInput(string.Create(CultureInfo.InvariantCulture, $"{path}: line {line} is {weight}; row weights must be positive and finite."));
            weights.Add(weight);
        }
        return [.. weights];
    }

    private static double[] LoadNpy(string path, byte[] bytes)
    {
        if (bytes.Length < 12)
            throw ClusterLpException.BadInput($"{path}: the .npy header is cut off after {bytes.Length} bytes.");
        int start = bytes[6] == 1 ? 10 : 12;
        long headerLength = bytes[6] == 1 ? BinaryPrimitives.ReadUInt16LittleEndian(bytes.AsSpan(8)) : BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(8));
        if (start + headerLength > bytes.Length)
            throw ClusterLpException.BadInput($"{path}: the .npy header is cut off.");
        string header = Encoding.Latin1.GetString(bytes, start, (int)headerLength);
        Match type = DescrPattern().Match(header), shape = ShapePattern().Match(header);
        if (!type.Success || !shape.Success || !long.TryParse(shape.Groups[1].Value, NumberStyles.None, CultureInfo.InvariantCulture, out long count))
            throw ClusterLpException.BadInput($"{path}: expected a one-dimensional little-endian float32 or float64 .npy; its header is {Shorten(header.Trim())}.");
        int size = type.Groups[1].Value == "4" ? 4 : 8;
        ReadOnlySpan<byte> data = bytes.AsSpan(start + (int)headerLength);
        if (data.Length / size != count || data.Length % size != 0)
            throw ClusterLpException.BadInput($"{path}: {count} float{8 * size} weights need {count * size} bytes; the file holds {data.Length} after its header.");
        var weights = new double[count];
        for (int i = 0; i < weights.Length; i++)
        {
            ReadOnlySpan<byte> at = data[(i * size)..];
            weights[i] = size == 4 ? BinaryPrimitives.ReadSingleLittleEndian(at) : BinaryPrimitives.ReadDoubleLittleEndian(at);
            if (!(weights[i] > 0 && double.IsFinite(weights[i])))
                throw ClusterLpException.BadInput(string.Create(CultureInfo.InvariantCulture, $"{path}: weight {i} (counted from 0) is {weights[i]}; row weights must be positive and finite."));
        }
        return weights;
    }

    private static string Shorten(string text) => text.Length <= 40 ? text : text[..40] + "...";

    [GeneratedRegex("'descr':\\s*'<f([48])'")]
    private static partial Regex DescrPattern();

    [GeneratedRegex("'shape':\\s*\\((\\d+),\\s*\\)")]
    private static partial Regex ShapePattern();
}
