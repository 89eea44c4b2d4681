using System.Buffers.Binary;

namespace ClusterLp.Core.Formats.FastText;

/// <summary>Reads the fields of a fastText file in order; says in which part the file ends early. Spans last until the next call.</summary>
internal sealed class FastTextCursor(InputFile file) : IDisposable
{
    private readonly InputWindow _window = new(file, file.Length);

    /// <summary>Byte offset of the next field.</summary>
    public long Position { get; private set; }

    /// <summary>Bytes left.</summary>
    public long Remaining => file.Length - Position;

    /// <summary>What is being read, for messages: "the dictionary".</summary>
    public string Part { get; set; } = "the header";

    public int Int32() => BinaryPrimitives.ReadInt32LittleEndian(Take(4));

    public long Int64() => BinaryPrimitives.ReadInt64LittleEndian(Take(8));

    public double Double() => BinaryPrimitives.ReadDoubleLittleEndian(Take(8));

    public byte Byte() => Take(1)[0];

    public bool Boolean()
    {
        byte value = Byte();
        return value <= 1 ? value == 1 : throw Bad($"byte {Position - 1} should be 0 or 1 but is {value}");
    }

    /// <summary>The bytes up to the next zero, which is passed over.</summary>
    public ReadOnlySpan<byte> ZeroTerminated(int longest)
    {
        int length = _window.IndexOf(0, Position, (int)Math.Min(longest, Remaining));
        if (length < 0)
            throw Bad(Remaining < longest ? "the file is truncated there" : $"there is no end to the word at byte {Position}");
        ReadOnlySpan<byte> word = _window.Span(Position, length);
        Position += length + 1;
        return word;
    }

    public ReadOnlySpan<byte> Take(int count) => _window.Span(Skip(count), count);

    /// <summary>Passes over <paramref name="count"/> bytes and returns where they begin.</summary>
    public long Skip(Int128 count)
    {
        if (count < 0 || count > Remaining)
            throw Bad($"the file is truncated there: {count} bytes were expected at byte {Position}, but {Remaining} are left");
        long start = Position;
        Position += (long)count;
        return start;
    }

    public void Dispose() => _window.Dispose();

    public ClusterLpException Bad(string what) => file.Bad($"reading {Part} of a fastText model: {what}.");
}
