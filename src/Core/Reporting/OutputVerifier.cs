using System.Collections.Immutable;
using ClusterLp.Core.Formats;
using ClusterLp.Core.Formats.Output;
using ClusterLp.Core.Formats.Safetensors;

namespace ClusterLp.Core.Reporting;

/// <summary>
/// Checks an output directory against the input from the files alone: hashes, every error of the stored factors (by a
/// float64 product of its own), and that all other tensors are byte-identical. Row-weighted errors and the SVD's are not
/// recomputed.
/// </summary>
public static class OutputVerifier
{
    /// <summary>Relative tolerance of a figure: the run measures its errors in float32 products.</summary>
    public const double Tolerance = 1e-4;

    /// <summary>Rounding of one float32 operation, relative to the magnitudes that went in.</summary>
    private const double Float32Rounding = 1.0 / (1 << 24);

    private const int CompareBytes = 4 << 20;

    /// <summary>Runs all checks; what disagrees is in the result, not thrown.</summary>
    /// <param name="outputDirectory">A committed output.</param>
    /// <param name="againstModel">The model it was made from.</param>
    /// <param name="progress">Receives the share done, 0 to 1, from several threads.</param>
    /// <param name="cancellation">Checked at every block of rows.</param>
    /// <exception cref="ClusterLpException">
    /// Output, report or input is missing (exit 66) or unreadable, or a factor the report names is not there (65).
    /// </exception>
    public static VerifyResult Verify(string outputDirectory, string againstModel, IProgress<double>? progress, CancellationToken cancellation)
    {
        if (!Directory.Exists(outputDirectory))
            throw ClusterLpException.InputMissing($"{outputDirectory}: no such output directory.");
        JobReport report = ReportJson.Read(Path.Combine(outputDirectory, OutputDirectory.ReportName));
        using IModel input = ModelFiles.Open(againstModel);
        ImmutableArray<VerifiedFile> files =
        [
            .. report.Outputs.Select(file => CheckFile(Inside(outputDirectory, file.Path), file, isInput: false, cancellation)),
            .. CheckInputs(report, input, cancellation),
        ];
        using var output = (SafetensorsModel)ModelFiles.Open(Model(outputDirectory, report));

        long total = Math.Max(1, report.Tensors.Sum(tensor => tensor.Rows)), done = 0;
        void RowsDone(long rows) => progress?.Report(Interlocked.Add(ref done, rows) / (double)total);
        ImmutableArray<VerifiedFigure> figures =
            [.. report.Tensors.SelectMany(tensor => CheckTensor(tensor, input, output, RowsDone, cancellation))];
        HashSet<string> compressed = [.. report.Tensors.Select(tensor => tensor.Name)];
        ImmutableArray<VerifiedTensor> untouched = input is SafetensorsModel original
            ? [.. original.Tensors.Where(tensor => !compressed.Contains(tensor.Name))
                .Select(tensor => new VerifiedTensor(tensor.Name, Difference(original, output, tensor.Name, cancellation)))]
            : [];
        return new VerifyResult(files, figures, untouched);
    }

    private static IEnumerable<VerifiedFile> CheckInputs(JobReport report, IModel input, CancellationToken cancellation)
    {
        for (int i = 0; i < report.Inputs.Length; i++)
            yield return i < input.Files.Count
                ? CheckFile(input.Files[i], report.Inputs[i], isInput: true, cancellation)
                : new VerifiedFile(report.Inputs[i].Path, true, report.Inputs[i].Sha256, null);
        foreach (string extra in input.Files.Skip(report.Inputs.Length))
            yield return new VerifiedFile(Path.GetFileName(extra), true, "", FileHashing.Hash(extra, cancellation).Sha256);
    }

    private static VerifiedFile CheckFile(string path, FileHash reported, bool isInput, CancellationToken cancellation) =>
        new(reported.Path, isInput, reported.Sha256, File.Exists(path) ? FileHashing.Hash(path, cancellation).Sha256 : null);

    // A report is data from outside: its file names cannot lead out of the directory it lies in.
    private static string Inside(string directory, string name)
    {
        string root = Path.GetFullPath(directory), path = Path.GetFullPath(name, root);
        return path.StartsWith(root.TrimEnd(Path.DirectorySeparatorChar) + Path.DirectorySeparatorChar, StringComparison.Ordinal)
            ? path
            : throw ClusterLpException.BadInput($"{directory}: the report names the output file \"{name}\", which leads outside the directory.");
    }

