using System.Diagnostics;
using System.Globalization;
using Akka.Actor;
using Akka.Event;
using Akka.Remote;
using ClusterLp.Core;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Jobs.Blobs;
using ClusterLp.Core.Telemetry;
using ClusterLp.Messages;

namespace ClusterLp.WorkerNode;

/// <summary>Tells a worker to take no new block, to finish and deliver those it holds, and to end.</summary>
public sealed record DrainWorker
{
    public static readonly DrainWorker Instance = new();
}

/// <summary>
/// /user/worker: registers, pulls blocks for its free slots, passes them to its executor and reports what comes of them
/// until the job says it is recorded. Ends with the job, when the coordinator cannot be found or is lost, or once it has
/// drained.
/// </summary>
public sealed class WorkerActor : UntypedActor, IWithTimers
{
    private static readonly TimeSpan RegisterEvery = TimeSpan.FromSeconds(0.25);
    private static readonly TimeSpan RepeatEvery = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan PingEvery = TimeSpan.FromSeconds(1);

    private readonly WorkerSettings _settings;
    private readonly ICanTell _coordinator;
    private readonly TaskCompletionSource<WorkerEnd> _ended;
    private readonly ILoggingAdapter _log = Context.GetLogger();
    private readonly Dictionary<(BlockAddress, int), IBlockReply> _unanswered = [];
    private readonly HashSet<(BlockAddress, int)> _running = [];
    private IActorRef _job = ActorRefs.Nobody;
    private IActorRef _executor = ActorRefs.Nobody;
    private JobId _jobId;
    private Epoch _epoch;
    private long _heard;
    private bool _draining, _letIn;

    /// <param name="coordinator">The coordinator actor, or a selection of its address.</param>
    /// <param name="ended">Told once why the worker stopped.</param>
    public WorkerActor(WorkerSettings settings, ICanTell coordinator, TaskCompletionSource<WorkerEnd> ended) =>
        (_settings, _coordinator, _ended) = (settings, coordinator, ended);

    public ITimerScheduler Timers { get; set; } = null!;

    private TimeSpan JoinWithin => _settings.JoinWithin ?? _settings.GiveUpAfter;

    public static Props Props(WorkerSettings settings, ICanTell coordinator, TaskCompletionSource<WorkerEnd> ended) =>
        Akka.Actor.Props.Create<WorkerActor>(settings, coordinator, ended);

    protected override void OnReceive(object message)
    {
        switch (message)
        {
            case RegisterTick:
                Register();
                break;
            case GiveUp:
                End(ExitCode.Resumable, $"no coordinator answered within {JoinWithin.TotalSeconds:0} s");
                break;
            case WorkerRejected rejected:
                End(ExitCode.Usage, rejected.Reason);
                break;
            case JobFinished finished:
                End(ExitCode.Done, finished.Reason);
                break;
            case WorkerAccepted accepted:
                Begin(accepted);
                break;
            case DrainWorker:
                End(ExitCode.Interrupted, "told to stop");
                break;
            default:
                Unhandled(message);
                break;
        }
    }

    protected override void PreStart()
    {
        Timers.StartPeriodicTimer(RegisterTick.Instance, RegisterTick.Instance, RegisterEvery);
        if (JoinWithin != Timeout.InfiniteTimeSpan)
            Timers.StartSingleTimer(GiveUp.Instance, GiveUp.Instance, JoinWithin);
        Register();
    }

    protected override void PostStop()
    {
        if (_letIn)
            Instruments.SlotsOffered(-_settings.Slots);
        _ended.TrySetResult(new WorkerEnd(ExitCode.Resumable, "the worker was stopped"));
    }

    private void Register() => _coordinator.Tell(
        new RegisterWorker(_settings.Id, _settings.Slots, GC.GetGCMemoryInfo().TotalAvailableMemoryBytes, Protocol.Version), Self);

    private void Begin(WorkerAccepted accepted)
    {
        IBlobStore blobs;
        try
        {
            blobs = OpenStore(accepted);
        }
        catch (ClusterLpException e)
        {
            End(e.Code, e.Message);
            return;
        }
        (_job, _jobId, _epoch) = (Sender, accepted.JobId, accepted.Epoch);
        Timers.Cancel(RegisterTick.Instance);
        Timers.Cancel(GiveUp.Instance);
        Context.Watch(_job);
        _heard = Stopwatch.GetTimestamp();
        _executor = Context.ActorOf(Akka.Actor.Props.Create<BlockExecutor>(_settings, blobs), "executor");
        Become(Working);
        Timers.StartPeriodicTimer(RepeatTick.Instance, RepeatTick.Instance, RepeatEvery);
        Timers.StartPeriodicTimer(PingTick.Instance, PingTick.Instance, PingEvery);
        Context.System.EventStream.Subscribe(Self, typeof(ThisActorSystemQuarantinedEvent));
        _letIn = true;
        Instruments.SlotsOffered(_settings.Slots);
        _settings.Joined(_jobId);
        RequestWork();
    }

