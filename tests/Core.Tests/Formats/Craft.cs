using System.Buffers.Binary;
using System.IO.Compression;
using System.Runtime.InteropServices;
using System.Text;

namespace ClusterLp.Core.Tests.Formats;

/// <summary>Bytes of model files made by hand from the published formats, right or wrong.</summary>
internal static class Craft
{
    public static byte[] Safetensors(string header, params byte[][] data) => SafetensorsRaw(Encoding.UTF8.GetBytes(header), data);

    public static byte[] SafetensorsRaw(byte[] header, params byte[][] data)
    {
        var length = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, header.Length);
        return [.. length, .. header, .. data.SelectMany(d => d)];
    }

    public static byte[] Bytes<T>(params T[] values) where T : unmanaged => MemoryMarshal.AsBytes<T>(values).ToArray();

    public static byte[] Npy(string header, byte[] data, byte major = 1)
    {
        byte[] text = Encoding.Latin1.GetBytes(header.PadRight(53) + "\n");
        byte[] length = major == 1 ? Bytes((ushort)text.Length) : Bytes((uint)text.Length);
        return [0x93, .. "NUMPY"u8, major, 0, .. length, .. text, .. data];
    }

    public static byte[] Npy(string descr, string shape, byte[] data, bool fortran = false) =>
        Npy($"{{'descr': '{descr}', 'fortran_order': {(fortran ? "True" : "False")}, 'shape': {shape}, }}", data);

    /// <summary>A zip archive.</summary>
    public static byte[] Zip(CompressionLevel level, params (string Name, byte[] Bytes)[] members)
    {
        using var stream = new MemoryStream();
        using (var archive = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true))
            foreach ((string name, byte[] bytes) in members)
            {
                using Stream entry = archive.CreateEntry(name, level).Open();
                entry.Write(bytes);
            }
        return stream.ToArray();
    }

    /// <summary>The members of a CSR matrix as scipy.sparse.save_npz writes them.</summary>
    public static (string Name, byte[] Bytes)[] CsrMembers(long rows, long columns, IReadOnlyList<int> pointers, IReadOnlyList<int> indices,
        IReadOnlyList<double> values, string integers = "<i4", string floats = "<f4", string format = "csr") =>
    [
        ("indices.npy", Npy(integers, $"({indices.Count},)", Numbers(integers, indices.Select(i => (double)i)))),
        ("indptr.npy", Npy(integers, $"({pointers.Count},)", Numbers(integers, pointers.Select(i => (double)i)))),
        ("format.npy", Npy("|S3", "()", Encoding.ASCII.GetBytes(format))),
        ("shape.npy", Npy("<i8", "(2,)", Bytes(rows, columns))),
        ("data.npy", Npy(floats, $"({values.Count},)", Numbers(floats, values))),
    ];

    /// <summary>A CSR matrix as scipy.sparse.save_npz writes it.</summary>
    public static byte[] Csr(long rows, long columns, IReadOnlyList<int> pointers, IReadOnlyList<int> indices, IReadOnlyList<double> values,
        string integers = "<i4", string floats = "<f4", CompressionLevel level = CompressionLevel.NoCompression) =>
        Zip(level, CsrMembers(rows, columns, pointers, indices, values, integers, floats));

    private static byte[] Numbers(string descr, IEnumerable<double> numbers) =>
    [
        .. numbers.SelectMany(number =>
        {
            byte[] bytes = descr[1..] switch
            {
                "i4" => Bytes((int)number),
                "i8" => Bytes((long)number),
                "f2" => Bytes((Half)number),
                "f4" => Bytes((float)number),
                _ => Bytes(number),
            };
            if (descr[0] == '>')
                Array.Reverse(bytes);
            return bytes;
        }),
    ];
}
