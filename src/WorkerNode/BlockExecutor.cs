using System.Collections.Concurrent;
using System.Diagnostics;
using Akka.Actor;
using Akka.Event;
using ClusterLp.Core;
using ClusterLp.Core.Faults;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Jobs.Blobs;
using ClusterLp.Core.Jobs.State;
using ClusterLp.Core.Telemetry;
using ClusterLp.Messages;

namespace ClusterLp.WorkerNode;

/// <summary>
/// Computes blocks on threads of its own, one block a slot; the dispatcher only passes messages. Tells its parent
/// <see cref="BlockProgress"/> while a block moves on and <see cref="SlotFreed"/> when it ends.
/// </summary>
internal sealed class BlockExecutor : UntypedActor, IWithTimers
{
    /// <summary>How often moving blocks are reported; each report renews a lease.</summary>
    private static readonly TimeSpan ReportEvery = TimeSpan.FromMilliseconds(500);

    private readonly WorkerSettings _settings;
    private readonly IBlobStore _blobs;
    // What ends a thread is null: by CompleteAdding each would end by two exceptions.
    private readonly BlockingCollection<Execution?> _queue = [];
    private readonly Dictionary<(BlockAddress, int), Execution> _running = [];
    private readonly List<Thread> _threads = [];
    private readonly ILoggingAdapter _log = Context.GetLogger();

    public BlockExecutor(WorkerSettings settings, IBlobStore blobs) => (_settings, _blobs) = (settings, blobs);

    public ITimerScheduler Timers { get; set; } = null!;

    /// <summary>A slot is free again. <paramref name="Reply"/>: the block's outcome; null if it was cancelled.</summary>
    internal sealed record SlotFreed((BlockAddress, int) Block, IBlockReply? Reply);

    protected override void OnReceive(object message)
    {
        switch (message)
        {
            case AssignBlock assignment:
                Start(assignment);
                break;
            case CancelBlock cancel:
                if (_running.TryGetValue((cancel.Block, cancel.Attempt), out Execution? execution))
                    execution.Cancellation.Cancel();
                break;
            case Ended ended:
                End(ended);
                break;
            case ReportTick:
                Report();
                break;
            default:
                Unhandled(message);
                break;
        }
    }

    protected override void PreStart()
    {
        IActorRef self = Self;
        for (int slot = 0; slot < _settings.Slots; slot++)
        {
            var thread = new Thread(() => Work(self)) { IsBackground = true, Name = $"block-{slot}" };
            thread.Start();
            _threads.Add(thread);
        }
        Timers.StartPeriodicTimer("report", ReportTick.Instance, ReportEvery);
    }

    protected override void PostStop()
    {
        // Threads read files that are closed next: they must be out of them. They look at their token every second.
        foreach (Execution execution in _running.Values)
            execution.Cancellation.Cancel();
        _threads.ForEach(_ => _queue.Add(null));
        foreach (Thread thread in _threads)
            thread.Join();
        _queue.Dispose();
    }

    private void Start(AssignBlock assignment)
    {
        var key = (assignment.Task.Address, assignment.Attempt);
        if (_running.ContainsKey(key))
            return;
        var execution = new Execution(assignment);
        _running.Add(key, execution);
        _queue.Add(execution);
    }

    private void End(Ended ended)
    {
        AssignBlock assignment = ended.Execution.Assignment;
        _running.Remove((assignment.Task.Address, assignment.Attempt));
        ended.Execution.Cancellation.Dispose();
        if (ended.Reply is BlockFailed failed)
            _log.Warning("tensor \"{tensor}\", {stage}, block {block}, attempt {attempt}: {reason}",
                assignment.Task.Plan.Name, failed.Block.Stage, failed.Block.Block, failed.Attempt, failed.Detail);
        else if (ended.Reply is not null)
            _log.Debug("tensor \"{tensor}\", {stage}, block {block}, attempt {attempt}: computed",
                assignment.Task.Plan.Name, assignment.Task.Address.Stage, assignment.Task.Address.Block, assignment.Attempt);
        Context.Parent.Tell(new SlotFreed((assignment.Task.Address, assignment.Attempt), ended.Reply));
    }

    private void Report()
    {
        foreach (Execution execution in _running.Values)
        {
            // Only a block that moved is reported: one that hangs loses its lease.
            double share = execution.Share;
            if (share == execution.Reported)
                continue;
            execution.Reported = share;
            AssignBlock a = execution.Assignment;
            Context.Parent.Tell(new BlockProgress(a.JobId, a.Epoch, _settings.Id, a.Task.Address, a.Attempt, share));
        }
    }

