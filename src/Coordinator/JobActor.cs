using System.Collections.Immutable;
using System.Diagnostics;
using Akka.Actor;
using Akka.Event;
using Akka.Remote;
using ClusterLp.Core;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Jobs.Blobs;
using ClusterLp.Core.Jobs.State;
using ClusterLp.Core.Reporting;
using ClusterLp.Messages;

namespace ClusterLp.Coordinator;

/// <summary>
/// /user/coordinator/job-{id}: turns messages into events of a <see cref="JobState"/> and its effects into messages.
/// All decisions are the state's.
/// </summary>
internal sealed class JobActor : UntypedActor, IWithTimers
{
    // Bytes of a stage's blobs. All threads read fewer in less time than it takes to be told of each.
    private const long WorthAddingAhead = 8 << 20;

    private static readonly TimeSpan LeaseCheckEvery = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan ReportEvery = TimeSpan.FromMilliseconds(200);

    private readonly JobSettings _settings;
    private readonly TaskCompletionSource<JobState> _ended;
    private readonly Dictionary<WorkerId, IActorRef> _workers = [];
    private readonly HashSet<WorkerId> _doubted = [];

    // Slots of workers given up with their address. Akka does not say which of its processes: one started again under a former
    // one's name and port goes with that one, and is taken back when it speaks.
    private readonly Dictionary<WorkerId, int> _givenUp = [];
    private readonly ILoggingAdapter _log = Context.GetLogger();
    private readonly long _start = Stopwatch.GetTimestamp();
    private readonly JobProcess _process = JobProcess.Current();
    private readonly JobPlan _plan;
    private readonly IActorRef _merge;
    private readonly IActorRef _check;
    private readonly IActorRef _checkpoint;
    private readonly EffectQueue _effects;
    private readonly StageTimes _times;
    private readonly JobMetrics _metrics;
    private readonly JobTrace _trace;
    private JobState _state;
    private JobState? _reported;
    private IActorRef? _drainer;

    public JobActor(JobPlan plan, JobSettings settings, TaskCompletionSource<JobState> ended)
    {
        (_plan, _settings, _ended) = (plan, settings, ended);
        _state = settings.State;
        _merge = Context.ActorOf(Props.Create<MergeActor>(settings), "merge");
        _check = Context.ActorOf(Props.Create<ResultCheckActor>(settings.Blobs), "check");
        _checkpoint = Context.ActorOf(Props.Create<CheckpointActor>(settings.Checkpoints), "checkpoint");
        _effects = new EffectQueue(_checkpoint, Perform);
        _times = new StageTimes(_log);
        _metrics = new JobMetrics(_state);
        _trace = new JobTrace(plan.Id, settings.Trace);
    }

    // None of a job's actors is a ReceiveActor or made by Props of a lambda: those are expressions, taken apart at every start, 40 ms in all.
    protected override void OnReceive(object message)
    {
        switch (message)
        {
            case CheckpointActor.Written m:
                _effects.Written(m.Entries);
                break;
            case CheckpointActor.Failed m:
                Abort(m.Why);
                break;
            case RegisterWorker m:
                Register(m);
                break;
            case Terminated m:
                Lose(m);
                break;
            case DisassociatedEvent m:
                Doubt(m);
                break;
            case RequestWork m:
                if (IsOurs(m) && _givenUp.TryGetValue(m.WorkerId, out int slots))
                    Register(new RegisterWorker(m.WorkerId, slots, MemoryBytes: 0, Protocol.Version));
                Hear(m, m.WorkerId, new WorkRequested(m.WorkerId, m.FreeSlots, Now));
                break;
            case BlockProgress m:
                Hear(m, m.WorkerId, new BlockProgressed(m.WorkerId, m.Block, m.Epoch, m.Attempt, m.Share, Now));
                break;
            case BlockComputed m:
                _doubted.Remove(m.WorkerId);
                _check.Forward(m);
                break;
            case ResultCheckActor.Passed m:
                AddUp(m.Report);
                Apply(m.Report, Done(m.Report));
                break;
            case ResultCheckActor.Refused m:
                Apply(m.Report, Spoilt(m.Report, m.Fault));
                break;
            case BlockFailed { Corrupt: not null } m:
                _check.Forward(m);
                break;
            case BlockFailed m:
                Hear(m, m.WorkerId, Erred(m));
                break;
            case ResultCheckActor.InputSound m:
                Hear(m.Report, m.Report.WorkerId, Erred(m.Report));
                break;
            case ResultCheckActor.InputDamaged m:
                Apply(m.Report, new InputLost(m.Report.Block.Tensor, m.Report.Block.Stage, m.Report.Corrupt!, m.Report.Detail, Now));
                Hear(m.Report, m.Report.WorkerId, Erred(m.Report));
                break;
            case MergeActor.Reduced m:
                _times.Reduced(_state.Tensors[m.Tensor], m.Ahead);
                _trace.Reduced(m.Tensor, m.Stage);
                Apply(new ReductionDone(m.Tensor, m.Stage, m.Next, Now));
                break;
            case MergeActor.Failed m:
                _trace.Failed(m.Tensor, m.Stage, m.Detail);
                Apply(new ReductionFailed(m.Tensor, m.Stage, m.Code, m.Detail, m.Corrupt, Now));
                break;
            case LeaseCheck:
                _settings.Alive();
                if (_state.End is null)
                    _checkpoint.Tell(CheckpointActor.LookForSuccessor.Instance);
                Apply(new LeaseTick(Now));
                break;
            case ReportTick:
                Report();
                break;
            case RequestStatus:
                Sender.Tell(Status());
                break;
            case Drain:
                _drainer = Sender;
                AnswerDrain();
                break;
            default:
                Unhandled(message);
                break;
        }
    }

