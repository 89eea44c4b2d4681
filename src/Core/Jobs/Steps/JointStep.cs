using System.Security.Cryptography;
using System.Text;
using ClusterLp.Core.Formats;
using ClusterLp.Core.Jobs.Blobs;
using ClusterLp.Core.Kernels;
using ClusterLp.Core.LpFit;

namespace ClusterLp.Core.Jobs.Steps;

/// <summary>
/// One round of the joint fit (DESIGN 2.5): every block advances its rows' states at the basis in hand, and the weighted Gram
/// of the states gives the next basis. Blob: "gram" packed float64. The states stay where they are; a worker that has not
/// got a block's replays it from the bases so far.
/// </summary>
internal static class JointStep
{
    [ThreadStatic] private static float[]? _state;

    public static BlockResult Run(BlockTask task, IMatrixSource source, string blobName, StepContext context)
    {
        var parameters = (JointParameters)task.Parameters;
        (TensorPlan plan, int d, int block) = (task.Plan, task.Plan.Columns, task.Address.Block);
        Span<float> rows = StepData.ReadRows(task, source, parameters.Scale, context);
        int count = rows.Length / d, round = parameters.Bases.Length - 1;
        double[] rowWeights = StepData.ReadRowWeights(task, context);
        Span<float> state = KeptArray.AtLeast(ref _state, JointFit.StateLength(count, d)).Span;

        int from = round;
        if (round == 0 || context.States?.TryRead(plan, block, round, Key(parameters, round), state) != true)
        {
            from = 0;
            JointFit.Begin(rows, count, Basis(0), plan.P, parameters.ResidualFloor, state, context.Cancellation);
        }
        double objective = 0;
        for (int t = from; t <= round; t++)
        {
            objective = JointFit.Advance(rows, count, Basis(t), plan.P, t, rowWeights, state, context.Cancellation);
            context.Progress?.Invoke(0.6 * (t - from + 1) / (round - from + 1));
        }
        context.States?.Write(plan, block, round + 1, Key(parameters, round + 1), state);

        for (int i = 0; i < count; i++)
            rowWeights[i] /= state[count * d + i];
        ReadOnlyMemory<double> gram = StepData.PackedGram(state, count, d, rowWeights, context, 0.6);
        return new BlockResult(StepData.Write(context, blobName, new ArrayBlob().Add("gram", gram, gram.Length)), new JointFigures(objective));

        OrthonormalBasis Basis(int t) => StepData.ReadBasis(context, parameters.Bases[t], d, parameters.Rank);
    }

    public static FitState Reduce(TensorPlan plan, FitState state, IReadOnlyList<BlockResult> results, string blobPrefix, StepContext context)
    {
        int d = plan.Columns;
        BlobRef[] done = [.. results.Select(r => r.Blob)];
        state = state with { JointObjectives = [.. state.JointObjectives, results.Sum(r => ((JointFigures)r.Figures).Objective)] };
        if (IsDone(state.JointObjectives, plan.P))
        {
            BlobRef best = state.JointBases[state.JointObjectives.IndexOf(state.JointObjectives.Min())];
            return state with
            {
                Stage = new StageId(StageKind.Factorise, 0),
                Basis = best,
                JointBases = [],
                // The SVD's basis stays: the baseline is measured with it.
                Superseded = [.. done, .. state.JointBases.Where(basis => basis != best && basis != state.SvdBasis)],
            };
        }
        float[] rows = OrthonormalBasis.EigenvectorsOfPacked(StepData.SumGrams(context, done, d).Packed, d).Rows;
        return state with
        {
            Stage = new StageId(StageKind.Joint, state.JointBefore + state.JointObjectives.Length),
            JointBases = [.. state.JointBases, StepData.WriteBasis(context, $"{blobPrefix}/basis", rows, d)],
            Superseded = [.. done],
        };
    }

    /// <summary>The joint rounds of a tensor whose first basis is found.</summary>
    public static FitState Begin(FitState state) => state with
    {
        Stage = new StageId(StageKind.Joint, state.JointBefore + state.JointObjectives.Length),
        JointBefore = state.JointBefore + state.JointObjectives.Length,
        JointObjectives = [],
        JointBases = [state.Basis!],
    };

    private static bool IsDone(IReadOnlyList<double> objectives, double p)
    {
        (int least, int window, int most) = JointFit.Rounds(p);
        if (objectives.Count < least)
            return false;
        double before = objectives.SkipLast(window).Min(), now = objectives.Min();
        return objectives.Count >= most || !(before - now > JointFit.Tolerance * now);
    }

    /// <summary>Names the state after so many rounds: it is a function of the plan, the rank and their bases.</summary>
    private static string Key(JointParameters parameters, int rounds) =>
        Convert.ToHexString(SHA256.HashData(Encoding.ASCII.GetBytes(
            $"{parameters.Rank} {string.Concat(parameters.Bases.Take(rounds).Select(basis => basis.Checksum))}")));
}
