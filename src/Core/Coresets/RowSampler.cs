namespace ClusterLp.Core.Coresets;

/// <summary>
/// Decides how often a row enters the coreset, each row by itself: floor(e) copies and one more with probability e - floor(e),
/// e being the expected number. Blocks need no coordination, the number is unbiased, and its variance is the least possible.
/// </summary>
public static class RowSampler
{
    /// <summary>Copies of row <paramref name="row"/>; a function of its arguments alone.</summary>
    /// <param name="expected">e, 0 or more.</param>
    /// <param name="seed">The job's seed.</param>
    /// <param name="tensor">Index of the tensor in the job.</param>
    /// <param name="row">Row of the whole matrix, so that the cut into blocks does not matter.</param>
    public static int Copies(double expected, ulong seed, int tensor, long row)
    {
        double whole = Math.Floor(expected);
        return (int)whole + (Uniform(seed, tensor, row) < expected - whole ? 1 : 0);
    }

    /// <summary>A number in [0, 1) of 53 random bits: SplitMix64's finaliser over seed, tensor and row in turn.</summary>
    public static double Uniform(ulong seed, int tensor, long row) =>
        (Mix(Mix(Mix(seed) ^ (uint)tensor) ^ (ulong)row) >> 11) * (1.0 / (1UL << 53));

    // Steele, Lea and Flood 2014, "Fast splittable pseudorandom number generators".
    private static ulong Mix(ulong state)
    {
        ulong z = state + 0x9E3779B97F4A7C15;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
}
