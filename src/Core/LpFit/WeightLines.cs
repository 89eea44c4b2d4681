using System.Globalization;
using System.Text;
using ClusterLp.Core.Formats;

namespace ClusterLp.Core.LpFit;

/// <summary>
/// A text file of one number a line: how many lines, and where every 4096th begins, so that any of them are found without
/// holding the file. UTF-8; lines end in LF or CRLF; a last line may be blank. Immutable; keeps no file open.
/// </summary>
internal sealed class WeightLines
{
    private const int Step = 4096;
    private const int ChunkBytes = 1 << 18;
    private const int LongestLine = 4096;

    private readonly List<long> _starts = [];

    /// <summary>Numbers in the file, if every line is one.</summary>
    public long Count { get; private set; }

    /// <summary>One pass over the file.</summary>
    /// <exception cref="ClusterLpException">It cannot be read (exit 66), or shrank (65).</exception>
    public static WeightLines Of(InputFile file)
    {
        var lines = new WeightLines();
        var chunk = new byte[ChunkBytes];
        long line = file.ReadStart(3).AsSpan().SequenceEqual(Encoding.UTF8.Preamble) ? 3 : 0, last = line;
        for (long from = 0; from < file.Length; from += ChunkBytes)
        {
            Span<byte> part = chunk.AsSpan(0, (int)Math.Min(ChunkBytes, file.Length - from));
            file.Read(from, part);
            for (int at = 0, end; (end = part[at..].IndexOf((byte)'\n')) >= 0; at += end + 1)
            {
                lines.Add(line);
                (last, line) = (line, from + at + end + 1);
            }
        }
        if (line < file.Length)
        {
            lines.Add(line);
            last = line;
        }
        if (file.Length - last <= LongestLine && IsBlank(file.ReadHeader(last, (int)(file.Length - last))))
            lines.Count--;
        return lines;
    }

    /// <summary>The numbers of lines [first, first + destination.Length).</summary>
    /// <exception cref="ClusterLpException">One is not a positive finite number (exit 65): names its line.</exception>
    public void Read(InputFile file, long first, Span<double> destination)
    {
        long line = first / Step * Step, offset = _starts[(int)(first / Step)];
        using var window = new InputWindow(file, file.Length);
        for (; line < first + destination.Length; line++)
        {
            int most = (int)Math.Min(LongestLine, file.Length - offset);
            int length = window.IndexOf((byte)'\n', offset, most) is var end and >= 0 ? end : most;
            if (line >= first)
                destination[(int)(line - first)] = Parse(file, window.Span(offset, length), line + 1);
            offset += length + 1;
        }
    }

    private void Add(long start)
    {
        if (Count++ % Step == 0)
            _starts.Add(start);
    }

    private static bool IsBlank(ReadOnlySpan<byte> text) => Encoding.UTF8.GetString(text).AsSpan().IsWhiteSpace();

    private static double Parse(InputFile file, ReadOnlySpan<byte> text, long line)
    {
        if (!double.TryParse(text.Trim(" \t\r"u8), NumberStyles.Float, CultureInfo.InvariantCulture, out double weight))
            throw file.Bad($"line {line} is \"{Shorten(Encoding.UTF8.GetString(text).TrimEnd('\r'))}\"; expected one positive number.");
        return RowWeights.IsWeight(weight)
            ? weight
            : throw file.Bad(string.Create(CultureInfo.InvariantCulture, $"line {line} is {weight}; row weights must be positive and finite."));
    }

    private static string Shorten(string text) => text.Length <= 40 ? text : text[..40] + "...";
}
