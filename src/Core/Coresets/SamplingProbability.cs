namespace ClusterLp.Core.Coresets;

/// <summary>
/// q_i = 1/2 w_i / sum w + 1/2 c_i ||a_i|| / sum c ||a||, the sums over ALL rows of the matrix (DESIGN 2.2 step 3): sums over
/// one block would favour blocks of unimportant rows.
/// </summary>
/// <param name="WeightSum">sum w_i > 0, Lewis weights.</param>
/// <param name="NormSum">sum c_i ||a_i||; where it is 0, Lewis weights alone decide.</param>
public readonly record struct SamplingProbability(double WeightSum, double NormSum)
{
    /// <summary>q_i of a row with Lewis weight w_i and weighted norm c_i ||a_i||; all rows' add up to 1.</summary>
    public double Of(double lewisWeight, double weightedNorm) => NormSum > 0
        ? 0.5 * lewisWeight / WeightSum + 0.5 * weightedNorm / NormSum
        : lewisWeight / WeightSum;
}
