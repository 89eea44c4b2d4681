using System.Buffers;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

namespace ClusterLp.Core.Formats.WordVectors;

/// <summary>
/// word2vec's binary format: an ASCII header "n d\n", then n times a token, a space and d little-endian float32, with or
/// without a line feed after each.
/// </summary>
internal sealed class BinaryVectors : IMatrixSource
{
    private const int LongestHeader = 64;
    private const int LongestToken = 1 << 20;

    private readonly InputFile _file;
    private readonly long[] _rowOffsets;

    public string Name { get; }
    public long Rows => _rowOffsets.Length;
    public int Columns { get; }

    private BinaryVectors(InputFile file, int columns, long[] rowOffsets)
    {
        _file = file.Share();
        Name = Path.GetFileNameWithoutExtension(file.Path);
        (Columns, _rowOffsets) = (columns, rowOffsets);
    }

    /// <summary>Whether the file begins with such a header.</summary>
    public static bool IsHeader(InputFile file) => TryReadHeader(file, out _, out _, out _);

    /// <summary>Takes over <paramref name="file"/>, also where it throws.</summary>
    /// <exception cref="ClusterLpException">A bad header, truncated or trailing data (exit 65).</exception>
    public static IModel Open(InputFile file)
    {
        try
        {
            (int columns, long[] tokens, long[] rows) = Index(file);
            var info = new TensorInfo(Path.GetFileNameWithoutExtension(file.Path), ElementType.F32, [rows.Length, columns],
                (long)rows.Length * columns * sizeof(float));
            return new SingleMatrixModel(file, info, () => new BinaryVectors(file, columns, rows), () => ReadTokens(file, tokens, rows),
                new Rewriter(file, columns, rows));
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    public void ReadRows(long firstRow, int count, Span<float> destination)
    {
        RowRange.Check(this, firstRow, count, destination.Length);
        if (count == 0)
            return;
        int bytes = Columns * sizeof(float);
        using var window = new InputWindow(_file, _rowOffsets[firstRow + count - 1] + bytes);
        for (int r = 0; r < count; r++)
            ElementConversion.ToFloat32(ElementType.F32, window.Span(_rowOffsets[firstRow + r], bytes), destination.Slice(r * Columns, Columns));
    }

    /// <summary>Copies everything but the numbers: header, tokens, and line feeds where there are some.</summary>
    private sealed class Rewriter(InputFile file, int columns, long[] rows) : IWordVectors
    {
        public void Write(Stream output, IEnumerable<float[]> values)
        {
            using var window = new InputWindow(file, file.Length);
            var written = new ArrayBufferWriter<byte>();
            long copied = 0;
            int row = 0;
            foreach (float[] batch in values)
            {
                for (int first = 0; first < batch.Length; first += columns, row++)
                {
                    // What lies between the numbers of two rows: a line feed perhaps, and the token.
                    written.Write(window.Span(copied, (int)(rows[row] - copied)));
                    written.Write(MemoryMarshal.AsBytes(batch.AsSpan(first, columns)));
                    copied = rows[row] + (long)columns * sizeof(float);
                }
                output.Write(written.WrittenSpan);
                written.ResetWrittenCount();
            }
            if (row != rows.Length)
                throw new InvalidOperationException($"{row} rows for {rows.Length} words");
            output.Write(window.Span(copied, (int)(file.Length - copied)));
        }
    }

    private static bool TryReadHeader(InputFile file, out long rows, out int columns, out int length)
    {
        ReadOnlySpan<byte> start = file.ReadStart(LongestHeader);
        (rows, columns, length) = (0, 0, start.IndexOf((byte)'\n') + 1);
        int space = start.IndexOf((byte)' ');
        return length > 0 && space > 0 && space < length
            && long.TryParse(start[..space], NumberStyles.None, CultureInfo.InvariantCulture, out rows)
            && int.TryParse(start[(space + 1)..(length - 1)].TrimEnd("\r "u8), NumberStyles.None, CultureInfo.InvariantCulture, out columns);
    }

    private static (int Columns, long[] Tokens, long[] Rows) Index(InputFile file)
    {
        if (!TryReadHeader(file, out long count, out int columns, out int position0))
            throw file.Bad("not a word2vec binary file: it does not begin with a line \"rows columns\".");
        if (count == 0 || columns == 0)
            throw file.Bad($"the word2vec header announces {count} vectors of {columns} numbers; expected at least one of each.");
        // The shortest row is an empty token, a space and d numbers.
        if (columns > int.MaxValue / sizeof(float) || (Int128)count * (1 + (long)columns * sizeof(float)) > file.Length - position0)
            throw file.Bad($"the data is truncated: the word2vec header announces {count} vectors of {columns} float32 numbers, "
                + $"but only {file.Length - position0} bytes follow it.");
        long[] tokens = new long[count], rows = new long[count];
        using var window = new InputWindow(file, file.Length);
        long position = position0;
        for (long row = 0; row < count; row++)
        {
            tokens[row] = position;
            int length = window.IndexOf((byte)' ', position, (int)Math.Min(LongestToken, file.Length - position));
            if (length < 0)
                throw file.Bad($"row {row} at byte {position}: no token that ends with a space.");
            rows[row] = position + length + 1;
            position = rows[row] + (long)columns * sizeof(float);
            if (position > file.Length)
                throw file.Bad($"the data is truncated: row {row} of {count} should end at byte {position}, but the file has {file.Length} bytes.");
            if (position < file.Length && window.Span(position, 1)[0] == '\n')
                position++;
        }
        if (position != file.Length)
            throw file.Bad($"there is trailing data: {count} vectors end at byte {position}, but the file has {file.Length} bytes.");
        return (columns, tokens, rows);
    }

    private static string[] ReadTokens(InputFile file, long[] tokens, long[] rows)
    {
        var words = new string[rows.Length];
        using var window = new InputWindow(file, file.Length);
        for (int i = 0; i < words.Length; i++)
            words[i] = Encoding.UTF8.GetString(window.Span(tokens[i], (int)(rows[i] - 1 - tokens[i])));
        return words;
    }

    private int _disposed;

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 0)
            _file.Dispose();
    }
}
