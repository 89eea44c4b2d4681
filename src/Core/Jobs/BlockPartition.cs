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
    /// Block height by default: about 32 blocks, so that a few workers stay evenly busy; but at least 4 d rows, or 2 d where there
    /// would be fewer than 8 blocks, so that a block's d x d Gram, which is written, hashed and read, is much smaller than its
    /// data; at most 16 MiB of float32, or 512 rows (one block is what a worker slot holds in memory). All of one height, nearly, and a
    /// multiple of 4 where there are more.
    /// </summary>
    public static int DefaultBlockRows(long rows, int columns)
    {
        long atMost = Math.Max(512, (16L << 20) / sizeof(float) / columns);
        long atLeast = Math.Min(Math.Max(512, Math.Clamp(rows / 8, 2L * columns, 4L * columns)), atMost);
        long about = Math.Clamp((rows + 31) / 32, atLeast, atMost);
        long blocks = Math.Max(1, (rows + about - 1) / about);
        // Of 17 blocks the last leaves one of two cores idle: fewer if they may be as high, else more.
        long fewer = blocks / 4 * 4;
        if (blocks > 4)
            blocks = fewer >= (rows + atMost - 1) / atMost ? fewer : fewer + 4;
        return (int)Math.Max(1, (rows + blocks - 1) / blocks);
    }
}
