using System.Buffers.Binary;
using System.Text;

namespace ClusterLp.Core.Formats.Zip;

/// <summary>
/// The central directory of a zip archive, with the 64-bit extension (APPNOTE 6.3.10, sections 4.3 and 4.5.3). Archives of
/// several volumes are refused.
/// </summary>
internal static class ZipDirectory
{
    private const uint EndSignature = 0x06054b50, End64Signature = 0x06064b50, LocatorSignature = 0x07064b50,
        EntrySignature = 0x02014b50, LocalSignature = 0x04034b50;
    private const int EndLength = 22, LocatorLength = 20, End64Length = 56, EntryLength = 46, LocalLength = 30;
    private const int LongestDirectory = 1 << 24;

    /// <summary>What archives begin with.</summary>
    public static ReadOnlySpan<byte> Magic => "PK\u0003\u0004"u8;

    /// <summary>Every member, in the directory's order.</summary>
    /// <exception cref="ClusterLpException">Not a whole zip archive (exit 65).</exception>
    public static List<ZipMember> Read(InputFile file)
    {
        (long start, long length, long count) = FindDirectory(file);
        if (length > LongestDirectory || length > file.Length || count > length / EntryLength)
            throw file.Bad($"the zip directory is said to have {count} entries in {length} bytes; expected at most {LongestDirectory} bytes.");
        ReadOnlySpan<byte> bytes = file.ReadHeader(start, (int)length);
        var members = new List<ZipMember>();
        for (long entry = 0; entry < count; entry++)
        {
            if (bytes.Length < EntryLength || U32(bytes, 0) != EntrySignature)
                throw file.Bad($"entry {entry} of the zip directory is damaged.");
            int name = U16(bytes, 28), extra = U16(bytes, 30), whole = EntryLength + name + extra + U16(bytes, 32);
            if (bytes.Length < whole)
                throw file.Bad($"entry {entry} of the zip directory is longer than the directory.");
            members.Add(Entry(file, bytes, Encoding.UTF8.GetString(bytes.Slice(EntryLength, name)), bytes.Slice(EntryLength + name, extra)));
            bytes = bytes[whole..];
        }
        return members;
    }

    /// <summary>Where a member's packed bytes begin, by its local header.</summary>
    /// <exception cref="ClusterLpException">There is no such header (exit 65).</exception>
    public static long DataOffset(InputFile file, ZipMember member)
    {
        if (member.Header < 0 || member.Header > file.Length - LocalLength)
            throw file.Bad($"{member.Name}: its header is said to lie at offset {member.Header}, but the file has {file.Length} bytes.");
        ReadOnlySpan<byte> header = file.ReadHeader(member.Header, LocalLength);
        return U32(header, 0) == LocalSignature
            ? member.Header + LocalLength + U16(header, 26) + U16(header, 28)
            : throw file.Bad($"{member.Name}: there is no zip header at offset {member.Header}.");
    }

    private static (long Start, long Length, long Count) FindDirectory(InputFile file)
    {
        int tailLength = (int)Math.Min(file.Length, LocatorLength + EndLength + ushort.MaxValue);
        long tailStart = file.Length - tailLength;
        ReadOnlySpan<byte> tail = file.ReadHeader(tailStart, tailLength);
        int end = tailLength - EndLength;
        // The record ends with a comment of the length it says, which may hold its signature too.
        while (end >= 0 && (U32(tail, end) != EndSignature || U16(tail, end + 20) != tailLength - EndLength - end))
            end--;
        if (end < 0)
            throw file.Bad("the zip archive has no directory at its end: it is truncated, or no zip archive.");
        (uint volume, uint count, uint length, uint start) = (U16(tail, end + 4), U16(tail, end + 10), U32(tail, end + 12), U32(tail, end + 16));
        if (volume is not (0 or ushort.MaxValue))
            throw file.Bad("zip archives of several volumes cannot be read.");
        if (count != ushort.MaxValue && length != uint.MaxValue && start != uint.MaxValue)
            return (start, length, count);
        int locator = end - LocatorLength;
        if (locator < 0 || U32(tail, locator) != LocatorSignature)
            return (start, length, count);
        long at = I64(tail, locator + 8);
        if (at < 0 || at > file.Length - End64Length)
            throw file.Bad($"the 64-bit zip directory is said to end at offset {at}, but the file has {file.Length} bytes.");
        ReadOnlySpan<byte> end64 = file.ReadHeader(at, End64Length);
        if (U32(end64, 0) != End64Signature)
            throw file.Bad($"there is no 64-bit zip record at offset {at}.");
        (long count64, long length64, long start64) = (I64(end64, 32), I64(end64, 40), I64(end64, 48));
        return count64 < 0 || length64 < 0 || start64 < 0
            ? throw file.Bad("the 64-bit zip record is damaged.")
            : (start64, length64, count64);
    }

    private static ZipMember Entry(InputFile file, ReadOnlySpan<byte> entry, string name, ReadOnlySpan<byte> extra)
    {
        long packed = U32(entry, 20), length = U32(entry, 24), header = U32(entry, 42);
        while (extra.Length >= 4 && U16(extra, 2) <= extra.Length - 4)
        {
            ReadOnlySpan<byte> field = extra.Slice(4, U16(extra, 2));
            if (U16(extra, 0) == 1)
            {
                // Those of the three that are all ones above, in this order.
                length = Wide(length, ref field);
                packed = Wide(packed, ref field);
                header = Wide(header, ref field);
                break;
            }
            extra = extra[(4 + field.Length)..];
        }
        return packed < 0 || length < 0 || header < 0
            ? throw file.Bad($"{name}: the zip directory gives it a negative length or place.")
            : new ZipMember(name, U16(entry, 10), (U16(entry, 8) & 1) != 0, U32(entry, 16), packed, length, header);
    }

    private static long Wide(long narrow, ref ReadOnlySpan<byte> field)
    {
        if (narrow != uint.MaxValue || field.Length < sizeof(long))
            return narrow;
        long wide = I64(field, 0);
        field = field[sizeof(long)..];
        return wide;
    }

    private static ushort U16(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt16LittleEndian(bytes[at..]);

    private static uint U32(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt32LittleEndian(bytes[at..]);

    private static long I64(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadInt64LittleEndian(bytes[at..]);
}
