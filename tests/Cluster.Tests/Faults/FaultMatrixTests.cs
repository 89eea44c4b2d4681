using System.Diagnostics;
using ClusterLp.Cluster.Tests.Network;
using ClusterLp.Core;
using Xunit.Abstractions;

namespace ClusterLp.Cluster.Tests.Faults;

/// <summary>
/// Every row of <see cref="FaultMatrix"/>, as a real run of real processes. The rows of one class run one after the other;
/// the classes run beside one another, for rows mostly wait.
/// </summary>
[Trait("Category", "Matrix")]
public abstract class FaultMatrixTests(HeavyTailedJob job, ITestOutputHelper output) : IClassFixture<HeavyTailedJob>
{
    private protected static TheoryData<RowName> Names(IEnumerable<FaultRow> rows) => [.. rows.Select(row => new RowName(row.Name))];

    private protected async Task RunAsync(RowName name)
    {
        FaultRow row = FaultMatrix.Rows.Single(row => row.Name == name.ToString());
        string reference = await (row.Joint ? job.JointReferenceAsync() : job.ReferenceAsync());
        var watch = Stopwatch.StartNew();
        using var run = new FaultRun(job, row);
        try
        {
            await run.StartAsync();
            if (row.When.Holds)
                await run.ReachAsync();
            await row.What(run);
            run.Release();
            await run.Coordinator.ExpectAsync(row.End.Code);
            if (row.End.Says is { } says)
                await GoOnAsync(run, says, row.End.Mend);
            Assert.Equal(reference, run.Paths.Digest());
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            output.WriteLine($"coordinator:\n{run.Coordinator.Said()}");
            foreach (ClusterLpProcess worker in run.Workers)
                output.WriteLine($"worker:\n{worker.Said()}");
            throw;
        }
        output.WriteLine(FormattableString.Invariant($"{watch.Elapsed.TotalSeconds:0.0} s"));
    }

    /// <summary>It has stopped with an error: no output, and the same command finishes the job without computing what was committed again.</summary>
    private static async Task GoOnAsync(FaultRun run, string says, Func<FaultRun, Task>? mend)
    {
        Assert.Contains(says, await run.Coordinator.ErrorAsync());
        Assert.False(Directory.Exists(run.Paths.Output));
        if (mend is not null)
            await mend(run);
        run.Calm();
        run.ReplaceDisturbedWorkers();
        run.Coordinator = run.StartCoordinator();
        run.Workers.Add(run.StartWorker(2));
        await run.Coordinator.ExpectAsync(ExitCode.Done);
        Assert.Contains("committed blocks kept", await run.Coordinator.ErrorAsync());
        Assert.DoesNotContain(" 0 committed blocks kept", await run.Coordinator.ErrorAsync());
    }
}

public sealed class WorkerFaultTests(HeavyTailedJob job, ITestOutputHelper output) : FaultMatrixTests(job, output)
{
    public static TheoryData<RowName> Rows => Names(FaultMatrix.Workers);

    [Theory]
    [MemberData(nameof(Rows))]
    public Task Whatever_happens(RowName row) => RunAsync(row);
}

public sealed class CoordinatorFaultTests(HeavyTailedJob job, ITestOutputHelper output) : FaultMatrixTests(job, output)
{
    public static TheoryData<RowName> Rows => Names(FaultMatrix.Coordinator);

    [Theory]
    [MemberData(nameof(Rows))]
    public Task Whatever_happens(RowName row) => RunAsync(row);
}

public sealed class JointFitFaultTests(HeavyTailedJob job, ITestOutputHelper output) : FaultMatrixTests(job, output)
{
    public static TheoryData<RowName> Rows => Names(FaultMatrix.JointFit);

    [Theory]
    [MemberData(nameof(Rows))]
    public Task Whatever_happens(RowName row) => RunAsync(row);
}

public sealed class TwoCoordinatorsTests(HeavyTailedJob job, ITestOutputHelper output) : FaultMatrixTests(job, output)
{
    public static TheoryData<RowName> Rows => Names(FaultMatrix.TwoCoordinators);

    [Theory]
    [MemberData(nameof(Rows))]
    public Task Whatever_happens(RowName row) => RunAsync(row);
}

public sealed class DamageTests(HeavyTailedJob job, ITestOutputHelper output) : FaultMatrixTests(job, output)
{
    public static TheoryData<RowName> Rows => Names(FaultMatrix.Damages);

    [Theory]
    [MemberData(nameof(Rows))]
    public Task Whatever_happens(RowName row) => RunAsync(row);
}

public sealed class DiskFaultTests(HeavyTailedJob job, ITestOutputHelper output) : FaultMatrixTests(job, output)
{
    public static TheoryData<RowName> Rows => Names(FaultMatrix.Disks);

    [Theory]
    [MemberData(nameof(Rows))]
    public Task Whatever_happens(RowName row) => RunAsync(row);
}

public sealed class InputFaultTests(HeavyTailedJob job, ITestOutputHelper output) : FaultMatrixTests(job, output)
{
    public static TheoryData<RowName> Rows => Names(FaultMatrix.Inputs);

    [Theory]
    [MemberData(nameof(Rows))]
    public Task Whatever_happens(RowName row) => RunAsync(row);
}

public sealed class NetworkFaultTests(HeavyTailedJob job, ITestOutputHelper output) : FaultMatrixTests(job, output)
{
    public static TheoryData<RowName> Rows => Names(FaultMatrix.Networks);

    [NetworkTheory]
    [MemberData(nameof(Rows))]
    public Task Whatever_happens(RowName row) => RunAsync(row);
}
