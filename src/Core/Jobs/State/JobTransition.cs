using System.Collections.Immutable;
using ClusterLp.Core.Jobs.Blobs;
using ClusterLp.Core.Jobs.Checkpoints;

namespace ClusterLp.Core.Jobs.State;

/// <summary>One step of <see cref="JobState"/>: built, applied once and dropped.</summary>
internal sealed class JobTransition(JobState before)
{
    private readonly ImmutableArray<JobEffect>.Builder _effects = ImmutableArray.CreateBuilder<JobEffect>();
    private JobState _state = before;
    private TimeSpan _now;

    public (JobState, ImmutableArray<JobEffect>) Apply(JobEvent cause)
    {
        _now = cause.Now;
        if (_state.End is not null)
        {
            AfterEnd(cause);
            return (_state, _effects.ToImmutable());
        }
        switch (cause)
        {
            case JobStarted:
                Start();
                break;
            case WorkerRegistered registered:
                // A worker that registers again has lost its blocks: it may be a new process under the old name.
                Release(registered.Worker, "registered anew", orderly: false);
                int counted = _state.Workers.GetValueOrDefault(registered.Worker)?.Committed ?? 0;
                _state = _state with { Workers = _state.Workers.SetItem(registered.Worker, new WorkerState(registered.Slots, 0, counted)) };
                break;
            case WorkerLost lost:
                _state = _state with { Workers = _state.Workers.Remove(lost.Worker) };
                Release(lost.Worker, lost.Cause, lost.Orderly);
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
            case InputLost lost:
                if (IsAt(lost.Tensor, lost.Stage))
                    Rewind(_state.Tensors[lost.Tensor], lost.Blob, lost.Detail);
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
            case JobAborted aborted:
                Finish(aborted.Why);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(cause), cause, "unknown event");
        }
        if (_state.End is null)
        {
            (_state, IReadOnlyList<AssignEffect> assigned) = BlockOffer.Make(_state, cause.Now);
            _effects.AddRange(assigned);
        }
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

    private void Start()
    {
        foreach (TensorState tensor in _state.Tensors.Where(tensor => tensor.AllCommitted))
            Reduce(tensor);
        Allot();
        FinishIfDone();
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
        foreach ((BlockAddress block, Lease lease) in _state.LeasesOf(doubted.Worker).Where(held => held.Lease.Deadline > deadline).ToList())
            Replace(block, lease, lease with { Deadline = deadline });
    }

    private void SetWaiting(WorkerId id, int slots)
    {
        if (_state.Workers.TryGetValue(id, out WorkerState? worker))
            _state = _state with { Workers = _state.Workers.SetItem(id, worker with { Waiting = slots }) };
    }

    private void Renew(BlockProgressed report)
    {
        if (LeaseOf(report) is { } lease)
            Replace(report.Block, lease, lease with { Share = Math.Clamp(report.Share, 0, 1), Deadline = report.Now + _state.Policy.Lease });
        else if (Find(report.Block) is not CommittedBlock)
            _effects.Add(new CancelEffect(report.Worker, report.Block, report.Attempt));
    }

    private void Commit(BlockDone report)
    {
        if (LeaseOf(report) is not { } lease)
        {
            bool same = Find(report.Block) is CommittedBlock committed && committed.Result.Blob.Uri == report.Result.Blob.Uri;
            _effects.Add(new AcknowledgeEffect(report.Worker, report.Block, report.Attempt, Accepted: same));
            // Nobody counts on a refused result, unless it is a repeated report whose stage has long been reduced.
            if (!same && report.Epoch == _state.Epoch && IsAt(report.Block.Tensor, report.Block.Stage))
                _effects.Add(new DropEffect([report.Result.Blob]));
            return;
        }
        var block = (LeasedBlock)Find(report.Block)!;
        Put(report.Block, new CommittedBlock(
            block.Attempts, block.Failures, block.FailedOn, report.Worker, report.Attempt, report.Now - lease.Since, report.Result));
        _state = _state with { Committed = _state.Committed + 1 };
        if (_state.Workers.TryGetValue(report.Worker, out WorkerState? worker))
            _state = _state with { Workers = _state.Workers.SetItem(report.Worker, worker with { Committed = worker.Committed + 1 }) };
        WorkSpan span = Note(lease, report.Block, WorkKind.Blocks);
        _effects.Add(new RecordEffect(new CommitRecord(report.Block.Tensor, report.Block.Stage, report.Block.Block, report.Attempt, report.Result) { Span = span }));
        _effects.Add(new AcknowledgeEffect(report.Worker, report.Block, report.Attempt, Accepted: true));
        foreach (Lease other in block.Leases.Where(other => other != lease))
        {
            Note(other, report.Block, WorkKind.Lost);
            _effects.Add(new CancelEffect(other.Worker, report.Block, other.Attempt));
        }
        if (_state.Tensors[report.Block.Tensor] is { AllCommitted: true } tensor)
            Reduce(tensor);
    }

