using System.CommandLine;
using ClusterLp.Core.Formats;
using ClusterLp.Core.Jobs;

namespace ClusterLp.Cli.Commands;

/// <summary>The options of <c>compress</c> that say what is computed; a job file has keys of the same names (<see cref="JobFile"/>).</summary>
internal sealed class JobOptions
{
    /// <summary>Element types factors can be stored as.</summary>
    public static readonly ElementType[] FactorTypes = [ElementType.F32, ElementType.F16, ElementType.BF16];

    public readonly Argument<string> Model = new("model")
    {
        Description = "A .safetensors file, a shard index (*.index.json) or a directory that holds one of these, an ONNX model (.onnx), a .npy matrix, a sparse .npz matrix, "
            + "word vectors (.vec, .txt, .bin) or a fastText model (.bin, .ftz).",
    };

    public readonly Option<string?> Output = new("--output", "-o")
    {
        Description = "Output directory; appears whole or not at all (default: the model's name with .clusterlp, in the current directory).",
        HelpName = "DIR",
    };

    public readonly Option<string[]> Tensors = new("--tensor", "-t")
    {
        Description = "A tensor's name or a glob with * and ?; may be repeated (default: every 2-D floating tensor that would shrink).",
        HelpName = "NAME",
    };

    public readonly Option<string[]> Exclude = new("--exclude", "-x")
    {
        Description = "A tensor's name or a glob; what matches stays as it is. May be repeated.",
        HelpName = "NAME",
    };

    public readonly Option<int?> Rank = OptionParsers.Whole("--rank", "K", "Rank k of the factors.");
    public readonly Option<double?> Compression = OptionParsers.Number("--compression", "C", "Share of the elements to save, between 0 and 1; the rank follows. Of several tensors together: each has the rank at which the next would lower the sum of squared relative errors least for its size.");
    public readonly Option<bool> PerTensor = new("--per-tensor") { Description = "Save the share given with --compression of each tensor, not of all together." };
    public readonly Option<double?> TargetError = OptionParsers.Number("--target-error", "E", "Relative l_p error ||A - UV||_p / ||A||_p not to exceed, between 0 and 1 (with --row-weights: rows weighted); the rank is estimated first, measured on all rows, and raised where the factors miss it.");
    public readonly Option<(double? P, bool Auto)?> P = OptionParsers.Power("--p", "Which l_p error to minimise, from 1 (most robust) to 2 (SVD), or auto: chosen for each tensor from what SVD leaves of it (default: 1.5).");
    public readonly Option<double?> Tolerance = OptionParsers.Number("--tolerance", "T", "How far, relatively, a row's l_p error may stay from the best possible given V, by certificate; from 1e-5 to 0.5 (default: 0.01 at p = 1, 0.002 elsewhere).");
    public readonly Option<Method> Method = OptionParsers.Word<Method>("--method", "lp: entrywise l_p (default); lewis: axes of the Lewis ellipsoid, U by projection; svd: truncated SVD; krylov: the same by block Krylov iteration, for up to 100,000 columns; simplex: rows as convex mixtures of k archetypes, which are means of extreme rows.");
    public readonly Option<Fit> Fit = OptionParsers.Word<Fit>("--fit", "auto (default): fit V on all rows, and first on a sample of them where a few rows hold most of the norm; coreset: always on a sample first; exact: on all rows only, to a lower tolerance; joint: fit U and V together, for the lowest l_p error, in many rounds.");
    public readonly Option<Embedding> Embedding = OptionParsers.Word<Embedding>("--embedding", "What rows are scored by, for method lewis and the sample of rows: exact (default): the Gram matrix of all rows; sparse: random sketches of the rows, in time of their nonzeros.");
    public readonly Option<string?> RowWeights = new("--row-weights") { Description = "Positive weights of the rows, such as token frequencies: one a line, or a one-dimensional .npy.", HelpName = "FILE" };
    public readonly Option<string?> ColumnMetric = new("--column-metric") { Description = "A d x d .npy, symmetric positive semi-definite, such as the Gram matrix X^T X of the layer's inputs: minimise the error of (A - UV) H^(1/2), which is the layer's output's.", HelpName = "FILE" };
    public readonly Option<double?> ExactRows = OptionParsers.Number("--exact-rows", "SHARE", "Share of the rows, between 0 and 1, to store as they are within the same size: those the factors would fit worst.");
    public readonly Option<int?> ActiveColumns = OptionParsers.Whole("--active-columns", "M", "Solve U in a sample of about M columns, drawn by the Lewis weights of V: faster where the rank is small against the columns, with nothing certified (default: all columns).");
    public readonly Option<int?> Subspaces = OptionParsers.Whole("--subspaces", "J", "Approximate each row in the nearest of J subspaces, from 2 to 64, within the same size; their dimension, the rank, follows.");
    public readonly Option<int?> Restarts = OptionParsers.Whole("--restarts", "R", "Starts of the clustering by subspaces, on a sample of rows; the best goes on (default: 4).");
    public readonly Option<double?> Smoothing = OptionParsers.Number("--smoothing", "DELTA", "With --method simplex: share of the rows, between 0 and 1, that an archetype is the mean of (default: 0.03 / k).");
    public readonly Option<int?> Refine = OptionParsers.Whole("--refine", "R", "With --method simplex: rounds over all rows that move the archetypes to lower the squared error; they are means of rows no longer (default: none).");
    public readonly Option<string?> Vocabulary = new("--vocabulary") { Description = "With --method simplex: names of the rows, for the archetypes: one token a line, a vocab.json or a tokenizer.json (default: the model's own, where its format has them).", HelpName = "FILE" };
    public readonly Option<int?> Passes = OptionParsers.Whole("--passes", "Q", "Passes of method krylov over the matrix, from 1 to 64 (default: until one more can be expected to gain less than 0.1 %, at most 5).");
    public readonly Option<int?> BlockSize = OptionParsers.Whole("--block-size", "B", "Vectors that method krylov multiplies in a pass, the rank or more (default: a quarter more than the rank, 10 at least).");
    public readonly Option<int?> BlockRows = OptionParsers.Whole("--block-rows", "N", "Rows of a block, the unit of work (default: about 32 blocks, fewer of a wide matrix); part of what fixes the result's bytes.");
    public readonly Option<ulong?> Seed = OptionParsers.Seed("--seed", "Seed of the row samples and of random directions (default: 0).");
    public readonly Option<ElementType?> Dtype = OptionParsers.OptionalWord("--dtype", "Element type of the factors (default: the input's).", FactorTypes);
    public readonly Option<bool> Reconstruct = new("--reconstruct") { Description = "Also write the dense product under the old names, for loaders that cannot be changed." };
    public readonly Option<bool> Force = new("--force") { Description = "Replace an existing output." };

