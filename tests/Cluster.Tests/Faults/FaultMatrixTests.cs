using System.Diagnostics;
using ClusterLp.Cluster.Tests.Network;
using ClusterLp.Core;
using Xunit.Abstractions;

namespace ClusterLp.Cluster.Tests.Faults;

/// <summary>Every row of <see cref="FaultMatrix"/>, as a real run of real processes.</summary>
[Trait("Category", "Matrix")]
[Collection(HeavyTailedJob.UsesAllCores)]
public sealed class FaultMatrixTests(HeavyTailedJob job, ITestOutputHelper output) : IClassFixture<HeavyTailedJob>
{
    public static TheoryData<string> Here => [.. FaultMatrix.Rows.Where(row => !row.OnNetwork).Select(row => row.Name)];

    public static TheoryData<string> OnNetwork => [.. FaultMatrix.Rows.Where(row => row.OnNetwork).Select(row => row.Name)];

    [Theory]
    [MemberData(nameof(Here))]
    public Task Whatever_happens(string row) => RunAsync(row);

    [NetworkTheory]
    [MemberData(nameof(OnNetwork))]
    public Task Whatever_happens_on_the_network(string row) => RunAsync(row);

    private async Task RunAsync(string name)
    {
        FaultRow row = FaultMatrix.Rows.Single(row => row.Name == name);
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
