using System.Text.Json;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Jobs.Checkpoints;
using ClusterLp.Core.Reporting;
using ClusterLp.Core.Tests.Formats;

namespace ClusterLp.Core.Tests.Jobs.Checkpoints;

public sealed class EpochClaimTests : IDisposable
{
    private static readonly TimeSpan Silence = TimeSpan.FromSeconds(3);

    private readonly TemporaryFolder _folder = new();

    [Fact]
    public void While_an_owner_lives_nobody_else_gets_the_job_and_afterwards_the_next_epoch_does()
    {
        using (EpochClaim first = Take())
        {
            Assert.Equal(new Epoch(1), first.Epoch);
            var refused = Assert.Throws<ClusterLpException>(Take);
            Assert.Equal(ExitCode.Resumable, refused.Code);
            Assert.Contains($"process {Environment.ProcessId} on {Environment.MachineName}", refused.Message);
            first.EnsureNewest();
        }
        using EpochClaim second = Take();
        Assert.Equal(new Epoch(2), second.Epoch);
    }

    [Fact]
    public void Of_many_that_come_at_once_one_gets_the_job()
    {
        var won = new List<EpochClaim>();
        var lost = new List<ClusterLpException>();
        Parallel.For(0, 8, new ParallelOptions { MaxDegreeOfParallelism = 8 }, _ =>
        {
            try
            {
                EpochClaim claim = Take();
                lock (won)
                    won.Add(claim);
            }
            catch (ClusterLpException e)
            {
                lock (won)
                    lost.Add(e);
            }
        });
        using EpochClaim winner = Assert.Single(won);
        Assert.All(lost, e => Assert.Equal(ExitCode.Resumable, e.Code));
        winner.EnsureNewest();
    }

    [Fact]
    public void A_dead_owner_is_not_waited_for_and_one_that_stands_still_is_taken_over()
    {
        // A process that has ended, on this machine.
        Claim(1, JobProcess.Current() with { Started = DateTime.UnixEpoch });
        var patience = TimeSpan.FromHours(1);
        EpochClaim second = EpochClaim.Take(_folder.Path, patience, CancellationToken.None);
        Assert.Equal(new Epoch(2), second.Epoch);
        second.Dispose();

        // A process on another machine of which nothing is heard.
        Claim(3, new JobProcess("elsewhere", 1, DateTime.UtcNow));
        using EpochClaim fourth = Take();
        Assert.Equal(new Epoch(4), fourth.Epoch);
    }

    [Fact]
    public void An_owner_that_was_taken_over_learns_of_it_before_it_writes()
    {
        using EpochClaim first = Take();
        Claim(2, new JobProcess("elsewhere", 77, DateTime.UtcNow));
        var fenced = Assert.Throws<ClusterLpException>(first.EnsureNewest);
        Assert.Equal(ExitCode.Resumable, fenced.Code);
        Assert.Contains("process 77 on elsewhere, epoch 2", fenced.Message);
    }

    private EpochClaim Take() => EpochClaim.Take(_folder.Path, Silence, CancellationToken.None);

    private void Claim(long epoch, JobProcess owner)
    {
        _folder.Write($"epochs/{epoch}", JsonSerializer.SerializeToUtf8Bytes(owner, ReportJson.Options));
        _folder.Write($"epochs/{epoch}.alive", "0000000005"u8.ToArray());
    }

    public void Dispose() => _folder.Dispose();
}
