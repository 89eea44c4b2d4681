using System.Text;

namespace ClusterLp.Core.Tests.Formats;

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
