namespace ClusterLp.Cli.Demo;

/// <summary>
/// A stream of random numbers named by (seed, stream): SplitMix64 (Steele, Lea and Flood 2014) started at a hash of both,
/// so that rows can be drawn in any order by any thread.
/// </summary>
internal struct RandomStream(ulong seed, ulong stream)
{
    private ulong _state = Mix(Mix(seed + 0x9E3779B97F4A7C15) ^ Mix(stream + 0xD1B54A32D192ED03));

    /// <summary>Uniform in the open interval (0, 1).</summary>
    public double NextUniform()
    {
        _state += 0x9E3779B97F4A7C15;
        return ((Mix(_state) >> 11) + 0.5) * (1.0 / (1UL << 53));
    }

    /// <summary>Standard normal numbers, two from each pair of uniforms (Box and Muller 1958).</summary>
    public void FillNormal(Span<float> destination)
    {
        for (int i = 0; i < destination.Length; i += 2)
        {
            double radius = Math.Sqrt(-2 * Math.Log(NextUniform()));
            (double sin, double cos) = Math.SinCos(2 * Math.PI * NextUniform());
            destination[i] = (float)(radius * cos);
            if (i + 1 < destination.Length)
                destination[i + 1] = (float)(radius * sin);
        }
    }

    /// <summary>Student-t with 3 degrees of freedom, by the polar form of Bailey (1994): sqrt(3 (u^-2/3 - 1)) cos(2 pi v).</summary>
    public double NextStudent3()
    {
        double root = Math.Cbrt(NextUniform());
        return Math.Sqrt(3 * (1 / (root * root) - 1)) * Math.Cos(2 * Math.PI * NextUniform());
    }

    private static ulong Mix(ulong z)
    {
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
}