    public void AddTo(Command command)
    {
        command.Arguments.Add(Model);
        foreach (Option option in new Option[]
            { Output, Tensors, Exclude, Compression, PerTensor, Rank, TargetError, P, Tolerance, Method, Fit, Embedding, RowWeights, ColumnMetric, ExactRows, ActiveColumns, Subspaces, Restarts, Smoothing, Refine, Vocabulary, Passes, BlockSize, Dtype, Reconstruct, Seed, BlockRows, Force })
            command.Options.Add(option);
    }

    public JobSpec Read(ParseResult parse)
    {
        string model = parse.GetValue(Model)!;
        return new JobSpec
        {
            Input = model,
            Output = parse.GetValue(Output) ?? DefaultOutput(model),
            Tensors = [.. parse.GetValue(Tensors) ?? []],
            Exclude = [.. parse.GetValue(Exclude) ?? []],
            PerTensor = parse.GetValue(PerTensor),
            Rank = parse.GetValue(Rank),
            Compression = parse.GetValue(Compression),
            TargetError = parse.GetValue(TargetError),
            P = parse.GetValue(P)?.P ?? JobSpec.DefaultP(parse.GetValue(Method), parse.GetValue(TargetError)),
            AutoP = parse.GetValue(P)?.Auto ?? false,
            Tolerance = parse.GetValue(Tolerance),
            Method = parse.GetValue(Method),
            Fit = parse.GetValue(Fit),
            Embedding = parse.GetValue(Embedding),
            RowWeights = parse.GetValue(RowWeights),
            ColumnMetric = parse.GetValue(ColumnMetric),
            ExactRows = parse.GetValue(ExactRows),
            ActiveColumns = parse.GetValue(ActiveColumns),
            Subspaces = parse.GetValue(Subspaces),
            Restarts = parse.GetValue(Restarts),
            Smoothing = parse.GetValue(Smoothing),
            Refine = parse.GetValue(Refine),
            Vocabulary = parse.GetValue(Vocabulary),
            Passes = parse.GetValue(Passes),
            BlockSize = parse.GetValue(BlockSize),
            BlockRows = parse.GetValue(BlockRows),
            Seed = parse.GetValue(Seed) ?? 0,
            Dtype = parse.GetValue(Dtype),
            Reconstruct = parse.GetValue(Reconstruct),
            Force = parse.GetValue(Force),
        };
    }

    /// <summary>The output directory where none is named: <c>bert/model.safetensors</c> gives <c>model.clusterlp</c>.</summary>
    public static string DefaultOutput(string model)
    {
        string name = Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(model)));
        foreach (string ending in new[] { ".index.json", ".safetensors" })
            if (name.EndsWith(ending, StringComparison.OrdinalIgnoreCase))
                name = name[..^ending.Length];
        string extension = Path.GetExtension(name);
        if (extension.ToLowerInvariant() is ".onnx" or ".npy" or ".npz" or ".vec" or ".txt" or ".bin" or ".ftz")
            name = name[..^extension.Length];
        return name + ".clusterlp";
    }
}
