using System.Collections.Immutable;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using ClusterLp.Core.Evaluation;
using ClusterLp.Core.FactorModels;
using ClusterLp.Core.FactorModels.Krylov;
using ClusterLp.Core.FactorModels.Simplex;
using ClusterLp.Core.FactorModels.Subspaces;
using ClusterLp.Core.Formats;
using ClusterLp.Core.Formats.Output;
using ClusterLp.Core.Jobs.Checkpoints;
using ClusterLp.Core.Jobs.Steps;
using ClusterLp.Core.LpFit;
using ClusterLp.Core.Reporting;
using ClusterLp.Core.Storage;

namespace ClusterLp.Core.Jobs;

/// <summary>Turns what the user asked for into what will be done; everything that can be refused early is refused here.</summary>
public static class JobPlanner
{
    /// <summary>Widest matrix: its d x d Gram matrices in float64 take 512 MiB each.</summary>
    public const int MostColumns = 8192;

    /// <summary>The same of the method that takes most.</summary>
    public const int MostColumnsOfAny = KrylovModel.MostWide;

    private const long MostBlockElements = 1L << 28;
    private const string NotSelected = "not selected";

    /// <summary>
    /// Opens the model and fixes tensors, ties, ranks and blocks. Reads headers, and of tensors of one shape as much as tells them apart.
    /// </summary>
    /// <param name="spec">The request.</param>
    /// <param name="id">The job's name; null: a hash of the request and of the input files' names, sizes and times.</param>
    /// <exception cref="ClusterLpException">
    /// Options that do not go together (exit 64), a value or tensor that cannot be used (65), a missing input (66), or an
    /// output that exists (73).
    /// </exception>
    /// <param name="dryRun">No output will be written, and whether it could be is not looked at.</param>
    public static JobPlan Plan(JobSpec spec, JobId? id = null, bool dryRun = false)
    {
        CheckOptions(spec);
        using IModel model = ModelFiles.Open(spec.Input);
        if (!dryRun)
        {
            OutputDirectory.EnsureFree(spec.Output, spec.Force);
            EnsureOutside(spec.Output, model);
        }
        if (spec.RowWeights is not null && !StoredFiles.Exists(spec.RowWeights))
            throw ClusterLpException.InputMissing($"{spec.RowWeights}: no such file of row weights.");

        if (spec.ColumnMetric is not null && !StoredFiles.Exists(spec.ColumnMetric))
            throw ClusterLpException.InputMissing($"{spec.ColumnMetric}: no such file of a column metric.");

        var skipped = new List<SkippedTensor>();
        var usable = new List<TensorInfo>();
        var others = new List<TensorInfo>();
        HashSet<string> named = [.. model.Tensors.Select(tensor => tensor.Name).Where(name => spec.Tensors.Contains(name))];
        HashSet<string> selected = spec.Tensors.IsEmpty
            ? [.. model.Tensors.Select(tensor => tensor.Name)]
            : [.. spec.Tensors.SelectMany(pattern => TensorSelection.Match(model, pattern)).Select(tensor => tensor.Name)];
        HashSet<string> excluded = [.. spec.Exclude.SelectMany(pattern => TensorSelection.Match(model, pattern)).Select(tensor => tensor.Name)];
        foreach (TensorInfo tensor in model.Tensors)
        {
            string? obstacle = excluded.Contains(tensor.Name) ? "excluded" : Obstacle(spec, model, tensor);
            if (obstacle is null)
                (selected.Contains(tensor.Name) ? usable : others).Add(tensor);
            else if (named.Contains(tensor.Name) && !excluded.Contains(tensor.Name))
                throw ClusterLpException.BadInput($"{model.Path}: tensor \"{tensor.Name}\" cannot be compressed: {obstacle}.");
            else
                skipped.Add(new SkippedTensor(tensor.Name, selected.Contains(tensor.Name) || excluded.Contains(tensor.Name) ? obstacle : NotSelected));
        }
        if (usable.Count == 0)
            throw ClusterLpException.BadInput(NothingToDo(model, [.. skipped.Where(s => selected.Contains(s.Name) && !excluded.Contains(s.Name))]));

        // What is selected first, so that a tie leads to it.
        bool declared = TiedTensors.AreDeclared(model);
        HashSet<string> candidates = [.. usable.Select(tensor => tensor.Name)];
        Dictionary<string, string> tied = TiedTensors.Find(model, usable.Concat(others).Select(tensor => tensor.Name));
        List<TensorPlan> chosen = [.. usable.Where(tensor => !tied.ContainsKey(tensor.Name)).Select((tensor, i) => PlanTensor(spec, model, tensor, i, Fitted(spec, model, tensor)))];
        var ties = new List<TiedTensor>();
        foreach (TensorInfo tensor in model.Tensors)
            if (tied.TryGetValue(tensor.Name, out string? of) && candidates.Contains(of) && (declared || candidates.Contains(tensor.Name)))
                ties.Add(new TiedTensor(tensor.Name, of));
            else if (others.Contains(tensor))
                skipped.Add(new SkippedTensor(tensor.Name, of is not null && candidates.Contains(of) ? $"{NotSelected}, though it holds the data of {of}" : NotSelected));
        skipped = [.. model.Tensors.Join(skipped, tensor => tensor.Name, skip => skip.Name, (_, skip) => skip)];
        FactorNames.EnsureDistinct(model, Models.Of(spec), [.. chosen.Select(tensor => tensor.Name), .. ties.Select(tie => tie.Name)]);
        if ((spec.RowWeights ?? spec.ColumnMetric) is not null && chosen.Count != 1)
            throw ClusterLpException.Usage($"{(spec.RowWeights is null ? "a column metric belongs" : "row weights belong")} to one tensor, but {chosen.Count} are selected "
                + $"({string.Join(", ", chosen.Take(3).Select(tensor => tensor.Name))}{(chosen.Count > 3 ? ", ..." : "")}): name one.");
        if (spec.ColumnMetric is not null)
            ColumnMetric.Read(spec.ColumnMetric, chosen[0].Columns);
        if (spec.Vocabulary is { } vocabulary)
            ArchetypeNames.Check(vocabulary, Vocabulary.Read(vocabulary), chosen.Max(tensor => tensor.Rows));
        return new JobPlan(id ?? DeriveId(spec, model), spec, WithRanks(spec, model, chosen), [.. skipped]) { Ties = [.. ties], TiesWordEmbeddings = declared };
    }