    private static string Model(string directory, JobReport report)
    {
        FileHash? index = report.Outputs.FirstOrDefault(file => file.Path.EndsWith(".index.json", StringComparison.Ordinal));
        FileHash model = index ?? report.Outputs.FirstOrDefault()
            ?? throw ClusterLpException.BadInput($"{directory}: the report names no output files.");
        return Inside(directory, model.Path);
    }

    private static IEnumerable<VerifiedFigure> CheckTensor(
        TensorReport tensor, IModel input, SafetensorsModel output, Action<long> rowsDone, CancellationToken cancellation)
    {
        FactorNames names = FactorNames.For(input, tensor.Name);
        using IMatrixSource a = input.OpenMatrix(tensor.Name), u = output.OpenMatrix(names.U), v = output.OpenMatrix(names.V);
        if (u.Rows != a.Rows || v.Rows != a.Columns || u.Columns != v.Columns)
            throw ClusterLpException.BadInput($"{output.Path}: the factors of \"{tensor.Name}\" are {u.Rows} x {u.Columns} and {v.Rows} x {v.Columns}; "
                + $"expected {a.Rows} x k and {a.Columns} x k.");
        ResidualSums sums = ResidualSums.Of(a, u, v, tensor.P, rowsDone, cancellation);

        double inputLp = Math.Pow(sums.InputPower, 1 / tensor.P), inputFrobenius = Math.Sqrt(sums.InputSquares);
        double lp = Math.Pow(sums.Power, 1 / tensor.P), frobenius = Math.Sqrt(sums.Squares);
        // An entry of A - U V in float32 is off by some roundings of A's magnitude, whatever is left of it: where the factors
        // are all but exact, that is what both sides measure.
        double entries = (double)a.Rows * a.Columns, rounding = Float32Rounding * Math.Sqrt(u.Columns);
        double floor = rounding * inputFrobenius;
        VerifiedFigure Figure(string name, double reported, double recomputed, double slack) => new(tensor.Name, name, reported, recomputed,
            Math.Abs(reported - recomputed) <= Tolerance * Math.Abs(recomputed) + slack);

        yield return Figure("rank", tensor.Rank, u.Columns, 0);
        yield return Figure("l1", tensor.Errors.L1, sums.L1, floor * Math.Sqrt(entries));
        yield return Figure("lp", tensor.Errors.Lp, lp, floor * Math.Pow(entries, 1 / tensor.P - 0.5));
        yield return Figure("frobenius", tensor.Errors.Frobenius, frobenius, floor);
        yield return Figure("maxRow", tensor.Errors.MaxRow, Math.Sqrt(sums.MaxRowSquares), floor);
        yield return Figure("relativeLp", tensor.RelativeLp, inputLp > 0 ? lp / inputLp : 0, rounding * Math.Sqrt(entries) * inputFrobenius / Math.Max(inputLp, double.Epsilon));
        yield return Figure("relativeFrobenius", tensor.RelativeFrobenius, inputFrobenius > 0 ? frobenius / inputFrobenius : 0, rounding);
    }

    private static string? Difference(SafetensorsModel input, SafetensorsModel output, string name, CancellationToken cancellation)
    {
        if (!output.Contains(name))
            return "missing";
        (SafetensorsFile shard, SafetensorsEntry entry) = input.Find(name);
        (SafetensorsFile copyShard, SafetensorsEntry copy) = output.Find(name);
        if (copy.Type != entry.Type || !copy.Shape.AsSpan().SequenceEqual(entry.Shape))
            return $"{copy.Type} [{string.Join(", ", copy.Shape)}] instead of {entry.Type} [{string.Join(", ", entry.Shape)}]";
        for (long offset = 0; offset < entry.Length; offset += CompareBytes)
        {
            cancellation.ThrowIfCancellationRequested();
            int length = (int)Math.Min(CompareBytes, entry.Length - offset);
            int same = shard.Bytes(entry, offset, length).CommonPrefixLength(copyShard.Bytes(copy, offset, length));
            if (same < length)
                return $"byte {offset + same} differs";
        }
        return null;
    }
}
