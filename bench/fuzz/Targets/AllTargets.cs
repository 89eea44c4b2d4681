namespace ClusterLp.Fuzz;

/// <summary>Every target. A parser of a new file or message gets its line here.</summary>
internal static class AllTargets
{
    public static IEnumerable<Target> In(Scratch scratch) =>
        [.. ModelTargets.In(scratch), .. JobTargets.In(scratch), CheckpointTarget.Create(scratch), WireTarget.Create()];
}
