using System.Buffers;
using System.Globalization;
using System.Text;

namespace ClusterLp.Core.Formats.WordVectors;

/// <summary>
/// Word vectors as text: a token and d numbers a line, separated by spaces or tabs, after an optional header "n d"
/// (word2vec, fastText .vec) or without one (GloVe). Tokens are any bytes but a line feed, may be empty, may repeat, and
/// may hold spaces as long as what they hold is not read as one more number.
/// </summary>
/// <remarks>One streaming pass finds every <see cref="Stride"/>-th line; rows are parsed when they are read.</remarks>
internal sealed class TextVectors : IMatrixSource, IWordVectors
{
    private const int Stride = 64;
    private const int LongestNumber = 32;
    private const int LongestLine = 16 << 20;

    private readonly InputFile _file;
    private readonly long[] _index;
    private readonly long _end;
    private readonly int _headerLines;

    public string Name { get; }
    public long Rows { get; }
    public int Columns { get; }

    private TextVectors(InputFile file, long rows, int columns, long[] index, long end, int headerLines)
    {
        _file = file.Share();
        Name = Path.GetFileNameWithoutExtension(file.Path);
        (Rows, Columns, _index, _end, _headerLines) = (rows, columns, index, end, headerLines);
    }

    private TextVectors(TextVectors other) : this(other._file, other.Rows, other.Columns, other._index, other._end, other._headerLines) { }

