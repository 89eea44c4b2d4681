namespace ClusterLp.Core.LinearAlgebra.Managed;

internal static class Rounding
{
    /// <summary>2^-52: the distance from 1 to the next float64.</summary>
    public const double Epsilon = 1.0 / (1L << 52);
}
