using System.Collections.Immutable;
using System.Diagnostics;
using Akka.Actor;
using Akka.Event;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Jobs.Blobs;
using ClusterLp.Core.Jobs.State;
using ClusterLp.Messages;

namespace ClusterLp.Coordinator;

/// <summary>
/// /user/coordinator/job-{id}: turns messages into events of a <see cref="JobState"/> and its effects into messages.
/// All decisions are the state's.
/// </summary>
internal sealed class JobActor : ReceiveActor, IWithTimers
{
    private static readonly TimeSpan LeaseCheckEvery = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan ReportEvery = TimeSpan.FromMilliseconds(200);

    private readonly JobSettings _settings;
    private readonly TaskCompletionSource<JobState> _ended;
    private readonly Dictionary<WorkerId, IActorRef> _workers = [];
    private readonly ILoggingAdapter _log = Context.GetLogger();
    private readonly long _start = Stopwatch.GetTimestamp();
    private readonly IActorRef _merge;
    private JobState _state;
    private JobState? _reported;
    private IActorRef? _drainer;

    public JobActor(JobPlan plan, JobSettings settings, TaskCompletionSource<JobState> ended)
    {
        (_settings, _ended) = (settings, ended);
        _state = JobState.Begin(plan, settings.Pipeline.Begin, settings.Epoch, settings.Policy);
        _merge = Context.ActorOf(Props.Create(() => new MergeActor(settings)), "merge");
        Receive<RegisterWorker>(Register);
        Receive<Terminated>(Lose);
        Receive<RequestWork>(m => Apply(m, new WorkRequested(m.WorkerId, m.FreeSlots, Now)));
        Receive<BlockProgress>(m => Apply(m, new BlockProgressed(m.WorkerId, m.Block, m.Epoch, m.Attempt, m.Share, Now)));
        Receive<BlockComputed>(m => Apply(m, new BlockDone(m.WorkerId, m.Block, m.Epoch, m.Attempt, m.Result, Now)));
        Receive<BlockFailed>(m => Apply(m, new BlockErred(m.WorkerId, m.Block, m.Epoch, m.Attempt, m.Kind, m.Code, m.Detail, Now)));
        Receive<MergeActor.Reduced>(m => Apply(new ReductionDone(m.Tensor, m.Stage, m.Next, Now)));
        Receive<MergeActor.Failed>(m => Apply(new ReductionFailed(m.Tensor, m.Stage, m.Code, m.Detail, m.Corrupt, Now)));
        Receive<LeaseCheck>(_ => Apply(new LeaseTick(Now)));
        Receive<ReportTick>(_ => Report());
        Receive<Drain>(_ =>
        {
            _drainer = Sender;
            AnswerDrain();
        });
    }

    public ITimerScheduler Timers { get; set; } = null!;

    private TimeSpan Now => Stopwatch.GetElapsedTime(_start);

    protected override void PreStart()
    {
        Timers.StartPeriodicTimer(LeaseCheck.Instance, LeaseCheck.Instance, LeaseCheckEvery);
        Timers.StartPeriodicTimer(ReportTick.Instance, ReportTick.Instance, ReportEvery);
    }

    protected override void PostStop() => _ended.TrySetCanceled();

    private void Register(RegisterWorker register)
    {
        if (_state.End is { } end)
        {
            Sender.Tell(Finished(end));
            return;
        }
        if (_workers.TryGetValue(register.WorkerId, out IActorRef? former) && !former.Equals(Sender))
            Context.Unwatch(former);
        _workers[register.WorkerId] = Sender;
        Context.Watch(Sender);
        _log.Info("worker {0} joined with {1} slot(s)", register.WorkerId, register.Slots);
        Sender.Tell(new WorkerAccepted(_state.Id, _state.Epoch, _settings.JobDirectory));
        Apply(new WorkerRegistered(register.WorkerId, Math.Max(1, register.Slots), Now));
    }

    private void Lose(Terminated terminated)
    {
        foreach (WorkerId worker in _workers.Where(w => w.Value.Equals(terminated.ActorRef)).Select(w => w.Key).ToList())
        {
            _workers.Remove(worker);
            if (_state.End is null)
                _log.Warning("worker {0} is gone", worker);
            Apply(new WorkerLost(worker, terminated.AddressTerminated ? "its process was lost" : "it stopped", Now));
        }
        AnswerDrain();
    }

    private void Apply(IJobMessage message, JobEvent cause)
    {
        if (message.JobId == _state.Id && message.Epoch == _state.Epoch)
            Apply(cause);
    }

    private void Apply(JobEvent cause)
    {
        (_state, ImmutableArray<JobEffect> effects) = _state.Apply(cause);
        foreach (JobEffect effect in effects)
            Perform(effect);
    }

    private void Perform(JobEffect effect)
    {
        switch (effect)
        {
            case AssignEffect e:
                TensorState tensor = _state.Tensors[e.Block.Tensor];
                BlockTask task = _settings.Pipeline.TaskFor(tensor.Plan, tensor.Fit, e.Block.Block);
                Tell(e.Worker, new AssignBlock(_state.Id, _state.Epoch, e.Attempt, task));
                break;
            case AcknowledgeEffect e:
                Tell(e.Worker, new BlockCommitted(_state.Id, _state.Epoch, e.Block, e.Attempt, e.Accepted));
                break;
            case CancelEffect e:
                Tell(e.Worker, new CancelBlock(_state.Id, _state.Epoch, e.Block, e.Attempt));
                break;
            case NoWorkEffect e:
                Tell(e.Worker, new NoWork(_state.Id, _state.Epoch, e.RetryAfter));
                break;
            case ReduceEffect e:
                _merge.Tell(new MergeActor.Reduce(e.Plan, e.Fit, e.Results));
                break;
            case DropEffect e:
                foreach (BlobRef blob in e.Blobs)
                    _settings.Blobs.Delete(blob);
                break;
            case FinishEffect e:
                Finish(e.End);
                break;
            default:
                throw new InvalidOperationException($"unknown effect {effect}");
        }
    }

    private void Finish(JobEnd end)
    {
        Report();
        foreach (IActorRef worker in _workers.Values)
            worker.Tell(Finished(end));
        _ended.TrySetResult(_state);
    }

    private JobFinished Finished(JobEnd end) => new(_state.Id, _state.Epoch, end.Code, end.Reason);

    private void Tell(WorkerId worker, IWireMessage message)
    {
        if (_workers.TryGetValue(worker, out IActorRef? actor))
            actor.Tell(message);
    }

    private void Report()
    {
        if (ReferenceEquals(_state, _reported))
            return;
        _reported = _state;
        _settings.Progress.Report(_state.Progress);
    }

    private void AnswerDrain()
    {
        if (_workers.Count == 0)
            _drainer?.Tell(Drained.Instance);
    }

    private sealed record LeaseCheck
    {
        public static readonly LeaseCheck Instance = new();
    }

    private sealed record ReportTick
    {
        public static readonly ReportTick Instance = new();
    }
}
