namespace ClusterLp;

/// <summary>How V is found.</summary>
public enum LowRankMethod
{
    /// <summary>On all rows, from the singular vectors; from <see cref="Coreset"/>'s sample where a few rows hold most of the norm.</summary>
    Auto,
    /// <summary>On a weighted sample of the rows, then refined on all of them; on all of them at once where rows are few.</summary>
    Coreset,
    /// <summary>On all rows from the start, to a lower tolerance.</summary>
    Exact,
    /// <summary>U and V move together: the lowest l_p error, in many more rounds.</summary>
    Joint,
    /// <summary>V of the singular value decomposition, and U by projection: the least Frobenius error, whatever p is.</summary>
    Svd,
}

/// <summary>What a fit minimises, and how. The defaults are those of the program.</summary>
public sealed record LowRankOptions
{
    /// <summary>p of the entrywise error (sum |a - uv|^p)^(1/p), from 1 to 2. Below 2 large entries decide less than in SVD.</summary>
    public double P { get; init; } = 1.5;

    /// <summary>Chooses p from the tails of SVD's residual; <see cref="P"/> says nothing then.</summary>
    public bool ChooseP { get; init; }

    /// <summary>How V is found.</summary>
    public LowRankMethod Method { get; init; } = LowRankMethod.Auto;

    /// <summary>Every row of U is to be within this share of its best error given V, 1e-5 to 0.5; null: where the fit stops by itself.</summary>
    public double? Tolerance { get; init; }

    /// <summary>Of the sample of rows. The same matrix, options and seed give the same factors.</summary>
    public ulong Seed { get; init; }

    /// <summary>Threads; null: the cores. The factors do not depend on it.</summary>
    public int? Threads { get; init; }
}
