namespace ClusterLp.Core.Evaluation;

/// <summary>What <c>evaluate</c> is asked for.</summary>
public sealed record EvaluationOptions
{
    /// <summary>Names or globs of compressed tensors; empty: all.</summary>
    public IReadOnlyList<string> Tensors { get; init; } = [];
    /// <summary>Names of the rows (<see cref="Vocabulary"/>); null: the model's own, if its format has them.</summary>
    public string? Vocabulary { get; init; }
    /// <summary>X, an m x d .npy of what the layer reads; null: none.</summary>
    public string? Activations { get; init; }
    /// <summary>n positive numbers, how often each row is used; null: those the job had, or the rows' order.</summary>
    public string? RowWeights { get; init; }
    /// <summary>Rows whose neighbours are looked for, at most.</summary>
    public int Queries { get; init; } = 500;
    /// <summary>Chooses them.</summary>
    public ulong Seed { get; init; }
    /// <summary>Rows listed as the worst.</summary>
    public int Worst { get; init; } = 10;
}