    // The ranks that follow from the compression: of one tensor at once, of several that share it when they are scanned.
    private static ImmutableArray<TensorPlan> WithRanks(JobSpec spec, IModel model, List<TensorPlan> chosen)
    {
        if (spec.Compression is not double compression)
            return [.. chosen];
        if (spec.PerTensor || chosen.Count == 1)
            return [.. chosen.Select(tensor => Ranked(spec, tensor with { Rank = Models.RankFor(tensor, compression) }))];
        if (Models.Of(spec) is not LowRankModel and var form)
            throw ClusterLpException.Usage($"a budget shared by {chosen.Count} tensors needs their SVDs' spectra, which say little of {form.Name}: give --per-tensor, or name one tensor.");
        long budget = RankAllotment.Budget(chosen.Sum(tensor => (double)tensor.Rows * tensor.Columns), compression), least = chosen.Sum(tensor => tensor.Rows + tensor.Columns);
        return least <= budget
            ? [.. chosen.Select(tensor => tensor with { SharedBudget = budget })]
            : throw ClusterLpException.BadInput(string.Create(CultureInfo.InvariantCulture,
                $"{model.Path}: compression {compression} leaves {budget} elements for {chosen.Count} tensors, and rank 1 for each takes {least}; exclude the small ones or save less."));
    }

    // What could not be said before the rank was known.
    private static TensorPlan Ranked(JobSpec spec, TensorPlan tensor) => Models.Of(tensor).Obstacle(tensor) is { } obstacle
        ? throw ClusterLpException.BadInput($"tensor \"{tensor.Name}\" cannot be compressed: {obstacle}.")
        : !(tensor.ActiveColumns < tensor.Rank) ? Cut(spec, tensor) : throw ClusterLpException.BadInput(
        $"tensor \"{tensor.Name}\": active-columns is {tensor.ActiveColumns}, fewer columns than its rank, {tensor.Rank}, which do not determine a row of U.");