    private void Reduce(TensorState tensor)
    {
        Put(tensor with { Reducing = true, ReducingSince = _now });
        _effects.Add(new ReduceEffect(tensor.Plan, tensor.Fit, tensor.Rewinds, tensor.Results));
    }

    /// <summary>Once all tensors that share a budget are scanned, those that wait for a rank get it from all their spectra.</summary>
    private void Allot()
    {
        TensorState[] waiting = [.. _state.Tensors.Where(tensor => tensor.AwaitsRank)];
        TensorState[] sharing = [.. _state.Tensors.Where(tensor => tensor.Plan.SharedBudget is not null)];
        if (waiting.Length == 0 || sharing.Any(tensor => tensor.Fit.Spectrum is null))
            return;
        ImmutableArray<SharingTensor> spectra =
            [.. sharing.Select(tensor => new SharingTensor(tensor.Plan.Index, tensor.Plan.Rows, tensor.Plan.Columns, tensor.Fit.Spectrum!))];
        foreach (TensorState tensor in waiting)
        {
            Put(tensor with { Reducing = true });
            _effects.Add(new ReduceEffect(tensor.Plan, tensor.Fit with { Sharing = spectra }, tensor.Rewinds, []));
        }
    }

    private void Fail(BlockErred report)
    {
        Lease? held = LeaseOf(report);
        _effects.Add(new AcknowledgeEffect(report.Worker, report.Block, report.Attempt, Accepted: held is not null));
        if (held is not { } lease)
            return;
        if (report.Kind == FailureKind.BadData)
            Finish(new JobEnd(report.Code, report.Detail));
        else
            GiveUp(report.Block, lease, report.Code, report.Detail, orderly: false);
    }

    private void Expire(TimeSpan now)
    {
        foreach ((BlockAddress block, Lease lease) in _state.Leases.Where(held => held.Lease.Deadline <= now).ToList())
        {
            _effects.Add(new CancelEffect(lease.Worker, block, lease.Attempt));
            // Whatever it asked for before, its slot may hang.
            SetWaiting(lease.Worker, 0);
            GiveUp(block, lease, ExitCode.Resumable, "no sign of progress before its lease ran out", orderly: false);
        }
    }

    private void Release(WorkerId worker, string cause, bool orderly)
    {
        foreach ((BlockAddress block, Lease lease) in _state.LeasesOf(worker).ToList())
            GiveUp(block, lease, ExitCode.Resumable, cause, orderly);
    }

    /// <summary>An attempt came to nothing: its block is due again, still in another worker's hands, or poison.</summary>
    private void GiveUp(BlockAddress address, Lease lease, ExitCode code, string why, bool orderly)
    {
        if (_state.End is not null || Find(address) is not LeasedBlock block)
            return;
        Note(lease, address, WorkKind.Lost);
        int failures = orderly ? block.Failures : block.Failures + 1;
        ImmutableHashSet<WorkerId> failedOn = block.FailedOn.Add(lease.Worker);
        ImmutableArray<Lease> left = block.Leases.Remove(lease);
        if (left.IsEmpty && IsPoison(failures, failedOn))
        {
            TensorPlan plan = _state.Tensors[address.Tensor].Plan;
            Finish(new JobEnd(code, FormattableString.Invariant(
                $"tensor \"{plan.Name}\", {address.Stage}, block {address.Block} (rows from {plan.Partition.FirstRow(address.Block)}) failed {failures} times on {failedOn.Count} worker(s), at last on {lease.Worker}: {why}")));
            return;
        }
        Put(address, left.IsEmpty
            ? new PendingBlock(block.Attempts, failures, failedOn)
            : block with { Failures = failures, FailedOn = failedOn, Leases = left });
        if (left.IsEmpty)
            _state = _state with { Retries = _state.Retries + 1 };
    }

    private bool IsPoison(int failures, ImmutableHashSet<WorkerId> failedOn) =>
        failures >= _state.Policy.MostFailures && (failedOn.Count > 1 || _state.Workers.Keys.All(failedOn.Contains));

    private void Advance(ReductionDone reduced)
    {
        TensorState tensor = _state.Tensors[reduced.Tensor];
        if (!tensor.Reducing || tensor.Fit.Stage != reduced.Stage)
            return;
        WorkSpan span = Note(RunTimeline.Coordinator, tensor.Address(0), WorkKind.Reduction, tensor.ReducingSince);
        Put(tensor.Advance(reduced.Next));
        _effects.Add(new RecordEffect(new ReductionRecord(reduced.Tensor, reduced.Stage, reduced.Next) { Span = span }));
        _effects.Add(new SnapshotEffect(reduced.Next.Superseded));
        Allot();
        FinishIfDone();
    }

