using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace ClusterLp.Core.Formats.Npy;

/// <summary>What an array is expected to hold.</summary>
internal enum NpyKind
{
    Floating,
    Integer,
    /// <summary>Bytes or UTF-32 characters, padded with zeros.</summary>
    Text,
}

/// <summary>
/// The header of a .npy file (NumPy format versions 1.0, 2.0 and 3.0): magic, version, header length, and a Python
/// dictionary with <c>descr</c>, <c>fortran_order</c> and <c>shape</c>.
/// </summary>
/// <param name="Type">F16, F32 or F64; I32 or I64; U8 of text.</param>
/// <param name="BigEndian">Byte order of the elements.</param>
/// <param name="Order">Element order.</param>
/// <param name="Shape">Any number of dimensions, outermost first.</param>
/// <param name="DataOffset">Where the elements begin, bytes.</param>
internal sealed record NpyHeader(ElementType Type, bool BigEndian, ElementOrder Order, long[] Shape, long DataOffset)
{
    private const int LongestHeader = 1 << 20;

    public static ReadOnlySpan<byte> Magic => [0x93, (byte)'N', (byte)'U', (byte)'M', (byte)'P', (byte)'Y'];

    /// <summary>Of an array of floating numbers, unless another kind is expected.</summary>
    /// <exception cref="ClusterLpException">Not such a header (exit 65).</exception>
    public static NpyHeader Read(InputFile file, NpyKind kind = NpyKind.Floating)
    {
        ReadOnlySpan<byte> start = file.ReadStart(12);
        if (!start.StartsWith(Magic))
            throw file.Bad("not a .npy file: it does not begin with the magic \\x93NUMPY.");
        if (start.Length < 10)
            throw file.Bad($"the .npy header is truncated at byte {start.Length}.");
        int version = start[6];
        if (version is < 1 or > 3 || start[7] != 0)
            throw file.Bad($"unknown .npy version {version}.{start[7]} at byte 6; expected 1.0, 2.0 or 3.0.");
        if (version > 1 && start.Length < 12)
            throw file.Bad($"the .npy header is truncated at byte {start.Length}.");
        int textOffset = version == 1 ? 10 : 12;
        long length = version == 1 ? BinaryPrimitives.ReadUInt16LittleEndian(start[8..]) : BinaryPrimitives.ReadUInt32LittleEndian(start[8..]);
        if (length > LongestHeader)
            throw file.Bad($"the .npy header says it is {length} bytes long; expected at most {LongestHeader}.");
        if (textOffset + length > file.Length)
            throw file.Bad($"the .npy header says it is {length} bytes long, but the file has only {file.Length} bytes.");
        string text = Encoding.Latin1.GetString(file.ReadHeader(textOffset, (int)length));
        return Parse(file, text, textOffset + length, kind);
    }

    private static NpyHeader Parse(InputFile file, string text, long dataOffset, NpyKind kind)
    {
        Dictionary<string, string> fields = PythonDictionary.Parse(text)
            ?? throw file.Bad("the .npy header is not a Python dictionary with the keys 'descr', 'fortran_order' and 'shape'.");
        string Field(string key) => fields.TryGetValue(key, out string? value) ? value : throw file.Bad($"the .npy header has no key '{key}'.");

        (ElementType type, bool bigEndian) = ParseType(file, Field("descr"), kind);
        ElementOrder order = Field("fortran_order") switch
        {
            "True" => ElementOrder.Fortran,
            "False" => ElementOrder.C,
            string other => throw file.Bad($"'fortran_order' in the .npy header is {other}; expected True or False."),
        };
        return new NpyHeader(type, bigEndian, order, ParseShape(file, Field("shape")), dataOffset);
    }

    private static (ElementType Type, bool BigEndian) ParseType(InputFile file, string descr, NpyKind kind)
    {
        (string unfit, string expected) = kind switch
        {
            NpyKind.Floating => ("cannot be compressed", "float16, float32 or float64"),
            NpyKind.Integer => ("cannot be read as indices", "int32 or int64"),
            _ => ("cannot be read as text", "'|S...' or '<U...'"),
        };
        if (descr.StartsWith('[') || descr.StartsWith('('))
            throw file.Bad($"structured dtype {descr} {unfit}; expected {expected}.");
        string name = descr.Trim('\'', '"');
        if (name.EndsWith('O'))
            throw file.Bad($"object dtype '{name}' cannot be read (it would run pickled code); expected {expected}.");
        if (name.Length >= 3 && name[0] is '<' or '>' or '=' or '|')
            switch (kind, name[1..])
            {
                case (NpyKind.Floating, "f2"): return (ElementType.F16, name[0] == '>');
                case (NpyKind.Floating, "f4"): return (ElementType.F32, name[0] == '>');
                case (NpyKind.Floating, "f8"): return (ElementType.F64, name[0] == '>');
                case (NpyKind.Integer, "i4"): return (ElementType.I32, name[0] == '>');
                case (NpyKind.Integer, "i8"): return (ElementType.I64, name[0] == '>');
                case (NpyKind.Text, [('S' or 'U'), ..]): return (ElementType.U8, name[0] == '>');
            }
        throw file.Bad($"dtype {descr} {unfit}; expected {expected}{(kind == NpyKind.Floating ? " ('<f2', '<f4', '<f8' or '>...')" : "")}.");
    }

    private static long[] ParseShape(InputFile file, string tuple)
    {
        if (!tuple.StartsWith('(') || !tuple.EndsWith(')'))
            throw file.Bad($"'shape' in the .npy header is {tuple}; expected a tuple of integers.");
        var shape = new List<long>();
        string[] parts = tuple[1..^1].Split(',', StringSplitOptions.TrimEntries);
        foreach (string part in parts[^1].Length == 0 ? parts[..^1] : parts)
            if (long.TryParse(part.TrimEnd('L'), NumberStyles.None, CultureInfo.InvariantCulture, out long extent))
                shape.Add(extent);
            else
                throw file.Bad($"'shape' in the .npy header is {tuple}; expected non-negative integers.");
        return [.. shape];
    }
}
