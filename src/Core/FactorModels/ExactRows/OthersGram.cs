using ClusterLp.Core.Formats;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Jobs.Blobs;
using ClusterLp.Core.Jobs.Steps;
using ClusterLp.Core.Kernels;
using ClusterLp.Core.LpFit;

namespace ClusterLp.Core.FactorModels.ExactRows;

/// <summary>
/// The scan's findings of the rows that are not heavy: these rows' outer products are taken off the Gram matrix. Where hardly
/// anything is left of it, rounding is a part of that, and a pass over the others adds it up anew.
/// </summary>
internal static class OthersGram
{
    private const string Step = "gram of the others";

    /// <summary>Least share of the trace that is accurate to 1e-8 after the subtraction.</summary>
    private const double Accurate = 1e-8;

    /// <summary>The findings without some rows (scaled), and whether their Gram matrix is accurate.</summary>
    public static (ScanFindings Others, bool Accurate) Without(TensorPlan plan, ScanFindings scan, HeavyRows heavy)
    {
        int d = plan.Columns;
        var gram = (double[])scan.Gram!.Clone();
        Gram.AccumulateUpper(heavy.Values, heavy.Count, d, Array.ConvertAll(heavy.Weights, c => -c), gram);
        Gram.MirrorUpper(gram, d);
        double before = Trace(scan.Gram!, d), after = Trace(gram, d);
        double[] weights = [.. scan.Sample.Weights];
        for (int i = 0; i < weights.Length; i++)
            if (Array.BinarySearch(heavy.Places, scan.Sample.PlaceOf(i)) >= 0)
                weights[i] = 0;
        return (scan with
        {
            Gram = gram,
            WeightSum = scan.WeightSum - heavy.Weights.Sum(),
            Sample = scan.Sample with { Weights = weights },
            Blocks = [],
        }, before == 0 || after >= Accurate * before);
    }

    /// <summary>The tensor at the pass that adds up the Gram matrix anew.</summary>
    public static FitState Again(TensorPlan plan, FitState state, ScanFindings scan, string blobPrefix, StepContext context) => state with
    {
        Stage = state.Model!.Stage,
        Model = state.Model with { Step = Step, Kept = [scan.Keep($"{blobPrefix}/findings", withGram: true, context)] },
    };

    /// <summary>"gram" packed float64 of the block's rows that are not heavy.</summary>
    public static BlockResult Run(BlockTask task, IMatrixSource source, string blobName, StepContext context)
    {
        var parameters = (ModelParameters)task.Parameters;
        Span<float> rows = StepData.ReadRows(task, source, parameters.Scale, context);
        double[] c = StepData.ReadRowWeights(task with { Excluded = parameters.Round.Shared[0] }, context);
        ReadOnlyMemory<double> gram = StepData.PackedGram(rows, c.Length, task.Plan.Columns, c, context, 0);
        return new BlockResult(StepData.Write(context, blobName, new ArrayBlob().Add("gram", gram, gram.Length)), new ModelFigures([]));
    }

    /// <summary>The tensor with the basis that its fit begins with: the eigenvectors of the others' Gram matrix.</summary>
    public static FitState Start(FitState state, ref ScanFindings scan, double[] gram, string blobPrefix, StepContext context)
    {
        int d = scan.Sample.Columns;
        (double[] values, float[] basis) = OrthonormalBasis.Eigenvectors(gram, d);
        scan = scan with { Gram = gram, Eigenvalues = values, Basis = basis, AbsoluteSum = Trace(gram, d) > 0 ? scan.AbsoluteSum : 0 };
        return state with { Basis = StepData.WriteBasis(context, $"{blobPrefix}/start", basis, d) };
    }

    private static double Trace(double[] matrix, int d)
    {
        double trace = 0;
        for (int j = 0; j < d; j++)
            trace += matrix[j * d + j];
        return trace;
    }
}
