using System.Collections.Immutable;
using ClusterLp.Core.Formats;
using ClusterLp.Core.Formats.Output;
using ClusterLp.Core.Formats.Safetensors;
using ClusterLp.Core.Kernels;

namespace ClusterLp.Core.Reporting;

/// <summary>
/// Checks an output directory against the input from the files alone: hashes, every error of the stored factors (by a
/// float64 product of its own), those of the SVD of the same rank, and that all other tensors are byte-identical. Where rows
/// were weighted, the weighted error and the weighted SVD's are not recomputed.
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

        bool weighted = report.Parameters.RowWeights is not null;
        long total = Math.Max(1, report.Tensors.Sum(tensor => tensor.Rows) * (weighted ? 1 : 2)), done = 0;
        void RowsDone(long rows) => progress?.Report(Interlocked.Add(ref done, rows) / (double)total);
        ImmutableArray<VerifiedFigure> figures =
            [.. report.Tensors.SelectMany(tensor => CheckTensor(tensor, weighted, input, output, RowsDone, cancellation))];
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
        TensorReport tensor, bool weighted, IModel input, SafetensorsModel output, Action<long> rowsDone, CancellationToken cancellation)
    {
        FactorNames names = FactorNames.For(input, tensor.Name);
        using IMatrixSource a = input.OpenMatrix(tensor.Name), u = output.OpenMatrix(names.U), v = output.OpenMatrix(names.V);
        (int d, int k) = (a.Columns, u.Columns);
        if (u.Rows != a.Rows || v.Rows != d || v.Columns != k)
            throw ClusterLpException.BadInput($"{output.Path}: the factors of \"{tensor.Name}\" are {u.Rows} x {k} and {v.Rows} x {v.Columns}; "
                + $"expected {a.Rows} x k and {d} x k.");
        var transposedV = new float[d * k];
        v.ReadRows(0, d, transposedV);
        PackedMatrix<double> right = PackedMatrix<double>.FromTransposed(Array.ConvertAll(transposedV, x => (double)x), k, d);
        ResidualSums sums = ResidualSums.Of(a, u, right, tensor.P, rowsDone, cancellation);

        VerifiedFigure Figure(string name, double reported, double recomputed, double slack) => new(tensor.Name, name, reported, recomputed,
            Math.Abs(reported - recomputed) <= Tolerance * Math.Abs(recomputed) + slack);
        IEnumerable<VerifiedFigure> FourErrors(string prefix, Errors reported, ResidualSums found, double floor, bool frobeniusOnly)
        {
            double entries = (double)a.Rows * d;
            yield return Figure(prefix + "frobenius", reported.Frobenius, Math.Sqrt(found.Squares), floor);
            if (frobeniusOnly)
                yield break;
            yield return Figure(prefix + "l1", reported.L1, found.L1, floor * Math.Sqrt(entries));
            yield return Figure(prefix + "lp", reported.Lp, Math.Pow(found.Power, 1 / tensor.P), floor * Math.Pow(entries, 1 / tensor.P - 0.5));
            yield return Figure(prefix + "maxRow", reported.MaxRow, Math.Sqrt(found.MaxRowSquares), floor);
        }

        // An entry of A - U V in float32 is off by some roundings of A's magnitude, whatever is left of it: where the factors
        // are all but exact, that is what both sides measure.
        double inputLp = Math.Pow(sums.InputPower, 1 / tensor.P), inputFrobenius = Math.Sqrt(sums.InputSquares);
        double rounding = Float32Rounding * Math.Sqrt(d);
        yield return Figure("rank", tensor.Rank, k, 0);
        foreach (VerifiedFigure figure in FourErrors("", tensor.Errors, sums, rounding * inputFrobenius, frobeniusOnly: false))
            yield return figure;
        if (inputFrobenius > 0)
        {
            yield return Figure("relativeLp", tensor.RelativeLp, Math.Pow(sums.Power, 1 / tensor.P) / inputLp, rounding);
            yield return Figure("relativeFrobenius", tensor.RelativeFrobenius, Math.Sqrt(sums.Squares) / inputFrobenius, rounding);
        }
        if (weighted)
            yield break;
        (PackedMatrix<double> projection, bool unique) = SvdProjection.Of(a, k, cancellation);
        ResidualSums svd = ResidualSums.Of(a, a, projection, tensor.P, rowsDone, cancellation);
        foreach (VerifiedFigure figure in FourErrors("svd.", tensor.Svd, svd, rounding * inputFrobenius, frobeniusOnly: !unique))
            yield return figure;
    }

    private static string? Difference(SafetensorsModel input, SafetensorsModel output, string name, CancellationToken cancellation)
    {
        if (!output.Contains(name))
            return "missing";
        (SafetensorsFile shard, SafetensorsEntry entry) = input.Find(name);
        (SafetensorsFile copyShard, SafetensorsEntry copy) = output.Find(name);
        if (copy.Type != entry.Type || !copy.Shape.AsSpan().SequenceEqual(entry.Shape))
            return $"{copy.Type} [{string.Join(", ", copy.Shape)}] instead of {entry.Type} [{string.Join(", ", entry.Shape)}]";
        var (bytes, copied) = (new byte[Math.Min(CompareBytes, entry.Length)], new byte[Math.Min(CompareBytes, entry.Length)]);
        for (long offset = 0; offset < entry.Length; offset += CompareBytes)
        {
            cancellation.ThrowIfCancellationRequested();
            int length = (int)Math.Min(CompareBytes, entry.Length - offset);
            shard.Read(entry, offset, bytes.AsSpan(0, length));
            copyShard.Read(copy, offset, copied.AsSpan(0, length));
            int same = bytes.AsSpan(0, length).CommonPrefixLength(copied.AsSpan(0, length));
            if (same < length)
                return $"byte {offset + same} differs";
        }
        return null;
    }
}