    private static void CheckOptions(JobSpec spec)
    {
        int goals = (spec.Rank is null ? 0 : 1) + (spec.Compression is null ? 0 : 1) + (spec.TargetError is null ? 0 : 1);
        if (goals != 1)
            throw ClusterLpException.Usage((goals == 0 ? "nothing says how far to compress" : "more than one option says how far to compress")
                + ": give exactly one of rank, compression and target-error.");
        if (!spec.AutoP && !(spec.P >= 1 && spec.P <= 2))
            throw OutOfRange("p", spec.P, "from 1 to 2");
        if (spec.Rank is int rank && rank < 1)
            throw OutOfRange("rank", rank, "of 1 or more");
        if (spec.Compression is double c && !(c > 0 && c < 1))
            throw OutOfRange("compression", c, "between 0 and 1 (the share of elements to save)");
        if (spec.TargetError is double e && !(e > 0 && e < 1))
            throw OutOfRange("target-error", e, "between 0 and 1 (relative to the matrix' l_p norm)");
        if (spec.PerTensor && spec.Compression is null)
            throw ClusterLpException.Usage("per-tensor belongs to compression: a rank or a target error is each tensor's own anyway.");
        if (spec.Tolerance is double t && !(t >= RegressionOptions.LeastGap && t <= 0.5))
            throw OutOfRange("tolerance", t, "from 1e-5 (float32 says no more) to 0.5");
        if (spec.Tolerance is not null && spec.Method is not (Method.Lp or Method.Simplex))
            throw ClusterLpException.Usage("tolerance belongs to methods lp and simplex: the others project, and there is nothing to iterate.");
        if (spec.Smoothing is double smoothing && !(smoothing > 0 && smoothing < 1))
            throw OutOfRange("smoothing", smoothing, "between 0 and 1 (the share of rows that a vertex is the mean of)");
        if (spec.Smoothing is not null && spec.Method != Method.Simplex)
            throw ClusterLpException.Usage("smoothing belongs to method simplex: nothing else averages rows.");
        if (spec.Refine is int moves && moves is < 1 or > VertexRefinement.Most)
            throw OutOfRange("refine", moves, $"from 1 to {VertexRefinement.Most}");
        if (spec.Refine is not null && spec.Method != Method.Simplex)
            throw ClusterLpException.Usage("refine belongs to method simplex, whose archetypes it moves; method lp refines by itself.");
        if (spec.Vocabulary is not null && spec.Method != Method.Simplex)
            throw ClusterLpException.Usage("vocabulary belongs to method simplex, whose archetypes it names; evaluate has one of its own.");
        if (spec.ExactRows is double share && !(share > 0 && share < 1))
            throw OutOfRange("exact-rows", share, "between 0 and 1 (the share of rows to store as they are)");
        if (spec.ActiveColumns is int columns && columns < 1)
            throw OutOfRange("active-columns", columns, "of 1 or more");
        if (spec.ActiveColumns is not null && (spec.Method != Method.Lp || (!spec.AutoP && spec.P == 2)))
            throw ClusterLpException.Usage("active-columns belongs to method lp at p below 2: elsewhere U is a projection, which reads every column once.");
        if (spec is { ActiveColumns: int some, Rank: int wanted } && some < wanted)
            throw ClusterLpException.Usage($"active-columns is {some}: fewer columns than the rank, {wanted}, do not determine a row of U.");
        if (spec.Subspaces is int subspaces && subspaces is < 2 or > SubspacesModel.Most)
            throw OutOfRange("subspaces", subspaces, $"from 2 to {SubspacesModel.Most}");
        if (spec.Restarts is int restarts && restarts is < 1 or > 1000)
            throw OutOfRange("restarts", restarts, "from 1 to 1000");
        if (spec.Restarts is not null && spec.Subspaces is null)
            throw ClusterLpException.Usage("restarts belongs to subspaces: nothing else is fitted from several starts.");
        if (spec.Passes is int passes && passes is < 1 or > KrylovModel.MostPasses)
            throw OutOfRange("passes", passes, $"from 1 to {KrylovModel.MostPasses}");
        if (spec.BlockSize is int size && size < 1)
            throw OutOfRange("block-size", size, "of 1 or more");
        if ((spec.Passes ?? spec.BlockSize) is not null && spec.Method != Method.Krylov)
            throw ClusterLpException.Usage("passes and block-size belong to method krylov: nothing else iterates on a block of vectors.");
        if (spec is { BlockSize: int vectors, Rank: int dimension } && vectors < dimension)
            throw ClusterLpException.Usage($"block-size is {vectors}: fewer vectors than the rank, {dimension}.");
        if (spec.Embedding == Embedding.Sparse && (spec.Method is Method.Svd or Method.Krylov || spec.Method == Method.Lp && spec.Fit is Fit.Exact or Fit.Joint))
            throw ClusterLpException.Usage("embedding sparse belongs to method lewis, and to lp with fit auto or coreset: no other fit scores rows.");
        if (spec.Embedding == Embedding.Sparse && Models.Of(spec) is not LowRankModel)
            throw ClusterLpException.Usage($"embedding sparse does not go with {Models.Of(spec).Name}, which needs the exact Gram matrix.");
        if (spec.BlockRows is int rows && rows < 1)
            throw OutOfRange("block-rows", rows, "of 1 or more");
        if (spec.Dtype is not (null or ElementType.F32 or ElementType.F16 or ElementType.BF16))
            throw ClusterLpException.BadInput($"dtype is {spec.Dtype}; expected f32, f16 or bf16.");
        if (!Enum.IsDefined(spec.Method) || !Enum.IsDefined(spec.Fit) || !Enum.IsDefined(spec.Embedding))
            throw ClusterLpException.BadInput($"method {spec.Method}, fit {spec.Fit} or embedding {spec.Embedding} is unknown.");
        if (Models.Of(spec).Conflict(spec) is { } conflict)
            throw ClusterLpException.Usage(conflict);
    }

