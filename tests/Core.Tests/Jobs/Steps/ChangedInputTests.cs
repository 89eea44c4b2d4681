using ClusterLp.Core.Jobs;
using ClusterLp.Core.Tests.Support;

namespace ClusterLp.Core.Tests.Jobs.Steps;

/// <summary>Every stage after the scan sees that it does not read what the scan read.</summary>
public class ChangedInputTests
{
    private const int D = 24, Rows = 600, Block = 2;

    [Theory]
    [InlineData(StageKind.Lewis)]
    [InlineData(StageKind.Coreset)]
    [InlineData(StageKind.Refine)]
    [InlineData(StageKind.Factorise)]
    public void Changed_rows_are_refused_and_named(StageKind stage)
    {
        float[] matrix = TestMatrix.LowRankPlusNoise(Rows, D, 12, 8, 5);
        TensorPlan plan = Pipeline.Plan(matrix, D, 10, fit: Fit.Coreset);
        (FitState state, StepContext context) = Until(stage, plan, matrix);
        // Every row of the block: of a coreset's block only the drawn rows are read.
        int first = Block * plan.BlockRows * D, length = plan.BlockRows * D;
        float[] changed = [.. matrix];
        foreach (ref float entry in changed.AsSpan(first, length))
            entry *= 1.001f;

        using var source = new ArrayMatrixSource(changed, D);
        var refused = Assert.Throws<ClusterLpException>(() => FitPipeline.RunBlock(FitPipeline.TaskFor(plan, state, Block), source, "again", context));
        Assert.Equal(ExitCode.BadInput, refused.Code);
        Assert.Contains($"rows {Block * plan.BlockRows} to {(Block + 1) * plan.BlockRows - 1} ", refused.Message);
        Assert.Contains("\"matrix\"", refused.Message);
        FitPipeline.RunBlock(FitPipeline.TaskFor(plan, state, Block - 1), source, "untouched", context);
    }

    [Fact]
    public void One_changed_bit_is_enough()
    {
        float[] matrix = TestMatrix.LowRankPlusNoise(Rows, D, 12, 8, 5);
        TensorPlan plan = Pipeline.Plan(matrix, D, 10);
        (FitState state, StepContext context) = Until(StageKind.Refine, plan, matrix);
        matrix[Block * plan.BlockRows * D + 7] = MathF.BitIncrement(matrix[Block * plan.BlockRows * D + 7]);
        using var source = new ArrayMatrixSource(matrix, D);
        Assert.Throws<ClusterLpException>(() => FitPipeline.RunBlock(FitPipeline.TaskFor(plan, state, Block), source, "again", context));
    }

    [Fact]
    public void Changed_row_weights_are_refused_and_named()
    {
        string path = Path.GetTempFileName();
        try
        {
            File.WriteAllLines(path, Enumerable.Repeat("1", Rows));
            float[] matrix = TestMatrix.LowRankPlusNoise(Rows, D, 12, 8, 5);
            TensorPlan plan = Pipeline.Plan(matrix, D, 10) with { RowWeights = path };
            (FitState state, StepContext context) = Until(StageKind.Refine, plan, matrix);
            File.WriteAllLines(path, Enumerable.Repeat("2.5", Rows));
            using var source = new ArrayMatrixSource(matrix, D);
            var refused = Assert.Throws<ClusterLpException>(() => FitPipeline.RunBlock(FitPipeline.TaskFor(plan, state, 0), source, "again", context));
            Assert.Equal(ExitCode.BadInput, refused.Code);
            Assert.StartsWith(path, refused.Message);
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static (FitState, StepContext) Until(StageKind stage, TensorPlan plan, float[] matrix)
    {
        var context = new StepContext(new MemoryBlobStore(), 1, CancellationToken.None);
        using var source = new ArrayMatrixSource(matrix, D);
        FitState state = FitPipeline.Begin(plan);
        while (state.Stage.Kind != stage)
        {
            BlockResult[] results = [.. Enumerable.Range(0, plan.Partition.Count)
                .Select(block => FitPipeline.RunBlock(FitPipeline.TaskFor(plan, state, block), source, $"{state.Stage}/{block}", context))];
            state = FitPipeline.Reduce(plan, state, results, $"{state.Stage}/merged", context);
        }
        return (state, context);
    }
}
