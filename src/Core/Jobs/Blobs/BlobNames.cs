using System.Globalization;

namespace ClusterLp.Core.Jobs.Blobs;

/// <summary>Names of a job's blobs: tensor, stage, then block and who-knows-which copy of it.</summary>
public static class BlobNames
{
    /// <summary>Stands in the name of a blob that is not complete yet.</summary>
    public const string TemporaryMark = ".tmp-";

    private const string Scheme = "file:";
    private const char PlaceMark = '@';

    /// <summary>A block's blob, e.g. <c>t0/lewis-1/00004.1.2</c>: block 4, epoch 1, attempt 2. No two attempts share a name.</summary>
    public static string Block(BlockAddress address, Epoch epoch, int attempt) =>
        string.Create(CultureInfo.InvariantCulture, $"t{address.Tensor}/{address.Stage}/{address.Block:D5}.{epoch}.{attempt}");

    /// <summary>Prefix of what a stage's reduction writes, e.g. <c>t0/lewis-1/reduced.1.0</c>: epoch 1, never started over.</summary>
    public static string Reduction(int tensor, StageId stage, Epoch epoch, int rewinds) =>
        string.Create(CultureInfo.InvariantCulture, $"t{tensor}/{stage}/reduced.{epoch}.{rewinds}");

    /// <summary>Whether a name is a relative path that does not leave the store.</summary>
    public static bool IsInside(string name) => name.Length > 0 && !name.Contains('\0') && !name.Contains('\\') && !Path.IsPathRooted(name)
        && name.Split('/').All(part => part is not ("" or "." or ".."));

    /// <summary>A blob's name, or null where its address is not one of the job's folder.</summary>
    public static string? Of(BlobRef blob) =>
        blob.Uri.StartsWith(Scheme, StringComparison.Ordinal) && IsInside(blob.Uri[Scheme.Length..]) ? blob.Uri[Scheme.Length..] : null;

    /// <summary>The name of a blob that lies in a file among others, from a byte on.</summary>
    public static string Placed(string file, long offset) => string.Create(CultureInfo.InvariantCulture, $"{file}{PlaceMark}{offset}");

    /// <summary>The file a blob of this name lies in, and from which byte on; the whole of its own where its name tells no place.</summary>
    public static (string File, long? Offset) Place(string name) =>
        name.LastIndexOf(PlaceMark) is > 0 and var mark && long.TryParse(name.AsSpan(mark + 1), NumberStyles.None, CultureInfo.InvariantCulture, out long offset)
            ? (name[..mark], offset) : (name, null);

    /// <summary>Whether a blob lies in a file among others.</summary>
    public static bool IsPlaced(BlobRef blob) => Place(blob.Uri).Offset is not null;

    /// <summary>The reference to a blob; the same for every store and transport, so that no result depends on them.</summary>
    public static BlobRef Reference(string name, long length, string checksum) => new(Scheme + name, length, checksum);
}