    public ITimerScheduler Timers { get; set; } = null!;

    private TimeSpan Now => Stopwatch.GetElapsedTime(_start);

    protected override void PreStart()
    {
        Timers.StartPeriodicTimer(LeaseCheck.Instance, LeaseCheck.Instance, LeaseCheckEvery);
        Timers.StartPeriodicTimer(ReportTick.Instance, ReportTick.Instance, ReportEvery);
        Context.System.EventStream.Subscribe(Self, typeof(DisassociatedEvent));
        Apply(new JobStarted(Now));
    }

    protected override void PostStop()
    {
        Context.System.EventStream.Unsubscribe(Self);
        _metrics.Dispose();
        _trace.Dispose();
        _ended.TrySetCanceled();
    }

    private void Register(RegisterWorker register)
    {
        if (_state.End is { } end)
        {
            if (!end.MayResume)
                Sender.Tell(Finished(end));
            return;
        }
        if (_workers.TryGetValue(register.WorkerId, out IActorRef? former) && !former.Equals(Sender))
            Context.Unwatch(former);
        else if (former is not null && !_givenUp.ContainsKey(register.WorkerId))
        {
            // It asked again before the answer came; one that works does not ask. What it was given since stays its own.
            Sender.Tell(Accepted());
            return;
        }
        // A path has one actor at a time: whose place it takes has ended. Akka's watch of that one may find the newcomer alive instead.
        foreach (WorkerId predecessor in Living(worker => worker.Path.Equals(Sender.Path)))
            if (predecessor != register.WorkerId)
                Lose(predecessor, withAddress: true);
        _workers[register.WorkerId] = Sender;
        _doubted.Remove(register.WorkerId);
        _givenUp.Remove(register.WorkerId);
        Context.Watch(Sender);
        _log.Info("worker {worker} joined with {slots} slot(s)", register.WorkerId, register.Slots);
        Sender.Tell(Accepted());
        Apply(new WorkerRegistered(register.WorkerId, Math.Max(1, register.Slots), Now));
    }

    private WorkerAccepted Accepted() => new(_state.Id, _state.Epoch, _settings.JobDirectory, _settings.BlobEndpoint);

    private List<WorkerId> Living(Func<IActorRef, bool> which) => [.. _workers.Where(w => which(w.Value)).Select(w => w.Key)];

    private void Lose(Terminated terminated)
    {
        foreach (WorkerId worker in Living(terminated.ActorRef.Equals))
            Lose(worker, terminated.AddressTerminated);
        AnswerDrain();
    }

