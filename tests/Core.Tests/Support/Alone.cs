namespace ClusterLp.Core.Tests.Support;

/// <summary>Tests that look at what the whole process did: nothing else runs meanwhile.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class Alone
{
    public const string Name = "alone";
}