    /// <summary>A slot's thread.</summary>
    private void Work(IActorRef self)
    {
        while (_queue.Take() is { } execution)
            self.Tell(new Ended(execution, Measure(execution)));
    }

    private IBlockReply? Measure(Execution execution)
    {
        long begun = Stopwatch.GetTimestamp();
        Instruments.BlockBegun();
        using Activity? span = Trace(execution.Assignment);
        IBlockReply? reply = Compute(execution);
        if (reply is BlockFailed failed)
            span?.SetStatus(ActivityStatusCode.Error, failed.Detail);
        else if (reply is null)
            span?.SetStatus(ActivityStatusCode.Error, "cancelled");
        Instruments.BlockEnded(execution.Assignment.Task.Address.Stage.Kind, Stopwatch.GetElapsedTime(begun), reply switch
        {
            BlockComputed => Instruments.Outcome.Computed,
            null => Instruments.Outcome.Cancelled,
            _ => Instruments.Outcome.Failed,
        });
        return reply;
    }

    private Activity? Trace(AssignBlock a)
    {
        if (Tracing.Parent(a.TraceParent) is not { } parent)
            return null;
        BlockPartition partition = a.Task.Plan.Partition;
        Activity? span = Tracing.Start("block", ActivityKind.Consumer, parent);
        span?.SetStage(a.JobId, a.Task.Plan, a.Task.Address.Stage);
        return span?.SetTag("clusterlp.block", a.Task.Address.Block).SetTag("clusterlp.rows", partition.RowCount(a.Task.Address.Block))
            .SetTag("clusterlp.first_row", partition.FirstRow(a.Task.Address.Block)).SetTag("clusterlp.attempt", a.Attempt)
            .SetTag("clusterlp.worker", _settings.Id.Value);
    }

    private IBlockReply? Compute(Execution execution)
    {
        AssignBlock a = execution.Assignment;
        CancellationToken cancellation = execution.Cancellation.Token;
        try
        {
            cancellation.ThrowIfCancellationRequested();
            string where = $"{a.Task.Address.Stage}/{a.Task.Address.Block}";
            Failpoint.Reach(Failpoint.WorkerBlock, where);
            var context = new StepContext(_blobs, Threads: 1, cancellation, share => execution.Share = share) { States = _settings.States, Place = _settings.Place };
            string name = BlobNames.Block(a.Task.Address, a.Epoch, a.Attempt);
            BlockResult result = _settings.Pipeline.RunBlock(a.Task, _settings.Sources.Matrix(a.Task.Plan), name, context);
            Failpoint.Reach(Failpoint.WorkerReport, where);
            return new BlockComputed(a.JobId, a.Epoch, _settings.Id, a.Task.Address, a.Attempt, result);
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            return null;
        }
        catch (BlobCorruptException e)
        {
            return Failed(a, FailureKind.Retryable, e.Code, e.Message) with { Corrupt = e.Blob };
        }
        catch (ClusterLpException e)
        {
            return Failed(a, e.Code is ExitCode.BadInput or ExitCode.Refused ? FailureKind.BadData : FailureKind.Retryable, e.Code, e.Message);
        }
        catch (Exception e)
        {
            return Failed(a, FailureKind.Retryable, ExitCode.Internal, $"{e.GetType().Name}: {e.Message} ({e.StackTrace?.Split('\n')[0].Trim()})");
        }
    }

    private BlockFailed Failed(AssignBlock a, FailureKind kind, ExitCode code, string detail) =>
        new(a.JobId, a.Epoch, _settings.Id, a.Task.Address, a.Attempt, kind, code, detail);

    /// <summary>A block in work. <see cref="Share"/> is written by its thread and read by the actor.</summary>
    private sealed class Execution(AssignBlock assignment)
    {
        private double _share;

        public AssignBlock Assignment { get; } = assignment;
        public CancellationTokenSource Cancellation { get; } = new();
        public double Reported { get; set; }
        public double Share { get => Volatile.Read(ref _share); set => Volatile.Write(ref _share, value); }
    }

    private sealed record Ended(Execution Execution, IBlockReply? Reply);

    private sealed record ReportTick
    {
        public static readonly ReportTick Instance = new();
    }
}
