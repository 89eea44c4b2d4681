using System.Collections;
using System.Collections.Immutable;

namespace ClusterLp.Core.Jobs.State;

/// <summary>
/// The blocks of one stage in row order, and which of them are due or leased. Immutable: a change costs O(log blocks) and
/// leaves the old table as it was, so that a job of a million blocks takes no longer over an event than one of a hundred.
/// </summary>
public sealed class BlockTable : IReadOnlyList<BlockState>
{
    private readonly ImmutableList<BlockState> _blocks;

    private BlockTable(ImmutableList<BlockState> blocks, ImmutableSortedSet<int> pending, ImmutableSortedSet<int> leased) =>
        (_blocks, Pending, Leased) = (blocks, pending, leased);

    /// <summary>A stage before its first block: all are due.</summary>
    public static BlockTable Fresh(int count, PendingBlock each) =>
        new(ImmutableList.CreateRange<BlockState>(Enumerable.Repeat(each, count)), [.. Enumerable.Range(0, count)], []);

    public int Count => _blocks.Count;

    public BlockState this[int block] => _blocks[block];

    /// <summary>Blocks that wait for a worker.</summary>
    public ImmutableSortedSet<int> Pending { get; }

    /// <summary>Blocks in a worker's hands.</summary>
    public ImmutableSortedSet<int> Leased { get; }

    /// <summary>How many are committed.</summary>
    public int Committed => Count - Pending.Count - Leased.Count;

    public BlockTable With(int block, BlockState state) => new(
        _blocks.SetItem(block, state),
        state is PendingBlock ? Pending.Add(block) : Pending.Remove(block),
        state is LeasedBlock ? Leased.Add(block) : Leased.Remove(block));

    public IEnumerator<BlockState> GetEnumerator() => _blocks.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
