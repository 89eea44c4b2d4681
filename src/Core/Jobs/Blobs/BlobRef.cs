namespace ClusterLp.Core.Jobs.Blobs;

/// <summary>
/// Where bulk data lies and what it must be: matrices, Grams, coresets and factors travel as blobs, never inside
/// messages. <paramref name="Sha256"/>: lower-case hexadecimal.
/// </summary>
public sealed record BlobRef(string Uri, long Length, string Sha256);
