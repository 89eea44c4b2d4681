using ClusterLp.Core.Formats;
using ClusterLp.Core.Jobs.Blobs;
using ClusterLp.Core.LpFit;

namespace ClusterLp.Core.Jobs.Steps;

/// <summary>
/// Where U is solved in a sample of the columns: the draw, once V is known and before the rows are factorised. Blob: "columns" int32
/// m, "factors" float64 m, "basis" float32 m x m and "back" float64 k x k of <see cref="ColumnSample"/>.
/// </summary>
internal static class ColumnStep
{
    /// <summary>The tensor, about to be factorised, with its sample; unchanged where all columns are wanted or U is a projection.</summary>
    /// <exception cref="ClusterLpException">The columns asked for are fewer than the rank, or do not determine U (exit 65).</exception>
    public static FitState Draw(TensorPlan plan, FitState state, string blobPrefix, StepContext context)
    {
        if (plan.ActiveColumns is not int asked || plan.P == 2 || asked >= plan.Columns)
            return state;
        (int d, int k) = (plan.Columns, state.Rank);
        if (asked < k)
            throw ClusterLpException.BadInput($"tensor \"{plan.Name}\": {asked} columns do not determine factors of rank {k}; sample more of its {d} columns.");
        float[] v = StepData.Read(context, state.Basis!).Get<float>("basis")[..(k * d)];
        ColumnSample sample = ColumnSample.Draw(v, k, d, plan.P, asked, plan.Seed, plan.Index, context.Cancellation)
            ?? throw ClusterLpException.BadInput($"tensor \"{plan.Name}\": no sample of about {asked} of {d} columns determines factors of rank {k}; sample more of them.");
        int m = sample.Columns.Length;
        BlobRef blob = StepData.Write(context, $"{blobPrefix}/columns", new ArrayBlob()
            .Add("columns", ElementType.I32, sample.Columns, m).Add("factors", sample.Factors, m).Add("basis", sample.Basis, m, m).Add("back", sample.Back, k, k));
        return state with
        {
            Columns = blob,
            ColumnFit = new ColumnFit(m, 0, 0, 0, 0),
            Superseded = state.Columns is { } before ? [.. state.Superseded, before] : state.Superseded,
        };
    }

    /// <summary>The regression in the sample, which a process prepares once.</summary>
    public static SampledRegression Read(BlobRef blob, OrthonormalBasis basis, double p, RegressionOptions options, StepContext context) =>
        SharedOperands.Get(blob, $"regression {p:R} {options.Gap:R} {options.MaxIterations}", () =>
        {
            ArrayBlob arrays = StepData.Read(context, blob);
            return new SampledRegression(basis, new ColumnSample(arrays.Get<int>("columns"), arrays.Get<double>("factors"), arrays.Get<float>("basis"), arrays.Get<double>("back")), p, options);
        });
}
