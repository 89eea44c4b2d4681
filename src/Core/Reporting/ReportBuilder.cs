using System.Collections.Immutable;
using ClusterLp.Core.FactorModels;
using ClusterLp.Core.Formats;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Kernels;
using ClusterLp.Core.LpFit;

namespace ClusterLp.Core.Reporting;

/// <summary>What a job read: file hashes, and the bytes each tensor takes in them.</summary>
/// <param name="Files">One entry a file of the model, in the model's order.</param>
/// <param name="TensorBytes">Tensor name to bytes in the file.</param>
public sealed record InputSummary(ImmutableArray<FileHash> Files, IReadOnlyDictionary<string, long> TensorBytes);

/// <summary>What a job wrote, but for the report.</summary>
/// <param name="Model">The files of the model.</param>
/// <param name="Carried">Those that were copied as they are.</param>
public sealed record WrittenFiles(ImmutableArray<FileHash> Model, ImmutableArray<FileHash> Carried);

/// <summary>Wall time of a job's parts, in seconds.</summary>
public sealed record JobTimes(double Plan, double Fit, double Assemble, double Total)
{
    /// <summary>Where the cores' time went; null where other processes computed.</summary>
    public KernelUse? Kernels { get; init; }
}

/// <summary>Seconds in the kernels, summed over threads (<see cref="KernelClock"/>), and their share of what the cores had to give.</summary>
/// <param name="Cores">Cores the job could use.</param>
/// <param name="Share">Kernel seconds / (seconds of the whole job x cores).</param>
/// <param name="Busy">Wall seconds in which at least one core was in a kernel.</param>
public sealed record KernelUse(int Cores, double Products, double Grams, double Factorisations, double Elementwise, double Share, double Busy)
{
    /// <param name="times">What the job's kernels took.</param>
    /// <param name="cores">Cores it could use.</param>
    /// <param name="total">Its wall time, seconds.</param>
    public static KernelUse Of(KernelTimes times, int cores, double total) =>
        new(cores, times.Products, times.Grams, times.Factorisations, times.Elementwise, times.Total / (total * cores), times.Busy);
}

/// <summary>Turns a finished fit into the report: roots of the error sums, sizes, and which path was taken.</summary>
public static class ReportBuilder
{
    /// <summary>Builds the report of a whole job. Pure.</summary>
    /// <param name="outcome">Final state of every tensor, in plan order.</param>
    /// <param name="input">What was read.</param>
    /// <param name="outputs">What was written.</param>
    /// <param name="times">Wall times.</param>
    /// <param name="tool">Program and version.</param>
    /// <param name="kernels">Kernel set in use.</param>
    /// <param name="factorisations">Factorisation library in use.</param>
    public static JobReport Build(
        JobOutcome outcome, InputSummary input, WrittenFiles outputs, JobTimes times,
        string tool, string kernels, string factorisations)
    {
        ImmutableArray<string> keptWhole = [.. outcome.Plan.Tensors.Where(tensor => outcome.Fits[tensor.Index].KeptWhole).Select(tensor => tensor.Name)];
        HashSet<string> whole = [.. keptWhole];
        // By whether the tensor whose data they hold is kept whole.
        ILookup<bool, TiedTensor> ties = outcome.Plan.Ties.ToLookup(tie => whole.Contains(tie.Of));
        return new JobReport
        {
            JobId = outcome.Plan.Id.Value,
            Tool = tool,
            Parameters = outcome.Plan.Spec,
            Tensors = [.. outcome.Plan.Tensors.Where(plan => !outcome.Fits[plan.Index].KeptWhole)
                .Select(plan => OfTensor(plan, outcome.Fits[plan.Index], input.TensorBytes[plan.Name]))],
            Budget = BudgetOf(outcome, keptWhole),
            Ties = [.. ties[false]],
            TiesWordEmbeddings = outcome.Plan.TiesWordEmbeddings,
            Untouched =
            [
                .. outcome.Plan.Skipped,
                .. keptWhole.Select(name => new SkippedTensor(name, "kept whole: the budget it shares is better spent so")),
                .. ties[true].Select(tie => new SkippedTensor(tie.Name, $"it holds the data of {tie.Of}, which is kept whole")),
            ],
            Inputs = input.Files,
            Outputs = outputs.Model,
            Carried = outputs.Carried,
            Seconds = times,
            Workers = outcome.Workers,
            Retries = outcome.Retries,
            Speculative = outcome.Speculative,
            Timeline = outcome.Timeline is { } timeline ? new TimelineReport(timeline.Spans, timeline.Restarts) : null,
            Kernels = kernels,
            Factorisations = factorisations,
        };
    }

