using System.Buffers.Binary;

namespace ClusterLp.Core.Formats.FastText;

/// <summary>Reads the fields of a fastText file in order; says in which part the file ends early.</summary>
internal sealed class FastTextCursor(MappedFile file)
{
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
        ReadOnlySpan<byte> window = file.Window(Position, longest);
        int length = window.IndexOf((byte)0);
        if (length < 0)
            throw Bad(window.Length < longest ? "the file is truncated there" : $"there is no end to the word at byte {Position}");
        Position += length + 1;
        return window[..length];
    }

    public ReadOnlySpan<byte> Take(int count)
    {
        ReadOnlySpan<byte> bytes = file.Span(Skip(count), count);
        return bytes;
    }

    /// <summary>Passes over <paramref name="count"/> bytes and returns where they begin.</summary>
    public long Skip(Int128 count)
    {
        if (count < 0 || count > Remaining)
            throw Bad($"the file is truncated there: {count} bytes were expected at byte {Position}, but {Remaining} are left");
        long start = Position;
        Position += (long)count;
        return start;
    }

    public ClusterLpException Bad(string what) => file.Bad($"reading {Part} of a fastText model: {what}.");
}
