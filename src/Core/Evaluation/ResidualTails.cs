using System.Collections.Immutable;
using ClusterLp.Core.Kernels;
using ClusterLp.Core.LpFit;
using MathNet.Numerics;

namespace ClusterLp.Core.Evaluation;

/// <summary>How a residual's entries fall off, and the generalised Gaussian fitted to them.</summary>
public static class ResidualTails
{
    private const int Points = 80;

    /// <summary>Of rows (count x d) of a residual.</summary>
    /// <param name="residual">Row-major float32.</param>
    /// <param name="d">Columns.</param>
    /// <param name="unit">What sizes are divided by; 0 where there is no residual.</param>
    internal static ResidualTail Of(float[] residual, int d, double unit)
    {
        double[] weights = new double[residual.Length / d];
        Array.Fill(weights, 1);
        double shape = GeneralisedGaussian.Shape(residual, d, weights);
        float[] sizes = Array.ConvertAll(residual, Math.Abs);
        Array.Sort(sizes);
        if (unit == 0 || sizes[^1] == 0)
            return new ResidualTail([], shape, 0, null);
        // The likeliest scale given the shape: s^b = b mean |r|^b.
        double scale = Math.Pow(shape * PowerSums.AbsolutePower(residual, shape) / residual.Length, 1 / shape);
        var points = ImmutableArray.CreateBuilder<TailPoint>();
        int last = 0;
        for (int i = 0; i < Points; i++)
        {
            // From the largest entry to all of them, in equal steps of the logarithm.
            int rank = (int)Math.Round(Math.Pow(sizes.Length, i / (Points - 1.0)));
            if (rank == last || sizes[^rank] == 0)
                continue;
            points.Add(new TailPoint(sizes[^rank] / unit, rank / (double)sizes.Length));
            last = rank;
        }
        return new ResidualTail(points.ToImmutable(), shape, scale / unit, GeneralisedGaussian.TailIndex(residual, d, weights));
    }

    /// <summary>P(|r| > size) for the generalised Gaussian of a shape and scale: Gamma(1/b, (size/s)^b) / Gamma(1/b).</summary>
    public static double Survival(double size, double shape, double scale) =>
        size <= 0 ? 1 : SpecialFunctions.GammaUpperRegularized(1 / shape, Math.Pow(size / scale, shape));
}