    /// <summary>Takes over <paramref name="file"/>, also where it throws.</summary>
    /// <exception cref="ClusterLpException">No rows, no numbers, or a header that does not agree with the lines (exit 65).</exception>
    public static IModel Open(InputFile file)
    {
        try
        {
            // Disposed here, it still serves as the template of sources and reads tokens as long as the model owns the file.
            using TextVectors first = Index(file);
            var info = new TensorInfo(first.Name, ElementType.F32, [first.Rows, first.Columns], first.Rows * first.Columns * sizeof(float));
            return new SingleMatrixModel(file, info, () => new TextVectors(first), () => first.ReadTokens(), first);
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
        long after = (firstRow + count - 1) / Stride + 1;
        using var window = new InputWindow(_file, after < _index.Length ? _index[after] : _end);
        long position = SkipTo(window, firstRow);
        for (int r = 0; r < count; r++)
        {
            ReadOnlySpan<byte> line = Line(window, ref position);
            ParseRow(line, firstRow + r, destination.Slice(r * Columns, Columns));
        }
    }

    private static TextVectors Index(InputFile file)
    {
        long end = TrimmedLength(file);
        long position = 0;
        if (end == 0)
            throw file.Bad("the file holds no word vectors.");
        using var window = new InputWindow(file, end);
        ReadOnlySpan<byte> line = Line(file, window, ref position, end);
        long announced = -1;
        int columns, headerLines = 0;
        if (IsHeader(line, out announced, out columns))
        {
            headerLines = 1;
            if (announced == 0 || columns == 0)
                throw file.Bad($"line 1: the header announces {announced} vectors of {columns} numbers; expected at least one of each.");
        }
        else
        {
            columns = CountFields(line) - 1;
            if (columns < 1)
                throw file.Bad("line 1: expected a token and its numbers, or a header \"rows columns\".");
            position = 0;
        }
        var index = new List<long>();
        long rows = 0;
        for (; position < end; rows++)
        {
            if (rows % Stride == 0)
                index.Add(position);
            Line(file, window, ref position, end);
        }
        if (headerLines == 1 && rows != announced)
            throw file.Bad($"line 1: the header announces {announced} vectors, but {rows} lines follow.");
        return new TextVectors(file, rows, columns, [.. index], end, headerLines);
    }

    private long SkipTo(InputWindow window, long row)
    {
        long position = _index[row / Stride];
        for (long skip = row % Stride; skip > 0; skip--)
            Line(window, ref position);
        return position;
    }

    // Without the white space the file ends with.
    private static long TrimmedLength(InputFile file)
    {
        Span<byte> tail = stackalloc byte[4096];
        long end = file.Length;
        while (end > 0)
        {
            Span<byte> part = tail[..(int)Math.Min(tail.Length, end)];
            file.Read(end - part.Length, part);
            int kept = part.TrimEnd("\n\r \t"u8).Length;
            end -= part.Length - kept;
            if (kept > 0)
                break;
        }
        return end;
    }

    private ReadOnlySpan<byte> Line(InputWindow window, ref long position) => Line(_file, window, ref position, _end);

    // The line at position without its end, and position moved past it.
    private static ReadOnlySpan<byte> Line(InputFile file, InputWindow window, ref long position, long end)
    {
        int most = (int)Math.Min(LongestLine, end - position);
        int length = window.IndexOf((byte)'\n', position, most);
        if (length < 0 && most == LongestLine)
            throw file.Bad($"the line at byte {position} is longer than {LongestLine} bytes: this is not a text file of word vectors.");
        if (length < 0)
            length = most;
        ReadOnlySpan<byte> line = window.Span(position, length);
        position += length + 1;
        return line.TrimEnd("\r \t"u8);
    }

    private void ParseRow(ReadOnlySpan<byte> line, long row, Span<float> values)
    {
        ReadOnlySpan<byte> rest = line;
        for (int column = Columns - 1; column >= 0; column--)
        {
            int separator = rest.LastIndexOfAny((byte)' ', (byte)'\t');
            if (separator < 0)
                throw Bad(row, $"{Columns - 1 - column} numbers after the token; expected {Columns}");
            ReadOnlySpan<byte> field = rest[(separator + 1)..];
            if (!DecimalParser.TryParse(field, out values[column]))
                throw Bad(row, CountFields(line) < Columns + 1
                    ? $"{CountFields(line) - 1} numbers after the token; expected {Columns}"
                    : $"\"{Shown(field)}\" in column {column + 1} of {Columns} is not a number");
            rest = rest[..separator];
            if (column > 0)
                rest = rest.TrimEnd(" \t"u8);
        }
        int inToken = rest.LastIndexOfAny((byte)' ', (byte)'\t');
        if (inToken >= 0 && DecimalParser.TryParse(rest[(inToken + 1)..], out _))
            throw Bad(row, $"more than {Columns} numbers after the token");
    }

    private string[] ReadTokens()
    {
        var tokens = new string[Rows];
        using var window = new InputWindow(_file, _end);
        long position = _index[0];
        for (long row = 0; row < Rows; row++)
        {
            tokens[row] = Encoding.UTF8.GetString(Token(Line(window, ref position), row));
        }
        return tokens;
    }

    private ReadOnlySpan<byte> Token(ReadOnlySpan<byte> line, long row)
    {
        for (int column = 0; column < Columns; column++)
        {
            int separator = line.LastIndexOfAny((byte)' ', (byte)'\t');
            if (separator < 0)
                throw Bad(row, $"{column} numbers after the token; expected {Columns}");
            line = line[..separator].TrimEnd(" \t"u8);
        }
        return line;
    }

    /// <remarks>A number is written with as many digits as give it back.</remarks>
    public void Write(Stream output, IEnumerable<float[]> rows)
    {
        using var window = new InputWindow(_file, _end);
        var written = new ArrayBufferWriter<byte>();
        if (_headerLines > 0)
            written.Write(Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{Rows} {Columns}\n")));
        long row = 0, position = _index[0];
        foreach (float[] batch in rows)
        {
            for (int first = 0; first < batch.Length; first += Columns, row++)
            {
                ReadOnlySpan<byte> line = Line(window, ref position), token = Token(line, row);
                bool tabs = line[token.Length..] is [(byte)'\t', ..];
                written.Write(token);
                for (int column = 0; column < Columns; column++)
                {
                    Span<byte> number = written.GetSpan(LongestNumber);
                    number[0] = tabs ? (byte)'\t' : (byte)' ';
                    batch[first + column].TryFormat(number[1..], out int length, provider: CultureInfo.InvariantCulture);
                    written.Advance(1 + length);
                }
                written.Write("\n"u8);
            }
            output.Write(written.WrittenSpan);
            written.ResetWrittenCount();
        }
        if (row != Rows)
            throw new InvalidOperationException($"{row} rows for {Rows} words");
    }

    private static bool IsHeader(ReadOnlySpan<byte> line, out long rows, out int columns)
    {
        (rows, columns) = (0, 0);
        int separator = line.IndexOfAny((byte)' ', (byte)'\t');
        return separator > 0
            && long.TryParse(line[..separator], NumberStyles.None, CultureInfo.InvariantCulture, out rows)
            && int.TryParse(line[(separator + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out columns);
    }

    private static int CountFields(ReadOnlySpan<byte> line)
    {
        int fields = 1;
        for (int i = 1; i < line.Length; i++)
            if (IsSeparator(line[i - 1]) && !IsSeparator(line[i]))
                fields++;
        return fields;
    }

    private static bool IsSeparator(byte b) => b is (byte)' ' or (byte)'\t';

    private static string Shown(ReadOnlySpan<byte> field) => Encoding.UTF8.GetString(field.Length > 40 ? field[..40] : field);

    private ClusterLpException Bad(long row, string what) => _file.Bad($"line {row + 1 + _headerLines}: {what}.");

    private int _disposed;

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 0)
            _file.Dispose();
    }
}
