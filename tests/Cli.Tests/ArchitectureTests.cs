using System.Reflection;
using NetArchTest.Rules;

namespace ClusterLp.Cli.Tests;

/// <summary>Dependencies point one way: Cli -> Coordinator, WorkerNode -> Messages -> Core, and Cli -> Storage.S3 -> Core.</summary>
public class ArchitectureTests
{
    private static readonly Dictionary<string, string[]> Allowed = new()
    {
        ["ClusterLp.Core"] = [],
        ["ClusterLp.Library"] = ["ClusterLp.Core"],
        ["ClusterLp.Messages"] = ["ClusterLp.Core"],
        ["ClusterLp.WorkerNode"] = ["ClusterLp.Core", "ClusterLp.Messages"],
        ["ClusterLp.Coordinator"] = ["ClusterLp.Core", "ClusterLp.Messages"],
        ["ClusterLp.Storage.S3"] = ["ClusterLp.Core"],
        ["clusterlp"] = ["ClusterLp.Core", "ClusterLp.Storage.S3", "ClusterLp.Messages", "ClusterLp.WorkerNode", "ClusterLp.Coordinator"],
    };

    public static TheoryData<string> Assemblies => [.. Allowed.Keys];

    [Theory, MemberData(nameof(Assemblies))]
    public void An_assembly_refers_only_to_the_layers_below_it(string name)
    {
        IEnumerable<string> ours = Assembly.Load(name).GetReferencedAssemblies().Select(reference => reference.Name!)
            .Where(reference => reference.StartsWith("ClusterLp.", StringComparison.Ordinal));
        Assert.Empty(ours.Except(Allowed[name]));
    }

    [Fact]
    public void Core_knows_no_actors_and_no_terminal()
    {
        IEnumerable<string> references = typeof(Core.ExitCode).Assembly.GetReferencedAssemblies().Select(reference => reference.Name!);
        Assert.DoesNotContain(references, reference =>
            reference.StartsWith("Akka", StringComparison.Ordinal) || reference.StartsWith("Spectre", StringComparison.Ordinal)
            || reference.StartsWith("Serilog", StringComparison.Ordinal) || reference.StartsWith("AWSSDK", StringComparison.Ordinal) || reference == "System.CommandLine");
    }

    [Theory]
    [InlineData("Kernels", "Formats", "Jobs", "LpFit", "Coresets", "Reporting", "LinearAlgebra")]
    [InlineData("LinearAlgebra", "Formats", "Jobs", "LpFit", "Coresets", "Reporting")]
    public void Numerics_at_the_bottom_of_core_know_nothing_above_them(string folder, params string[] above)
    {
        TestResult result = Types.InAssembly(typeof(Core.ExitCode).Assembly).That().ResideInNamespaceStartingWith($"ClusterLp.Core.{folder}")
            .ShouldNot().HaveDependencyOnAny([.. above.Select(name => $"ClusterLp.Core.{name}")]).GetResult();
        Assert.True(result.IsSuccessful, string.Join(", ", result.FailingTypeNames ?? []));
    }
}
