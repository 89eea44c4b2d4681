using ClusterLp.Core.Jobs.Blobs;

namespace ClusterLp.Core.Jobs.Steps;

/// <summary>
/// What every block of a stage multiplies by (a basis, an inverse factor): read, verified and packed once a process instead
/// of once a block. Found by content (checksum), so that two jobs cannot disturb each other. Thread-safe.
/// </summary>
internal static class SharedOperands
{
    /// <summary>A stage needs five at most: our basis, V as stored, the SVD's basis, a sample of columns, and which rows are stored exactly.</summary>
    private const int Kept = 5;

    /// <summary>The SVD's basis and ours.</summary>
    private const int KeptMade = 2;

    private static readonly Lock Gate = new();
    private static readonly Queue<(BlobRef Blob, float[] Rows)> Fresh = [];
    private static readonly List<(BlobRef Blob, string Use, object Operand)> Held = [];

    /// <summary>Keeps the rows of a basis that were just written, for the blocks that will read it; those kept before make room.</summary>
    public static void Keep(BlobRef blob, float[] rows)
    {
        lock (Gate)
        {
            if (Fresh.Count == KeptMade)
                Fresh.Dequeue();
            Fresh.Enqueue((blob, rows));
        }
    }

    /// <summary>Rows that were kept; null: none of this blob.</summary>
    public static float[]? Made(BlobRef blob)
    {
        lock (Gate)
            return Fresh.FirstOrDefault(made => made.Blob == blob).Rows;
    }

    /// <summary>The operand made of a blob, from memory where it is there.</summary>
    /// <param name="blob">The blob.</param>
    /// <param name="use">What it is made for, and what else it depends on.</param>
    /// <param name="make">Makes it otherwise, and the other threads wait, wanting the same as a rule. The result must be immutable.</param>
    /// <param name="most">Held for this use: few of what is large and new in every round.</param>
    /// <exception cref="BlobCorruptException">It is not there and the blob is missing or altered.</exception>
    public static T Get<T>(BlobRef blob, string use, Func<T> make, int most = Kept) where T : class
    {
        lock (Gate)
        {
            int at = Held.FindIndex(held => held.Blob == blob && held.Use == use);
            (BlobRef, string, object Operand) found = at >= 0 ? Held[at] : (blob, use, make());
            if (at >= 0)
                Held.RemoveAt(at);
            else if (Held.Count(held => held.Use == use) >= most)
                Held.RemoveAt(Held.FindIndex(held => held.Use == use));
            else if (Held.Count == Kept)
                Held.RemoveAt(0);
            Held.Add(found);
            return (T)found.Operand;
        }
    }
}