    /// <summary>The report of one tensor.</summary>
    /// <param name="plan">What was asked.</param>
    /// <param name="fit">Its final state.</param>
    /// <param name="bytesBefore">Bytes of the tensor in the input file.</param>
    /// <exception cref="InvalidOperationException">The fit is not finished.</exception>
    public static TensorReport OfTensor(TensorPlan plan, FitState fit, long bytesBefore)
    {
        if (!fit.IsDone || fit.Ours is null || fit.Svd is null || fit.Norms is null)
            throw new InvalidOperationException($"tensor {plan.Name} is at stage {fit.Stage}, not done.");
        plan = plan.Settled(fit);
        bool weighted = plan.RowWeights is not null;
        PlainErrors plain = fit.Plain ?? new PlainErrors(fit.Ours, fit.Svd, fit.Norms);
        Errors errors = Errors.From(plain.Ours, plan.P, weighted);
        IFactorModel model = Models.Of(plan);
        int baseline = Models.BaselineRank(plan, fit.Rank);
        return model.Describe(new TensorReport
        {
            Name = plan.Name,
            Rows = plan.Shape.Rows,
            Columns = checked((int)plan.Shape.Columns),
            Transposed = plan.Transposed,
            InputType = Word(plan.InputType),
            FactorType = Word(plan.FactorType),
            Rank = fit.Rank,
            AllottedError = fit.AllottedError,
            P = plan.P,
            AutoP = fit.Power,
            Method = Word(plan.Method),
            Fit = plan.Method != Method.Lp ? "none" : Word(fit.CoresetRows > 0 ? Fit.Coreset : !fit.JointObjectives.IsEmpty ? Fit.Joint : plan.Fit == Fit.Exact ? Fit.Exact : Fit.Auto),
            BytesBefore = bytesBefore,
            BytesAfter = model.StoredBytes(plan, fit.Rank),
            Model = model is LowRankModel ? null : model.Name,
            SvdRank = baseline == fit.Rank ? null : baseline,
            Errors = errors,
            Svd = Errors.From(plain.Svd, plan.P, weighted),
            RelativeLp = Relative(errors.Lp, Math.Pow(plain.Norms.Lp, 1 / plan.P)),
            RelativeFrobenius = Relative(errors.Frobenius, Math.Sqrt(plain.Norms.Squares)),
            LargestGap = fit.Regression.LargestGap,
            SumGap = fit.Regression.SumGap,
            Tolerance = plan.Method == Method.Lp && plan.P < 2 ? RegressionOptions.For(plan.P, plan.Tolerance).Gap : null,
            RowsAboveTolerance = fit.Regression.RowsShort,
            LewisRounds = fit.LewisRounds,
            Embedding = plan.Embedding == Embedding.Sparse && fit.LewisRounds > 0 ? Word(plan.Embedding) : null,
            CoresetRows = fit.CoresetRows,
            MergeIterations = fit.MergeIterations,
            RefineRounds = fit.RefineRounds,
            JointRounds = fit.JointObjectives.Length,
            JointObjective = fit.JointObjectives.IsEmpty ? null : new(InOwnUnits(fit.JointObjectives[0]), InOwnUnits(fit.JointObjectives.Min())),
            MeanRegressionIterations = (double)fit.Regression.Iterations / plan.Rows,
            Blocks = plan.Partition.Count,
            RelativeWeightedLp = weighted ? Relative(errors.WeightedLp!.Value, Math.Pow(plain.Norms.WeightedLp, 1 / plan.P)) : null,
            Metric = fit.MetricFile is { } metric ? InMetric(plan, fit, metric, weighted) : null,
            Search = fit.Search,
            TargetMet = plan.TargetError is double target ? fit.Search?.Tries[^1].Measured <= target : null,
        }, plan, fit);

        double InOwnUnits(double objective) => Math.Pow(objective, 1 / plan.P) / fit.Scale;
    }

    private static BudgetReport? BudgetOf(JobOutcome outcome, ImmutableArray<string> keptWhole) => outcome.Plan.Tensors[0].SharedBudget is not long budget ? null : new BudgetReport(
        budget,
        outcome.Plan.Tensors.Zip(outcome.Fits, (tensor, fit) => RankAllotment.Elements(tensor.Rows, tensor.Columns, fit.KeptWhole ? RankAllotment.Whole : fit.Rank)).Sum(),
        keptWhole,
        outcome.Fits.Sum(fit => fit.AllottedError!.Value * fit.AllottedError.Value));

    private static MetricReport InMetric(TensorPlan plan, FitState fit, MetricFile metric, bool weighted)
    {
        Errors errors = Errors.From(fit.Ours!, plan.P, weighted);
        return new MetricReport
        {
            Sha256 = metric.Sha256,
            Rank = metric.Rank,
            Errors = errors,
            Svd = Errors.From(fit.Svd!, plan.P, weighted),
            RelativeLp = Relative(errors.Lp, Math.Pow(fit.Norms!.Lp, 1 / plan.P)),
            RelativeFrobenius = Relative(errors.Frobenius, Math.Sqrt(fit.Norms.Squares)),
            PlainSvdFrobenius = fit.PlainSvdInMetric,
        };
    }

    // An all-zero matrix is met exactly; its relative error is 0.
    private static double Relative(double error, double norm) => norm > 0 ? error / norm : 0;

    private static string Word<T>(T value) where T : struct, Enum => value.ToString().ToLowerInvariant();
}
