using System.Collections.Concurrent;
using System.Collections.Immutable;
using Akka.Actor;
using ClusterLp.Coordinator;
using ClusterLp.Core;
using ClusterLp.Core.Formats;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Jobs.Blobs;
using ClusterLp.Core.Jobs.Checkpoints;
using ClusterLp.Core.Jobs.State;
using ClusterLp.WorkerNode;

namespace ClusterLp.Actors.Tests;

/// <summary>A job of the fake pipeline in a folder of its own, and the actors that run it.</summary>
internal sealed class TestJob : IDisposable
{
    public const long Rows = 70;
    public const int Blocks = 7;

    private readonly string _folder = Directory.CreateTempSubdirectory("clusterlp-actors-").FullName;
    private readonly SourceCache _sources = new(_ => new CountingModel());

    public TestJob(int tensors = 1)
    {
        Blobs = new FileBlobStore(_folder);
        Plan = new JobPlan(new JobId("test"), new JobSpec { Input = "in", Output = "out" }, [.. Enumerable.Range(0, tensors).Select(i => new TensorPlan
        {
            Index = i, Name = $"t{i}", Rows = Rows, Columns = 1, InputType = ElementType.F32, FactorType = ElementType.F32, BlockRows = 10,
            P = 1.5, Method = Method.Lp, Fit = Fit.Exact, Seed = 0, Input = "in",
        })], ImmutableArray<SkippedTensor>.Empty);
    }

    public JobPlan Plan { get; }
    public FileBlobStore Blobs { get; }
    public RecordingLog Log { get; init; } = new();
    public TaskCompletionSource<JobState> Ended { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public IActorRef StartCoordinator(ActorSystem system, IFitPipeline pipeline, JobPolicy? policy = null) => system.ActorOf(
        CoordinatorActor.Props(
            Plan, new JobSettings(pipeline, Blobs, Log, JobState.Begin(Plan, pipeline.Begin, new Epoch(1), policy ?? new JobPolicy()), _folder, 1,
                new Progress<JobProgress>()), Ended),
        CoordinatorActor.Name);

    public (IActorRef Actor, Task<WorkerEnd> End) StartWorker(
        ActorSystem system, ICanTell coordinator, IFitPipeline pipeline, string id, int slots = 1, TimeSpan? giveUpAfter = null)
    {
        var ended = new TaskCompletionSource<WorkerEnd>(TaskCreationOptions.RunContinuationsAsynchronously);
        var settings = new WorkerSettings(
            new WorkerId(id), slots, pipeline, _sources, directory => new FileBlobStore(directory), giveUpAfter ?? TimeSpan.FromSeconds(30));
        return (system.ActorOf(WorkerActor.Props(settings, coordinator, ended), id), ended.Task);
    }

    /// <summary>The last reduction of every tensor, as text.</summary>
    public async Task<string> OutcomeAsync()
    {
        JobState last = await Ended.Task.WaitAsync(TimeSpan.FromSeconds(30));
        Assert.Equal(JobEnd.Done, last.End);
        return string.Concat(last.Tensors.Select(tensor => FakePipeline.Read(Blobs, tensor.Fit.Basis!)));
    }

    public void Dispose()
    {
        _sources.Dispose();
        Directory.Delete(_folder, recursive: true);
    }
}

/// <summary>A checkpoint in memory that can be told to fail.</summary>
internal sealed class RecordingLog : ICheckpointLog
{
    /// <summary>Runs before records are taken.</summary>
    public Action<IReadOnlyList<CheckpointRecord>>? BeforeAppend { get; init; }

    public ConcurrentQueue<CheckpointRecord> Records { get; } = [];

    public void Append(IReadOnlyList<CheckpointRecord> records)
    {
        BeforeAppend?.Invoke(records);
        foreach (CheckpointRecord record in records)
            Records.Enqueue(record);
    }

    public void Snapshot(JobState state, ImmutableArray<BlobRef> superseded)
    {
    }

    /// <summary>Set once another coordinator has the job.</summary>
    public ClusterLpException? TakenOver { get; set; }

    public void EnsureOwned()
    {
        if (TakenOver is not null)
            throw TakenOver;
    }
}
