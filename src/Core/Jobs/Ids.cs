using System.Globalization;

namespace ClusterLp.Core.Jobs;

/// <summary>Names one job; stable across restarts.</summary>
public readonly record struct JobId(string Value)
{
    public override string ToString() => Value;
}

/// <summary>Names one worker process or embedded worker.</summary>
public readonly record struct WorkerId(string Value)
{
    public override string ToString() => Value;
}

/// <summary>The coordinator's term: rises by one each time a coordinator claims the job; older terms are refused.</summary>
public readonly record struct Epoch(long Value)
{
    public override string ToString() => Value.ToString(CultureInfo.InvariantCulture);
}

/// <summary>The kinds of stage a tensor passes through (DESIGN: scan, Lewis rounds, local coresets, merge, refine, factorise).</summary>
public enum StageKind
{
    /// <summary>Validate every entry; A^T C A, sums and row norms.</summary>
    Scan = 0,
    /// <summary>One round of the Lewis weight contraction.</summary>
    Lewis = 1,
    /// <summary>Every block draws its weighted row sample; the merge fit runs in this stage's reduction.</summary>
    Coreset = 2,
    /// <summary>One exact IRLS round on the full data.</summary>
    Refine = 3,
    /// <summary>Every block solves U for its rows and measures its errors.</summary>
    Factorise = 4,
    /// <summary>Nothing left to compute for this tensor.</summary>
    Done = 5,
    /// <summary>One round of the joint fit of U and V, between refine and factorise.</summary>
    Joint = 6,
    /// <summary>Scanned, and waiting for the others that share the budget; its reduction sets the rank. No blocks.</summary>
    Allot = 7,
    /// <summary>A round of the factor model's own.</summary>
    Model = 8,
}

/// <summary>A stage and its round (0-based; stages that run once have round 0).</summary>
public readonly record struct StageId(StageKind Kind, int Round)
{
    public override string ToString() => Round == 0 && Kind is not (StageKind.Lewis or StageKind.Refine or StageKind.Joint or StageKind.Model)
        ? Kind.ToString().ToLowerInvariant()
        : string.Create(CultureInfo.InvariantCulture, $"{Kind.ToString().ToLowerInvariant()}-{Round}");
}

/// <summary>One unit of work: block <paramref name="Block"/> of tensor <paramref name="Tensor"/> in one stage.</summary>
public readonly record struct BlockAddress(int Tensor, StageId Stage, int Block)
{
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"tensor {Tensor} {Stage} block {Block}");
}
