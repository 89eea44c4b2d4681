namespace ClusterLp.Core.Jobs;

/// <summary>
/// The fixed cut of n rows into blocks of <see cref="BlockRows"/> rows (the last may be shorter). It depends on the
/// matrix and the job alone, never on the workers, so that every reduction has one order.
/// </summary>
public readonly record struct BlockPartition(long Rows, int BlockRows)
{
    /// <summary>Number of blocks.</summary>
    public int Count => checked((int)((Rows + BlockRows - 1) / BlockRows));

    /// <summary>First row of block <paramref name="block"/> (0-based).</summary>
    public long FirstRow(int block) => (long)block * BlockRows;

    /// <summary>Rows in block <paramref name="block"/>.</summary>
    public int RowCount(int block) => (int)Math.Min(BlockRows, Rows - FirstRow(block));

    /// <summary>
    /// Block height by default: about 32 blocks, so that a few workers stay evenly busy; at least 2 d rows, so that a
    /// block's d x d Gram stays smaller than its data; at most 16 MiB of float32 (one block, at least 512 rows, is what
    /// a worker slot holds in memory).
    /// </summary>
    public static int DefaultBlockRows(long rows, int columns)
    {
        long atMost = Math.Max(512, (16L << 20) / sizeof(float) / columns);
        long atLeast = Math.Min(Math.Max(512, 2L * columns), atMost);
        long even = (rows + 31) / 32;
        return (int)Math.Min(Math.Max(1, rows), Math.Clamp(even, atLeast, atMost));
    }
}