    private void FinishIfDone()
    {
        if (_state.Tensors.All(tensor => tensor.Fit.IsDone))
            Finish(JobEnd.Done);
    }

    private void Repair(ReductionFailed failed)
    {
        TensorState tensor = _state.Tensors[failed.Tensor];
        if (!tensor.Reducing || tensor.Fit.Stage != failed.Stage)
            return;
        if (failed.Corrupt is not { } blob)
        {
            Finish(new JobEnd(failed.Code, failed.Detail));
            return;
        }
        int index = tensor.IndexOf(blob);
        if (index < 0)
        {
            Lose(tensor, blob, failed.Detail);
            return;
        }
        var broken = (CommittedBlock)tensor.Blocks[index];
        ImmutableHashSet<WorkerId> failedOn = broken.FailedOn.Add(broken.Worker);
        if (IsPoison(broken.Failures + 1, failedOn))
        {
            Finish(new JobEnd(failed.Code, failed.Detail));
            return;
        }
        Put((tensor with { Reducing = false }).With(index, new PendingBlock(broken.Attempts, broken.Failures + 1, failedOn)));
        _state = _state with { Committed = _state.Committed - 1, Retries = _state.Retries + 1 };
    }

    /// <summary>A reduction could not read what an earlier stage found: whose it is starts over, which need not be who read it.</summary>
    private void Lose(TensorState reader, BlobRef blob, string detail)
    {
        TensorState? owner = reader.Fit.Stage.Kind == StageKind.Allot ? _state.Tensors.FirstOrDefault(tensor => tensor.Fit.Blobs.Contains(blob)) : reader;
        if (owner?.Plan.Index != reader.Plan.Index)
            Put(reader with { Reducing = false });
        // Without an owner it was started over since, for another reader's sake.
        if (owner is not null)
            Rewind(owner, blob, detail);
        if (_state.End is null)
            Allot();
    }

    /// <summary>What an earlier stage found is lost, and its blobs are gone: the tensor starts over.</summary>
    private void Rewind(TensorState tensor, BlobRef blob, string detail)
    {
        if (tensor.Rewinds >= _state.Policy.MostRewinds)
        {
            Finish(new JobEnd(ExitCode.Resumable, $"tensor \"{tensor.Plan.Name}\" was started over {tensor.Rewinds} times, and again a result of an earlier stage is damaged: {detail}"));
            return;
        }
        foreach ((BlockAddress block, Lease lease) in _state.Leases.Where(held => held.Block.Tensor == tensor.Plan.Index).ToList())
            _effects.Add(new CancelEffect(lease.Worker, block, lease.Attempt));
        Put(tensor.Rewind());
        _state = _state with { Retries = _state.Retries + 1 };
        _effects.Add(new RecordEffect(new RewindRecord(tensor.Plan.Index, blob.Uri)));
    }

    private void Finish(JobEnd end)
    {
        foreach ((BlockAddress block, Lease lease) in _state.Leases)
            _effects.Add(new CancelEffect(lease.Worker, block, lease.Attempt));
        _state = _state with { End = end };
        _effects.Add(new FinishEffect(end));
    }

    /// <summary>An attempt ended, one way or another.</summary>
    private WorkSpan Note(Lease lease, BlockAddress block, WorkKind kind) => Note(lease.Worker.Value, block, kind, lease.Since);

    private WorkSpan Note(string worker, BlockAddress block, WorkKind kind, TimeSpan since)
    {
        WorkSpan span = _state.Timeline.Span(worker, block, kind, since, _now);
        _state = _state with { Timeline = _state.Timeline.Add(span) };
        return span;
    }

    /// <summary>The lease a report speaks of, if it still holds.</summary>
    private Lease? LeaseOf(BlockReport report) => report.Epoch == _state.Epoch && Find(report.Block) is LeasedBlock block
        ? block.Leases.FirstOrDefault(lease => lease.Worker == report.Worker && lease.Attempt == report.Attempt)
        : null;

    private BlockState? Find(BlockAddress block) =>
        IsAt(block.Tensor, block.Stage) && block.Block >= 0 && block.Block < _state.Tensors[block.Tensor].Blocks.Count
            ? _state.Tensors[block.Tensor].Blocks[block.Block]
            : null;

    private bool IsAt(int tensor, StageId stage) => tensor >= 0 && tensor < _state.Tensors.Length && _state.Tensors[tensor].Fit.Stage == stage;

    private void Replace(BlockAddress address, Lease lease, Lease by)
    {
        var block = (LeasedBlock)Find(address)!;
        Put(address, block with { Leases = block.Leases.Replace(lease, by) });
    }

    private void Put(BlockAddress block, BlockState state) => Put(_state.Tensors[block.Tensor].With(block.Block, state));

    private void Put(TensorState tensor) => _state = _state with { Tensors = _state.Tensors.SetItem(tensor.Plan.Index, tensor) };
}
