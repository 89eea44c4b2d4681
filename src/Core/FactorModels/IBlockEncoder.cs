using ClusterLp.Core.Jobs.Blobs;
using ClusterLp.Core.Kernels;
using ClusterLp.Core.LpFit;

namespace ClusterLp.Core.FactorModels;

/// <summary>Encodes the rows of one block, part by part and in order, and keeps what is stored of them.</summary>
internal interface IBlockEncoder
{
    /// <summary>The factors are the SVD's own, to the last bit: its errors need no second measurement.</summary>
    bool IsBaseline { get; }

    /// <summary>Told once, before the first rows: the nonzeros of all the block's rows, scaled, where the source has them so.</summary>
    SparseRows? Entries
    {
        set { }
    }

    /// <summary>Small sums of the block that <see cref="IFactorModel.Encoded"/> reads, once all rows are encoded.</summary>
    double[] Figures => [];

    /// <summary>
    /// Encodes some rows, rounds what is stored of them to the factors' element type, and gives what a reader of those bytes will
    /// lack: <paramref name="target"/> minus the decoded rows.
    /// </summary>
    /// <param name="rows">As they are fitted, count x d, scaled.</param>
    /// <param name="target">What the factors stand for, count x d, scaled: the rows themselves, or with a column metric those without it.</param>
    /// <param name="count">Rows, 1 or more.</param>
    /// <param name="firstRow">The first one's place in the matrix.</param>
    /// <param name="c">Their weights.</param>
    /// <param name="residual">Receives it, count x d, scaled.</param>
    /// <returns>What is certified of the rows.</returns>
    /// <exception cref="ClusterLpException">A factor is beyond the element type's range (exit 65).</exception>
    RegressionOutcome Encode(
        ReadOnlySpan<float> rows, ReadOnlySpan<float> target, int count, long firstRow, ReadOnlySpan<double> c, Span<float> residual);

    /// <summary>All that is stored of the block's rows; valid until the thread's next block.</summary>
    ArrayBlob Finish();
}