    private static ClusterLpException OutOfRange(string option, double value, string expected) =>
        ClusterLpException.BadInput(string.Create(CultureInfo.InvariantCulture, $"{option} is {value}; expected a number {expected}."));

    // Why a tensor cannot be compressed as asked; null where it can.
    private static string? Obstacle(JobSpec spec, IModel model, TensorInfo tensor)
    {
        string shape = string.Join(" x ", tensor.Shape);
        if (tensor.Shape.Count != 2)
            return tensor.Shape.Count == 0 ? "it is a single number, not a matrix" : $"it has {tensor.Shape.Count} dimension(s) ({shape}), not 2";
        if (!tensor.Type.IsCompressible())
            return $"its element type {tensor.Type} is not floating point of 16 bits or more";
        (long rows, long columns) = (tensor.Shape[0], tensor.Shape[1]);
        if (rows == 0 || columns == 0)
            return $"it is empty ({shape})";
        // Before it is opened: a format may hold matrices it cannot read in place.
        if (model.Obstacle(tensor.Name, FactorTypeOf(spec, tensor)) is { } obstacle)
            return obstacle;
        if (model is Formats.Onnx.OnnxModel && !Models.Of(spec).IsProduct)
            return $"an ONNX graph takes factors U and V, and {Models.Of(spec).Name} stores more";
        var fitted = Fitted(spec, model, tensor);
        (rows, columns, _) = fitted;
        if (columns > Models.Of(spec).MostColumns)
            return TooWide(spec, columns, columns == tensor.Shape[1], Math.Min(tensor.Shape[0], tensor.Shape[1]));
        TensorPlan plan = PlanTensor(spec, model, tensor, 0, fitted);
        if (SketchedEllipsoid.BeginsInScan(plan) && plan.Columns > SketchedEllipsoid.MostColumns)
            return $"it has {plan.Columns} columns, and of more than {SketchedEllipsoid.MostColumns} a sparse embedding takes too much of each block: use embedding exact";
        if (Models.Of(plan).Obstacle(plan) is { } obstacleOfForm)
            return obstacleOfForm;
        int largest = Models.LargestRank(plan);
        if (largest < 1)
            return $"no rank makes a {shape} matrix smaller";
        if (spec.Rank is int rank && rank > largest)
            return $"rank {rank} would not shrink a {shape} matrix; the largest that does is {largest}";
        if (spec.ExactRows is double share && FactorModels.ExactRows.HeavyRows.Number(share, rows) * columns > MostBlockElements)
            return $"{share} of its rows are too many to be stored exactly: the coordinator holds them in memory; take at most {MostBlockElements / columns} of {rows}";
        if (spec.BlockRows is int blockRows && Math.Min(blockRows, rows) * columns > MostBlockElements)
            return $"blocks of {blockRows} rows of {columns} columns are too large; take at most {MostBlockElements / columns} rows";
        return null;
    }

    private static string TooWide(JobSpec spec, long columns, bool asStored, long smaller) => $"it has {columns} {(asStored ? "columns" : "rows")}, and more than "
        + (spec.Method == Method.Krylov
            ? $"{KrylovModel.MostWide} are too many for method krylov{(smaller <= MostColumns ? "; methods lp and svd read a wide matrix as its transpose" : "")}"
            : $"{MostColumns} would need a {columns} x {columns} float64 Gram matrix of {(long)((double)columns * columns * sizeof(double) / (1 << 20))} MiB"
                + (columns <= KrylovModel.MostWide ? "; --method krylov needs none" : ""));

