using System.Collections.Immutable;
using System.Globalization;
using ClusterLp.Core.Jobs.Blobs;

namespace ClusterLp.Core.Jobs.State;

/// <summary>One step of <see cref="JobState"/>: built, applied once and dropped.</summary>
internal sealed class JobTransition(JobState before)
{
    private readonly ImmutableArray<JobEffect>.Builder _effects = ImmutableArray.CreateBuilder<JobEffect>();
    private JobState _state = before;

    public (JobState, ImmutableArray<JobEffect>) Apply(JobEvent cause)
    {
        if (_state.End is not null)
        {
            AfterEnd(cause);
            return (_state, _effects.ToImmutable());
        }
        switch (cause)
        {
            case WorkerRegistered registered:
                // A worker that registers again has lost its blocks: it may be a new process under the old name.
                Release(registered.Worker, "registered anew");
                _state = _state with { Workers = _state.Workers.SetItem(registered.Worker, new WorkerState(registered.Slots, 0)) };
                break;
            case WorkerLost lost:
                _state = _state with { Workers = _state.Workers.Remove(lost.Worker) };
                Release(lost.Worker, lost.Cause);
                break;
            case WorkerDoubted doubted:
                Doubt(doubted);
                break;
            case WorkRequested request:
                Request(request);
                break;
            case BlockProgressed progressed:
                Renew(progressed);
                break;
            case BlockDone done:
                Commit(done);
                break;
            case BlockErred erred:
                Fail(erred);
                break;
            case LeaseTick tick:
                Expire(tick.Now);
                break;
            case ReductionDone reduced:
                Advance(reduced);
                break;
            case ReductionFailed failed:
                Repair(failed);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(cause), cause, "unknown event");
        }
        Offer(cause.Now);
        if (cause is WorkRequested asked && _state.End is null && !_effects.OfType<AssignEffect>().Any(a => a.Worker == asked.Worker))
            _effects.Add(new NoWorkEffect(asked.Worker, _state.Policy.RetryAfter));
        return (_state, _effects.ToImmutable());
    }

    private void AfterEnd(JobEvent cause)
    {
        switch (cause)
        {
            case BlockDone done:
                _effects.Add(new AcknowledgeEffect(done.Worker, done.Block, done.Attempt, Accepted: false));
                break;
            case BlockErred erred:
                _effects.Add(new AcknowledgeEffect(erred.Worker, erred.Block, erred.Attempt, Accepted: false));
                break;
            case WorkerLost lost:
                _state = _state with { Workers = _state.Workers.Remove(lost.Worker) };
                break;
        }
    }

    private void Request(WorkRequested request)
    {
        if (_state.Workers.TryGetValue(request.Worker, out WorkerState? worker))
            SetWaiting(request.Worker, Math.Clamp(request.FreeSlots, 0, worker.Slots));
    }

    /// <summary>The worker gets nothing new until it asks again, and little time to show that it still computes.</summary>
    private void Doubt(WorkerDoubted doubted)
    {
        SetWaiting(doubted.Worker, 0);
        TimeSpan deadline = doubted.Now + _state.Policy.LeaseInDoubt;
        foreach ((BlockAddress block, LeasedBlock lease) in _state.LeasesOf(doubted.Worker).Where(held => held.Lease.Deadline > deadline).ToList())
            Put(block, lease with { Deadline = deadline });
    }

    private void SetWaiting(WorkerId id, int slots)
    {
        if (_state.Workers.TryGetValue(id, out WorkerState? worker))
            _state = _state with { Workers = _state.Workers.SetItem(id, worker with { Waiting = slots }) };
    }

    private void Renew(BlockProgressed report)
    {
        if (Lease(report) is { } lease)
            Put(report.Block, lease with { Share = Math.Clamp(report.Share, 0, 1), Deadline = report.Now + _state.Policy.Lease });
        else if (Find(report.Block) is not CommittedBlock)
            _effects.Add(new CancelEffect(report.Worker, report.Block, report.Attempt));
    }

    private void Commit(BlockDone report)
    {
        if (Lease(report) is not { } lease)
        {
            bool same = Find(report.Block) is CommittedBlock committed && committed.Result.Blob.Uri == report.Result.Blob.Uri;
            _effects.Add(new AcknowledgeEffect(report.Worker, report.Block, report.Attempt, Accepted: same));
            // Nobody counts on a refused result, unless it is a repeated report whose stage has long been reduced.
            if (!same && report.Epoch == _state.Epoch && IsCurrent(report.Block))
                _effects.Add(new DropEffect([report.Result.Blob]));
            return;
        }
        Put(report.Block, new CommittedBlock(lease.Attempt, lease.FailedOn, report.Worker, report.Result));
        _state = _state with { Committed = _state.Committed + 1 };
        _effects.Add(new AcknowledgeEffect(report.Worker, report.Block, report.Attempt, Accepted: true));
        TensorState tensor = _state.Tensors[report.Block.Tensor];
        if (!tensor.AllCommitted)
            return;
        Put(tensor with { Reducing = true });
        _effects.Add(new ReduceEffect(tensor.Plan, tensor.Fit, tensor.Results));
    }

    private void Fail(BlockErred report)
    {
        _effects.Add(new AcknowledgeEffect(report.Worker, report.Block, report.Attempt, Accepted: Lease(report) is not null));
        if (Lease(report) is not { } lease)
            return;
        if (report.Kind == FailureKind.BadData)
            Finish(new JobEnd(report.Code, report.Detail));
        else
            Requeue(report.Block, lease, report.Worker, report.Code, report.Detail);
    }

    private void Expire(TimeSpan now)
    {
        foreach ((BlockAddress block, LeasedBlock lease) in _state.Leases.Where(held => held.Lease.Deadline <= now).ToList())
        {
            _effects.Add(new CancelEffect(lease.Worker, block, lease.Attempt));
            // Whatever it asked for before, its slot may hang.
            SetWaiting(lease.Worker, 0);
            Requeue(block, lease, lease.Worker, ExitCode.Resumable, "no sign of progress before its lease ran out");
        }
    }

    private void Release(WorkerId worker, string cause)
    {
        foreach ((BlockAddress block, LeasedBlock lease) in _state.LeasesOf(worker).ToList())
            Requeue(block, lease, worker, ExitCode.Resumable, cause);
    }

    /// <summary>The block is due again, or poison.</summary>
    private void Requeue(BlockAddress block, BlockState failed, WorkerId worker, ExitCode code, string why)
    {
        if (_state.End is not null)
            return;
        ImmutableHashSet<WorkerId> failedOn = failed.FailedOn.Add(worker);
        bool noOtherWorker = _state.Workers.Keys.All(failedOn.Contains);
        if (failed.Attempt >= _state.Policy.MostAttempts && (failedOn.Count > 1 || noOtherWorker))
        {
            TensorPlan plan = _state.Tensors[block.Tensor].Plan;
            Finish(new JobEnd(code, string.Create(CultureInfo.InvariantCulture,
                $"tensor \"{plan.Name}\", {block.Stage}, block {block.Block} (rows from {plan.Partition.FirstRow(block.Block)}) failed {failed.Attempt} times on {failedOn.Count} worker(s), at last on {worker}: {why}")));
            return;
        }
        Put(block, new PendingBlock(failed.Attempt + 1, failedOn));
        _state = _state with { Retries = _state.Retries + 1 };
    }

    private void Advance(ReductionDone reduced)
    {
        TensorState tensor = _state.Tensors[reduced.Tensor];
        if (!tensor.Reducing || tensor.Fit.Stage != reduced.Stage)
            return;
        Put(TensorState.At(tensor.Plan, reduced.Next));
        if (!reduced.Next.Superseded.IsEmpty)
            _effects.Add(new DropEffect(reduced.Next.Superseded));
        if (_state.Tensors.All(t => t.Fit.IsDone))
            Finish(JobEnd.Done);
    }

    private void Repair(ReductionFailed failed)
    {
        TensorState tensor = _state.Tensors[failed.Tensor];
        if (!tensor.Reducing || tensor.Fit.Stage != failed.Stage)
            return;
        int block = failed.Corrupt is null ? -1 : tensor.IndexOf(failed.Corrupt);
        if (block < 0)
        {
            Finish(new JobEnd(failed.Code, failed.Detail));
            return;
        }
        var broken = (CommittedBlock)tensor.Blocks[block];
        Put(tensor with { Reducing = false });
        _state = _state with { Committed = _state.Committed - 1 };
        Requeue(tensor.Address(block), broken, broken.Worker, failed.Code, failed.Detail);
    }

    /// <summary>Hands due blocks, in plan and row order, to the workers that wait.</summary>
    private void Offer(TimeSpan now)
    {
        if (_state.End is not null || _state.Workers.Values.All(worker => worker.Waiting == 0))
            return;
        Dictionary<WorkerId, int> held = _state.Leases.GroupBy(lease => lease.Lease.Worker).ToDictionary(leases => leases.Key, leases => leases.Count());
        foreach (TensorState tensor in _state.Tensors.Where(t => !t.Fit.IsDone).Take(_state.Policy.TensorWindow))
        {
            for (int block = 0; block < tensor.Blocks.Length; block++)
            {
                if (tensor.Blocks[block] is not PendingBlock pending || Taker(pending, held) is not { } taker)
                    continue;
                Put(tensor.Address(block), new LeasedBlock(pending.Attempt, pending.FailedOn, taker, now + _state.Policy.Lease, 0));
                held[taker] = held.GetValueOrDefault(taker) + 1;
                SetWaiting(taker, _state.Workers[taker].Waiting - 1);
                _effects.Add(new AssignEffect(taker, tensor.Address(block), pending.Attempt));
            }
        }
    }

    /// <summary>The waiting worker with most free slots, one the block has not failed on if there is any in contact.</summary>
    /// <param name="held">Leases of each worker that has any.</param>
    private WorkerId? Taker(PendingBlock block, Dictionary<WorkerId, int> held)
    {
        bool anyFresh = _state.Workers.Keys.Any(worker => !block.FailedOn.Contains(worker));
        bool mustBeFresh = anyFresh && block.Attempt > _state.Policy.MostAttempts;
        WorkerId? taker = null;
        (bool Fresh, int Free) best = default;
        foreach ((WorkerId id, WorkerState worker) in _state.Workers)
        {
            (bool Fresh, int Free) offer = (!block.FailedOn.Contains(id), Math.Min(worker.Waiting, worker.Slots - held.GetValueOrDefault(id)));
            if (offer.Free <= 0 || mustBeFresh && !offer.Fresh || taker is not null && offer.CompareTo(best) <= 0)
                continue;
            (taker, best) = (id, offer);
        }
        return taker;
    }

    private void Finish(JobEnd end)
    {
        foreach ((BlockAddress block, LeasedBlock lease) in _state.Leases)
            _effects.Add(new CancelEffect(lease.Worker, block, lease.Attempt));
        _state = _state with { End = end };
        _effects.Add(new FinishEffect(end));
    }

    /// <summary>The lease a report speaks of, if it still holds.</summary>
    private LeasedBlock? Lease(BlockReport report) =>
        report.Epoch == _state.Epoch && Find(report.Block) is LeasedBlock lease && lease.Worker == report.Worker && lease.Attempt == report.Attempt
            ? lease
            : null;

    private BlockState? Find(BlockAddress block) => IsCurrent(block) ? _state.Tensors[block.Tensor].Blocks[block.Block] : null;

    private bool IsCurrent(BlockAddress block) =>
        block.Tensor >= 0 && block.Tensor < _state.Tensors.Length
        && _state.Tensors[block.Tensor] is { } tensor && tensor.Fit.Stage == block.Stage
        && block.Block >= 0 && block.Block < tensor.Blocks.Length;

    private void Put(BlockAddress block, BlockState state) => Put(_state.Tensors[block.Tensor].With(block.Block, state));

    private void Put(TensorState tensor) => _state = _state with { Tensors = _state.Tensors.SetItem(tensor.Plan.Index, tensor) };
}
