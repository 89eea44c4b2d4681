using System.Collections.Immutable;
using ClusterLp.Core.Jobs.Blobs;

namespace ClusterLp.Core.Jobs.State;

/// <summary>
/// A worker as the job knows it: slots in all, and for how many of them it asked for a block. Of these, slots that still
/// hold a block do not count: a request may overtake the result of the block before.
/// </summary>
/// <param name="Committed">Blocks of its that count, since it joined.</param>
public sealed record WorkerState(int Slots, int Waiting, int Committed = 0);

/// <summary>
/// A job's whole state and its one transition function. Pure: no clock, no I/O, no actors; the same events give the same
/// states and effects. Rules: a block has one lease, or two where the first holder is slow; its first result is committed
/// and later ones are acknowledged and dropped; a lost, silent or failed worker's block is due again with the next attempt;
/// results go to the reduction in block order, whatever their order of arrival; what is committed or reduced is recorded
/// before anybody is told.
/// </summary>
public sealed record JobState
{
    public required JobId Id { get; init; }
    /// <summary>Reports of other epochs are refused.</summary>
    public required Epoch Epoch { get; init; }
    public required JobPolicy Policy { get; init; }
    /// <summary>In plan order.</summary>
    public required ImmutableArray<TensorState> Tensors { get; init; }
    /// <summary>Workers in contact, in order of their ids, so that hand-outs do not depend on hashing.</summary>
    public ImmutableSortedDictionary<WorkerId, WorkerState> Workers { get; init; } =
        ImmutableSortedDictionary.Create<WorkerId, WorkerState>(Comparer<WorkerId>.Create((a, b) => string.CompareOrdinal(a.Value, b.Value)));
    /// <summary>Blocks committed, those of earlier epochs included.</summary>
    public int Committed { get; init; }
    /// <summary>Of these, blocks that earlier epochs had committed.</summary>
    public int Kept { get; init; }
    /// <summary>Times a block that nobody held any more had to be handed out again.</summary>
    public int Retries { get; init; }
    /// <summary>Times a slow block was handed out to a second worker too.</summary>
    public int Speculative { get; init; }
    /// <summary>Who did what when.</summary>
    public RunTimeline Timeline { get; init; } = RunTimeline.Empty;
    /// <summary>Set once the job is over; every later event only acknowledges and dismisses.</summary>
    public JobEnd? End { get; init; }

    /// <summary>The job before its first event.</summary>
    public static JobState Begin(JobPlan plan, Func<TensorPlan, FitState> begin, Epoch epoch, JobPolicy policy) => new()
    {
        Id = plan.Id,
        Epoch = epoch,
        Policy = policy,
        Tensors = [.. plan.Tensors.Select(tensor => TensorState.Begin(tensor, begin(tensor)))],
    };

    public JobProgress Progress
    {
        get
        {
            ILookup<WorkerId, BlockAddress> held = Leases.ToLookup(lease => lease.Lease.Worker, lease => lease.Block);
            return new JobProgress([.. Tensors.Select(tensor => tensor.Progress)], Workers.Count, Committed, Retries, Kept)
            {
                Speculative = Speculative,
                Members = [.. Workers.Select(worker => new WorkerProgress(worker.Key.Value, worker.Value.Slots, held[worker.Key].Count(), worker.Value.Committed))],
            };
        }
    }

    /// <summary>The state after <paramref name="cause"/>, and what is to be done about it, in order.</summary>
    public (JobState State, ImmutableArray<JobEffect> Effects) Apply(JobEvent cause) => new JobTransition(this).Apply(cause);

    /// <summary>Leases that <paramref name="worker"/> holds.</summary>
    public IEnumerable<(BlockAddress Block, Lease Lease)> LeasesOf(WorkerId worker) =>
        Leases.Where(held => held.Lease.Worker == worker);

    /// <summary>Every lease.</summary>
    public IEnumerable<(BlockAddress Block, Lease Lease)> Leases =>
        from tensor in Tensors
        from block in tensor.Blocks.Leased
        from lease in ((LeasedBlock)tensor.Blocks[block]).Leases
        select (tensor.Address(block), lease);
}