    private static ElementType FactorTypeOf(JobSpec spec, TensorInfo tensor) => spec.Dtype ?? tensor.Type.DefaultFactorType();

    // The shape that is fitted: a wide matrix is transposed, unless something belongs to its rows or columns as they are.
    private static (long Rows, long Columns, bool Transposed) Fitted(JobSpec spec, IModel model, TensorInfo tensor)
    {
        (long n, long d) = (tensor.Shape[0], tensor.Shape[1]);
        bool transposed = n < d && d <= int.MaxValue && Models.Of(spec).AllowsTranspose && (spec.RowWeights ?? spec.ColumnMetric) is null && PlannedMatrix.CanTranspose(model, tensor.Name);
        return transposed ? (d, n, true) : (n, d, false);
    }

    private static TensorPlan PlanTensor(JobSpec spec, IModel model, TensorInfo tensor, int index, (long Rows, long Columns, bool Transposed) fitted)
    {
        (long rows, long wide, bool transposed) = fitted;
        int columns = (int)wide;
        var plan = new TensorPlan
        {
            Index = index,
            Name = tensor.Name,
            Rows = rows,
            Columns = columns,
            Transposed = transposed,
            InputType = tensor.Type,
            FactorType = FactorTypeOf(spec, tensor),
            BlockRows = 1,
            Rank = spec.Rank,
            TargetError = spec.TargetError,
            P = spec.P,
            AutoP = spec.AutoP,
            Tolerance = spec.Tolerance,
            Method = spec.Method,
            Fit = spec.Fit,
            Seed = spec.Seed,
            Input = model.Path,
            ExactRows = spec.ExactRows,
            ActiveColumns = spec.ActiveColumns,
            Embedding = spec.Embedding,
            Subspaces = spec.Subspaces,
            Restarts = spec.Restarts,
            Smoothing = spec.Smoothing,
            Refine = spec.Refine,
            Passes = spec.Passes,
            BlockSize = spec.BlockSize,
            RowWeights = spec.RowWeights is null ? null : StoredFiles.Absolute(spec.RowWeights),
            ColumnMetric = spec.ColumnMetric is null ? null : StoredFiles.Absolute(spec.ColumnMetric),
        };
        return Cut(spec, plan);
    }

    private static TensorPlan Cut(JobSpec spec, TensorPlan plan) =>
        plan with { BlockRows = spec.BlockRows is int asked ? (int)Math.Min(asked, plan.Rows) : Models.Of(plan).DefaultBlockRows(plan) };

    private static string NothingToDo(IModel model, SkippedTensor[] skipped)
    {
        HashSet<string> matrices = [.. model.Tensors.Where(tensor => tensor.IsMatrix).Select(tensor => tensor.Name)];
        // What keeps a matrix from it says more than that a bias is not one.
        SkippedTensor? matrix = skipped.FirstOrDefault(tensor => matrices.Contains(tensor.Name)), first = matrix ?? skipped.FirstOrDefault();
        return skipped.Length switch
        {
            0 => $"{model.Path}: every selected tensor is excluded.",
            1 => $"{model.Path}: tensor \"{first!.Name}\" cannot be compressed: {first.Reason}.",
            _ => $"{model.Path}: none of the {skipped.Length} selected tensors can be compressed; "
                + $"the first{(matrix is null ? "" : " matrix")}, \"{first!.Name}\": {first.Reason}.",
        };
    }

    // Replacing an output directory would delete an input that lies in it.
    private static void EnsureOutside(string output, IModel model)
    {
        string folder = StoredFiles.Absolute(output) + '/';
        foreach (string file in model.Files)
            if (file.StartsWith(folder, StringComparison.Ordinal))
                throw ClusterLpException.CannotWrite($"{output}: the output directory holds the input {file}; choose another output.");
    }

    private static JobId DeriveId(JobSpec spec, IModel model)
    {
        JobSpec request = spec with { Input = model.Path, Output = StoredFiles.Absolute(spec.Output), Force = false };
        var text = new StringBuilder(CheckpointLine.Text(request));
        foreach (string path in model.Files)
        {
            StoredStamp? file = StoredFiles.Stat(path);
            text.Append(CultureInfo.InvariantCulture, $"\n{path} {file?.Length} {file?.Modified.Ticks}{file?.Version}");
        }
        byte[] hash = SHA256.HashData(Encoding.UTF8.GetBytes(text.ToString()));
        return new JobId(Convert.ToHexStringLower(hash.AsSpan(0, 8)));
    }
}
