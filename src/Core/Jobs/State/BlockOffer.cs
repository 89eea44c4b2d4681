using System.Collections.Immutable;

namespace ClusterLp.Core.Jobs.State;

/// <summary>Hands due blocks, in plan and row order, to the workers that wait; then second copies of slow ones. Used once.</summary>
internal sealed class BlockOffer
{
    /// <summary>Blocks whose times the median is of, at most.</summary>
    private const int MostAsked = 1024;

    private readonly TimeSpan _now;
    private readonly Dictionary<WorkerId, int> _held;
    private readonly List<AssignEffect> _assigned = [];
    private JobState _state;
    private int _free;

    private BlockOffer(JobState state, TimeSpan now)
    {
        (_state, _now) = (state, now);
        _held = state.Leases.GroupBy(held => held.Lease.Worker).ToDictionary(leases => leases.Key, leases => leases.Count());
        _free = state.Workers.Sum(worker => Math.Max(0, Free(worker.Key, worker.Value)));
    }

    /// <summary>The state with the leases given, and what to tell their holders.</summary>
    public static (JobState State, IReadOnlyList<AssignEffect> Assigned) Make(JobState state, TimeSpan now)
    {
        if (state.Workers.Values.All(worker => worker.Waiting == 0))
            return (state, []);
        var offer = new BlockOffer(state, now);
        offer.GivePending();
        offer.GiveSecondCopies();
        return (offer._state, offer._assigned);
    }

    private IEnumerable<TensorState> Window => _state.Tensors.Where(tensor => !tensor.Fit.IsDone && tensor.Fit.Stage.Kind != StageKind.Allot).Take(_state.Policy.TensorWindow);

    private void GivePending()
    {
        foreach (TensorState tensor in Window.ToList())
        {
            if (!tensor.Homes.IsEmpty)
                GiveHome(tensor);
            foreach (int block in _state.Tensors[tensor.Plan.Index].Blocks.Pending)
            {
                if (_free == 0)
                    return;
                TensorState now = _state.Tensors[tensor.Plan.Index];
                if (Taker(now.Blocks[block], worker => MayAdopt(now, block, worker)) is { } taker)
                    Give(tensor.Plan.Index, block, taker, []);
            }
        }
    }

    /// <summary>Blocks go first to the workers that remember them.</summary>
    private void GiveHome(TensorState tensor)
    {
        foreach (int block in tensor.Blocks.Pending)
            if (_free > 0 && tensor.Homes[block] is { } home && Taker(tensor.Blocks[block], worker => worker == home) is { } taker)
                Give(tensor.Plan.Index, block, taker, []);
    }

    /// <summary>
    /// Whether a worker may take a due block that another remembers: only where that one is gone, neither asks nor computes,
    /// or has more than its share of the tensor's blocks and this one has not. Whoever adopts a block replays it.
    /// </summary>
    private bool MayAdopt(TensorState tensor, int block, WorkerId worker)
    {
        if (tensor.Homes.IsEmpty || tensor.Homes[block] is not { } home || home == worker || tensor.Blocks[block].FailedOn.Contains(home)
            || !_state.Workers.TryGetValue(home, out WorkerState? owner) || owner.Waiting == 0 && _held.GetValueOrDefault(home) == 0)
            return true;
        return Holds(home) > Share(home) && Holds(worker) < Share(worker);

        int Holds(WorkerId id) => tensor.Blocks.Where((state, i) => state switch
        {
            LeasedBlock leased => leased.Leases.Any(lease => lease.Worker == id),
            CommittedBlock committed => committed.Worker == id,
            _ => tensor.Homes[i] == id,
        }).Count();

        double Share(WorkerId id) => Math.Ceiling((double)tensor.Blocks.Count * _state.Workers[id].Slots / _state.Workers.Values.Sum(w => w.Slots));
    }

