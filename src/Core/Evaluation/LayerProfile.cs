using System.Collections.Immutable;

namespace ClusterLp.Core.Evaluation;

/// <summary>Relative l_p errors at one rank, on a sample of rows: (sum |r|^p / sum |a|^p)^(1/p).</summary>
/// <param name="Svd">Of the SVD of that rank.</param>
/// <param name="Regressed">With the SVD's V and U by row-wise l_p regression, which a fitted V can only improve on.</param>
public sealed record RankPoint(int Rank, double Svd, double Regressed);

/// <summary>A share of the sampled residual entries is larger than a size, in units of the SVD residual's root mean square.</summary>
public sealed record TailPoint(double Size, double Share);

/// <summary>A residual's distribution.</summary>
/// <param name="Points">Survival function, from the largest entry down.</param>
/// <param name="Shape">b of the likeliest generalised Gaussian, exp(-|r / s|^b), in [1, 2].</param>
/// <param name="Scale">Its s, in the same units.</param>
/// <param name="TailIndex">Hill's estimate from the largest 1 %; null where nothing is left.</param>
public sealed record ResidualTail(ImmutableArray<TailPoint> Points, double Shape, double Scale, double? TailIndex);

/// <summary>Relative row errors ||a - b|| / ||a|| over all rows but those of zeros.</summary>
/// <param name="Quantiles">At equal steps, from the smallest to the largest.</param>
/// <param name="Means">Root of the mean square in runs of consecutive rows, in order.</param>
public sealed record RowErrors(ImmutableArray<double> Quantiles, ImmutableArray<double> Means);

/// <summary>What a report draws of one layer.</summary>
public sealed record LayerProfile
{
    public required string Name { get; init; }
    /// <summary>A wide layer, profiled as its transpose, which is what was fitted: its rows are the layer's columns.</summary>
    public required bool Transposed { get; init; }
    public required long Rows { get; init; }
    public required int Columns { get; init; }
    public required int Rank { get; init; }
    /// <summary>Rank of the SVD beside it, which takes as much room: another one where more than U and V is stored.</summary>
    public required int SvdRank { get; init; }
    public required double P { get; init; }
    /// <summary>Which SVD rows and residuals are compared with, as in <see cref="LayerFidelity.Baseline"/>.</summary>
    public required string Baseline { get; init; }
    /// <summary>Of A, descending.</summary>
    public required ImmutableArray<double> SingularValues { get; init; }
    /// <summary>Rows the curve and the tails are measured on.</summary>
    public required int SampleRows { get; init; }
    /// <summary>By rank, ascending.</summary>
    public required ImmutableArray<RankPoint> Curve { get; init; }
    public required ResidualTail OursTail { get; init; }
    public required ResidualTail SvdTail { get; init; }
    public required RowErrors OursRows { get; init; }
    public required RowErrors SvdRows { get; init; }

    /// <summary>||A - SVD of rank k||_F / ||A||_F for k = 0 to d, exactly, from the singular values.</summary>
    public ImmutableArray<double> SvdFrobenius()
    {
        var errors = new double[SingularValues.Length + 1];
        double tail = 0;
        for (int k = SingularValues.Length - 1; k >= 0; k--)
            errors[k] = tail += SingularValues[k] * SingularValues[k];
        double all = errors[0];
        return [.. errors.Select(squares => all > 0 ? Math.Sqrt(squares / all) : 0)];
    }
}
