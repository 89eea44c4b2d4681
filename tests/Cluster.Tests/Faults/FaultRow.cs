using ClusterLp.Core;
using Xunit.Abstractions;

namespace ClusterLp.Cluster.Tests.Faults;

/// <summary>One row of the fault matrix.</summary>
/// <param name="Name">What happens, in words.</param>
/// <param name="When">When.</param>
/// <param name="What">The fault; the process that was stopped for it is let go afterwards.</param>
/// <param name="End">What must come of it.</param>
internal sealed record FaultRow(string Name, Moment When, Func<FaultRun, Task> What, Ending End)
{
    /// <summary>Runs every process in a network namespace of its own.</summary>
    public bool OnNetwork { get; init; }

    /// <summary>Of the joint fit rather than the usual one.</summary>
    public bool Joint { get; init; }

    public override string ToString() => Name;
}

/// <summary>A row's name as a test's argument: a bare string would be cut short in the results.</summary>
public sealed class RowName : IXunitSerializable
{
    private string _name;

    /// <summary>For xunit, which fills it.</summary>
    public RowName() => _name = "";

    public RowName(string name) => _name = name;

    public void Deserialize(IXunitSerializationInfo info) => _name = info.GetValue<string>(nameof(_name));

    public void Serialize(IXunitSerializationInfo info) => info.AddValue(nameof(_name), _name);

    public override string ToString() => _name;
}

/// <summary>How a disturbed job must end.</summary>
/// <param name="Code">The coordinator's exit code.</param>
/// <param name="Says">What its error says; null where it succeeds.</param>
/// <param name="Mend">Before the same command is run again, which then must succeed.</param>
internal sealed record Ending(ExitCode Code, string? Says, Func<FaultRun, Task>? Mend = null)
{
    /// <summary>The factors of the undisturbed run, byte for byte.</summary>
    public static Ending SameBytes { get; } = new(ExitCode.Done, null);

    /// <summary>A named error and no output; the same command run again gives the factors of the undisturbed run.</summary>
    public static Ending Stops(ExitCode code, string says, Func<FaultRun, Task>? mend = null) => new(code, says, mend);
}
