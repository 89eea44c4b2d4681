using System.Collections.Immutable;

namespace ClusterLp.Core.Reporting;

/// <summary>What verification found; everything in it comes from the files, nothing from the run that made them.</summary>
/// <param name="Files">Input and output files against the hashes of the report.</param>
/// <param name="Figures">Every reported figure that the files alone determine.</param>
/// <param name="Untouched">Tensors that must be byte-identical to the input's.</param>
public sealed record VerifyResult(
    ImmutableArray<VerifiedFile> Files, ImmutableArray<VerifiedFigure> Figures, ImmutableArray<VerifiedTensor> Untouched)
{
    /// <summary>Which figures were left out for want of a file, and which file; null where none was.</summary>
    public string? NotRecomputed { get; init; }

    /// <summary>True where everything agrees.</summary>
    public bool Ok => Files.All(file => file.Ok) && Figures.All(figure => figure.Ok) && Untouched.All(tensor => tensor.Ok);
}

/// <summary>What a job reads beside its model.</summary>
/// <param name="RowWeights">File of the row weights, or null.</param>
/// <param name="ColumnMetric">File of the column metric, or null.</param>
public sealed record SideFiles(string? RowWeights, string? ColumnMetric);

/// <summary>A file and its hash; <paramref name="Found"/> is null where the file is missing.</summary>
public sealed record VerifiedFile(string Path, bool IsInput, string Reported, string? Found)
{
    public bool Ok => Reported == Found;
}

/// <summary>One figure of one tensor, as reported and as recomputed from the stored factors.</summary>
/// <param name="Tensor">The tensor's name in the input.</param>
/// <param name="Figure">As the report spells it: rank, frobenius, l1, lp, maxRow, relativeLp, relativeFrobenius, svd.frobenius, ...</param>
public sealed record VerifiedFigure(string Tensor, string Figure, double Reported, double Recomputed, bool Ok);

/// <summary>An untouched tensor: whether its type, shape and bytes are the input's.</summary>
/// <param name="Name">The tensor's name.</param>
/// <param name="Difference">What differs, or null.</param>
public sealed record VerifiedTensor(string Name, string? Difference)
{
    public bool Ok => Difference is null;

    /// <summary>It stands for all of a file but the factors in it, and <see cref="Name"/> is the file's.</summary>
    public bool IsFile { get; init; }
}