    private void Lose(WorkerId worker, bool withAddress)
    {
        if (_workers.Remove(worker, out IActorRef? actor))
            Context.Unwatch(actor);
        _doubted.Remove(worker);
        if (withAddress && _state.Workers.TryGetValue(worker, out WorkerState? known))
            _givenUp[worker] = known.Slots;
        if (_state.End is null)
            _log.Warning("worker {worker} is gone", worker);
        Apply(new WorkerLost(worker, withAddress ? "its process was lost" : "it stopped", !withAddress, Now));
    }

    /// <summary>
    /// A broken connection is seen at once, a lost process only when the failure detector has waited its pause: what the
    /// worker holds is put in doubt meanwhile.
    /// </summary>
    private void Doubt(DisassociatedEvent broken)
    {
        foreach (WorkerId worker in Living(actor => actor.Path.Address.Equals(broken.RemoteAddress)))
        {
            if (!_doubted.Add(worker))
                continue;
            if (_state.End is null)
                _log.Warning("the connection to worker {worker} broke", worker);
            Apply(new WorkerDoubted(worker, Now));
        }
        AnswerDrain();
    }

    // Before it counts: should another attempt's count instead, the sum is not used.
    private void AddUp(BlockComputed report)
    {
        if (!IsOurs(report) || _state.Tensors.ElementAtOrDefault(report.Block.Tensor) is not { } tensor)
            return;
        if (tensor.Fit.Stage == report.Block.Stage && tensor.Plan.Partition.Count * report.Result.Blob.Length >= WorthAddingAhead
            && _settings.Pipeline.Collected(tensor.Plan, tensor.Fit) is { } collected)
            _merge.Tell(new MergeActor.Computed(report.Block, report.Result.Blob, collected));
    }

    private BlockDone Done(BlockComputed m) => new(m.WorkerId, m.Block, m.Epoch, m.Attempt, m.Result, Now);

    private BlockErred Spoilt(BlockComputed m, string fault) =>
        new(m.WorkerId, m.Block, m.Epoch, m.Attempt, FailureKind.Retryable, ExitCode.Resumable, fault, Now);

    private BlockErred Erred(BlockFailed m) => new(m.WorkerId, m.Block, m.Epoch, m.Attempt, m.Kind, m.Code, m.Detail, Now);

    private void Hear(IJobMessage message, WorkerId worker, JobEvent cause)
    {
        _doubted.Remove(worker);
        Apply(message, cause);
    }

    private void Apply(IJobMessage message, JobEvent cause)
    {
        if (IsOurs(message))
            Apply(cause);
    }

    private bool IsOurs(IJobMessage message) => message.JobId == _state.Id && message.Epoch == _state.Epoch;

    private void Apply(JobEvent cause)
    {
        (_state, ImmutableArray<JobEffect> effects) = _state.Apply(cause);
        _metrics.Observe(cause, _state, effects);
        _effects.Add(effects, _state);
    }

    /// <summary>What the state holds for committed is not on disk: nobody is told of it.</summary>
    private void Abort(JobEnd why)
    {
        _log.Warning("the job stops: {reason}", why.Reason);
        _effects.Fail();
        Apply(new JobAborted(why, Now));
    }

    private void Perform(JobEffect effect)
    {
        switch (effect)
        {
            case AssignEffect e:
                _times.Assigned(e.Block);
                TensorState tensor = _state.Tensors[e.Block.Tensor];
                BlockTask task = _settings.Pipeline.TaskFor(tensor.Plan, tensor.Fit, e.Block.Block);
                Tell(e.Worker, new AssignBlock(_state.Id, _state.Epoch, e.Attempt, task, _trace.Assigned(tensor.Plan, e.Block.Stage)));
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
                _times.Reducing(e.Plan.Index, e.Fit.Stage);
                _trace.Reducing(e.Plan, e.Fit.Stage);
                _merge.Tell(new MergeActor.Reduce(e.Plan, e.Fit, e.Rewinds, e.Results));
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
        if (!end.MayResume)
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

    private StatusReported Status() => new(
        _state.Id, _state.Epoch, _plan.Spec.Input, _plan.Spec.Output, _process.Host, _process.Pid, _process.Started, Now, _state.Progress, _state.End, _settings.Pace());

    private void AnswerDrain()
    {
        if (_workers.Keys.All(_doubted.Contains))
            _drainer?.Tell(new Drained([.. _workers.Values.Select(worker => worker.Path.Address)]));
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
