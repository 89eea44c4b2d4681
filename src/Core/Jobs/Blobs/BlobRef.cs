namespace ClusterLp.Core.Jobs.Blobs;

/// <summary>
/// Where bulk data lies and what it must be: matrices, Grams, coresets and factors travel as blobs, never inside
/// messages. <paramref name="Checksum"/>: <see cref="BlobChecksum"/>.
/// </summary>
public sealed record BlobRef(string Uri, long Length, string Checksum);
