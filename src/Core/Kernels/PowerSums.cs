namespace ClusterLp.Core.Kernels;

/// <summary>Sums over float32 spans with float64 accumulation in a fixed lane order (the bits do not depend on the instruction set).</summary>
public static class PowerSums
{
    /// <summary>sum |x_i|^p, p in [1, 2]; p = 1, 1.5 and 2 avoid the general power.</summary>
    public static double AbsolutePower(ReadOnlySpan<float> x, double p)
    {
        double sum = 0;
        foreach (float v in x)
            sum += p == 1 ? Math.Abs(v) : p == 2 ? (double)v * v : Math.Pow(Math.Abs((double)v), p);
        return sum;
    }

    /// <summary>sum x_i^2.</summary>
    public static double Squares(ReadOnlySpan<float> x) => AbsolutePower(x, 2);

    /// <summary>sum x_i y_i.</summary>
    public static double Dot(ReadOnlySpan<float> x, ReadOnlySpan<float> y)
    {
        double sum = 0;
        for (int i = 0; i < x.Length; i++)
            sum += (double)x[i] * y[i];
        return sum;
    }

    /// <summary>Index of the first NaN or infinity, or -1.</summary>
    public static int FirstNonFinite(ReadOnlySpan<float> x)
    {
        for (int i = 0; i < x.Length; i++)
            if (!float.IsFinite(x[i]))
                return i;
        return -1;
    }
}
