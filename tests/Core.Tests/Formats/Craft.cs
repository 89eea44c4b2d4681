using System.Buffers.Binary;
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
}

/// <summary>Writes a fastText file, version 12, field by field; every field can be set wrong.</summary>
internal sealed class FastTextCraft
{
    public int Magic = 793712314, Version = 12, Dim = 4, Loss = 3, Kind = 3, Bucket = 2, MinN = 2, MaxN = 4;
    public (string Word, byte Type)[] Entries = [("the", 0), ("of", 0), ("__label__en", 1), ("__label__fr", 1)];
    public int? Size, Words, Labels;
    public long PrunedCount = -1;
    public (int Bucket, int Position)[] Pruned = [];
    public byte QuantisedInput, QuantisedOutput;
    public byte[] Input = [], Output = [];

    public static byte[] Dense(long rows, long columns, params float[] values) => [.. Craft.Bytes(rows, columns), .. Craft.Bytes(values)];

    public byte[] Build()
    {
        int words = Words ?? Entries.Count(entry => entry.Type == 0), labels = Labels ?? Entries.Count(entry => entry.Type == 1);
        return
        [
            .. Craft.Bytes(Magic, Version, Dim, 5, 5, 1, 5, 1, Loss, Kind, Bucket, MinN, MaxN, 100), .. Craft.Bytes(1e-4),
            .. Craft.Bytes(Size ?? Entries.Length, words, labels), .. Craft.Bytes(1000L, PrunedCount),
            .. Entries.SelectMany(entry => (byte[])[.. Encoding.UTF8.GetBytes(entry.Word), 0, .. Craft.Bytes(7L), entry.Type]),
            .. Pruned.SelectMany(pair => Craft.Bytes(pair.Bucket, pair.Position)),
            QuantisedInput, .. Input, QuantisedOutput, .. Output,
        ];
    }
}