    private void GiveSecondCopies()
    {
        foreach (TensorState tensor in Window.ToList())
        {
            if (_free == 0)
                return;
            List<int> old = [.. tensor.Blocks.Leased.Where(block => Age(tensor, block) > _state.Policy.StragglerAfter)];
            if (old.Count == 0 || SlowAfter(tensor) is not { } slow)
                continue;
            foreach (int block in old)
                if (Age(tensor, block) > slow && tensor.Blocks[block] is LeasedBlock { Leases: [var only] } leased
                    && Taker(leased, worker => worker != only.Worker) is { } taker)
                    Give(tensor.Plan.Index, block, taker, leased.Leases);
        }
    }

    /// <summary>How long a block's only holder has had it; nothing where it has two.</summary>
    private TimeSpan Age(TensorState tensor, int block) =>
        tensor.Blocks[block] is LeasedBlock { Leases: [var only] } ? _now - only.Since : TimeSpan.Zero;

    /// <summary>
    /// How long a block of the tensor's stage may take before it is slow; null while too few have been committed. The median
    /// is of blocks spread evenly where there are many.
    /// </summary>
    private TimeSpan? SlowAfter(TensorState tensor)
    {
        if (2 * tensor.Blocks.Committed < tensor.Blocks.Count)
            return null;
        int step = (tensor.Blocks.Count + MostAsked - 1) / MostAsked;
        TimeSpan[] took = [.. Enumerable.Range(0, (tensor.Blocks.Count + step - 1) / step)
            .Select(i => (tensor.Blocks[i * step] as CommittedBlock)?.Took).OfType<TimeSpan>().Order()];
        if (took.Length == 0)
            return null;
        TimeSpan usual = _state.Policy.StragglerFactor * took[took.Length / 2];
        return usual > _state.Policy.StragglerAfter ? usual : _state.Policy.StragglerAfter;
    }

    private void Give(int tensor, int block, WorkerId taker, ImmutableArray<Lease> leases)
    {
        TensorState owner = _state.Tensors[tensor];
        BlockState state = owner.Blocks[block];
        int attempt = state.Attempts + 1;
        var lease = new Lease(taker, attempt, _now, _now + _state.Policy.Lease, 0);
        WorkerState worker = _state.Workers[taker];
        _state = _state with
        {
            Tensors = _state.Tensors.SetItem(tensor, owner.With(block, new LeasedBlock(attempt, state.Failures, state.FailedOn, leases.Add(lease)))),
            Workers = _state.Workers.SetItem(taker, worker with { Waiting = worker.Waiting - 1 }),
            Speculative = _state.Speculative + leases.Length,
        };
        int before = Math.Max(0, Free(taker, worker));
        _held[taker] = _held.GetValueOrDefault(taker) + 1;
        _free += Math.Max(0, Free(taker, _state.Workers[taker])) - before;
        _assigned.Add(new AssignEffect(taker, owner.Address(block), attempt));
    }

    /// <summary>Blocks the worker can take now, if any.</summary>
    private int Free(WorkerId id, WorkerState worker) => Math.Min(worker.Waiting, worker.Slots - _held.GetValueOrDefault(id));

    /// <summary>Of the workers that may, the waiting one with most free slots, one the block has not failed on if there is any in contact.</summary>
    private WorkerId? Taker(BlockState block, Func<WorkerId, bool> may)
    {
        bool anyFresh = _state.Workers.Keys.Any(worker => !block.FailedOn.Contains(worker));
        bool mustBeFresh = anyFresh && block.Failures >= _state.Policy.MostFailures;
        WorkerId? taker = null;
        (bool Fresh, int Free) best = default;
        foreach ((WorkerId id, WorkerState worker) in _state.Workers)
        {
            (bool Fresh, int Free) offer = (!block.FailedOn.Contains(id), Free(id, worker));
            if (offer.Free <= 0 || mustBeFresh && !offer.Fresh || taker is not null && offer.CompareTo(best) <= 0 || !may(id))
                continue;
            (taker, best) = (id, offer);
        }
        return taker;
    }
}