    private IBlobStore OpenStore(WorkerAccepted accepted)
    {
        if (accepted.BlobEndpoint is null || _settings.OpenEndpoint is null)
            return _settings.OpenStore(accepted.JobDirectory);
        _log.Info("blobs come from and go to {endpoint}", accepted.BlobEndpoint);
        return Uri.TryCreate(accepted.BlobEndpoint, UriKind.Absolute, out Uri? endpoint) && endpoint.Scheme is "http" or "https"
            ? _settings.OpenEndpoint(endpoint)
            : throw new ClusterLpException(ExitCode.Refused, $"the coordinator's blob endpoint \"{accepted.BlobEndpoint}\" is no http or https address.");
    }

    private void Working(object message)
    {
        switch (message)
        {
            case AssignBlock assignment when Current(assignment):
                if (_running.Add((assignment.Task.Address, assignment.Attempt)))
                    _executor.Tell(assignment);
                break;
            case CancelBlock cancel when Current(cancel):
                _executor.Tell(cancel);
                break;
            case BlockProgress progress:
                _job.Tell(progress);
                break;
            case BlockExecutor.SlotFreed freed:
                Free(freed);
                break;
            case BlockCommitted answer when Current(answer):
                _unanswered.Remove((answer.Block, answer.Attempt));
                EndIfDrained();
                break;
            case NoWork none when Current(none):
                Timers.StartSingleTimer(AskTick.Instance, AskTick.Instance, none.RetryAfter);
                break;
            case AskTick:
                RequestWork();
                break;
            case RepeatTick:
                foreach (IBlockReply reply in _unanswered.Values)
                    _job.Tell(reply);
                // What was answered may have been lost, or this worker given up by mistake.
                RequestWork();
                break;
            case JobFinished finished when Current(finished):
                End(ExitCode.Done, finished.Reason);
                break;
            case PingTick:
                _settings.Alive();
                Ping();
                break;
            case ActorIdentity identity:
                Hear(identity);
                break;
            case Terminated:
                End(ExitCode.Resumable, "it is gone");
                break;
            case ThisActorSystemQuarantinedEvent:
                End(ExitCode.Resumable, "it had given this worker up");
                break;
            case WorkerAccepted:
                break;
            case DrainWorker:
                _draining = true;
                _job.Tell(new RequestWork(_jobId, _epoch, _settings.Id, 0));
                EndIfDrained();
                break;
            default:
                Unhandled(message);
                break;
        }
    }

    private void Free(BlockExecutor.SlotFreed freed)
    {
        _running.Remove(freed.Block);
        if (freed.Reply is { } reply)
        {
            _unanswered[freed.Block] = reply;
            _job.Tell(reply);
        }
        RequestWork();
        EndIfDrained();
    }

    /// <summary>
    /// A silent network breaks no connection, and the cluster's failure detector is no help to a worker that was stopped
    /// itself: who has heard nothing for long is on its own.
    /// </summary>
    private void Ping()
    {
        if (_settings.GiveUpAfter != Timeout.InfiniteTimeSpan && Stopwatch.GetElapsedTime(_heard) > _settings.GiveUpAfter)
            End(ExitCode.Resumable, string.Create(CultureInfo.InvariantCulture, $"no sign of it for {Stopwatch.GetElapsedTime(_heard).TotalSeconds:0} s"));
        else
            Context.ActorSelection(_job.Path).Tell(new Identify(null));
    }

    private void Hear(ActorIdentity identity)
    {
        // Nobody: that is this side's own answer while there is no connection.
        if (identity.Subject is null || identity.Subject.IsNobody())
            return;
        _heard = Stopwatch.GetTimestamp();
        if (!identity.Subject.Equals(_job))
            End(ExitCode.Resumable, "another coordinator has taken its place");
    }

    private void EndIfDrained()
    {
        if (_draining && _running.Count == 0 && _unanswered.Count == 0)
            End(ExitCode.Interrupted, "its last block is delivered");
    }

    private bool Current(IJobMessage message) => message.JobId == _jobId && message.Epoch == _epoch;

    private void RequestWork()
    {
        int free = _settings.Slots - _running.Count;
        if (free > 0 && !_draining)
            _job.Tell(new RequestWork(_jobId, _epoch, _settings.Id, free));
    }

    private void End(ExitCode code, string reason)
    {
        if (code == ExitCode.Done && reason.Length == 0)
            _log.Info("the job is done");
        else if (code == ExitCode.Done)
            _log.Warning("the job failed: {reason}", reason);
        _ended.TrySetResult(new WorkerEnd(code, reason));
        Context.Stop(Self);
    }

    private sealed record RegisterTick
    {
        public static readonly RegisterTick Instance = new();
    }

    private sealed record GiveUp
    {
        public static readonly GiveUp Instance = new();
    }

    private sealed record RepeatTick
    {
        public static readonly RepeatTick Instance = new();
    }

    private sealed record PingTick
    {
        public static readonly PingTick Instance = new();
    }

    private sealed record AskTick
    {
        public static readonly AskTick Instance = new();
    }
}
