using System.Collections.Immutable;
using ClusterLp.Core.FactorModels;
using ClusterLp.Core.Formats;
using ClusterLp.Core.Formats.Output;
using ClusterLp.Core.Formats.Onnx;
using ClusterLp.Core.Formats.Safetensors;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Jobs.Blobs;
using ClusterLp.Core.Storage;

namespace ClusterLp.Core.Reporting;

/// <summary>
/// Checks an output directory against the input from the files alone: hashes, every error of the stored factors (by a
/// float64 product of its own), those of the SVD of the same rank, and that all other tensors (of an ONNX model: all other bytes) are identical. Row weights
/// and a column metric are read again from their files; where one is gone, the figures that need it are not recomputed.
/// </summary>
public static class OutputVerifier
{
    /// <summary>Relative tolerance of a figure: the run measures its errors in float32 products.</summary>
    public const double Tolerance = 1e-4;

    private const int CompareBytes = 4 << 20;

    /// <summary>Runs all checks; what disagrees is in the result, not thrown.</summary>
    /// <param name="outputDirectory">A committed output.</param>
    /// <param name="againstModel">The model it was made from.</param>
    /// <param name="given">Where row weights and column metric lie now; null: where the report says they lay, if they still do.</param>
    /// <param name="progress">Receives the share done, 0 to 1, from several threads.</param>
    /// <param name="cancellation">Checked at every block of rows.</param>
    /// <exception cref="ClusterLpException">
    /// Output, report or input is missing (exit 66) or unreadable, or a factor the report names is not there (65).
    /// </exception>
    public static VerifyResult Verify(
        string outputDirectory, string againstModel, SideFiles given, IProgress<double>? progress, CancellationToken cancellation)
    {
        outputDirectory = StoredFiles.Absolute(outputDirectory);
        JobReport report = ReadReport(outputDirectory);
        using IModel input = ModelFiles.Open(againstModel);
        ImmutableArray<VerifiedFile> files =
        [
            .. report.Outputs.Concat(report.Carried).Select(file => CheckFile(Inside(outputDirectory, file.Path), file, isInput: false, cancellation)),
            .. CheckInputs(report, input, cancellation),
        ];
        using IModel output = ModelFiles.Open(ModelPath(outputDirectory, report));

        var needed = new SideFiles(report.Parameters.RowWeights, report.Parameters.ColumnMetric);
        SideFiles found = Find(needed, given);
        long total = 1, done = 0;
        void RowsDone(long rows) => progress?.Report(Math.Min(1, Interlocked.Add(ref done, rows) / (double)total));
        TensorVerifier[] tensors = [.. report.Tensors.Select(tensor => new TensorVerifier(tensor, needed, found, RowsDone, cancellation))];
        total = Math.Max(1, tensors.Zip(report.Tensors, (verifier, tensor) => verifier.Passes * tensor.Rows).Sum());
        ImmutableArray<VerifiedFigure> figures = [.. tensors.SelectMany(tensor => tensor.Check(input, output))];
        if (found.ColumnMetric is { } metric && report.Tensors.FirstOrDefault()?.Metric is { } reported)
            files = files.Add(new VerifiedFile(metric, true, reported.Sha256, FileHashing.Hash(metric, cancellation).Sha256));
        HashSet<string> compressed = [.. report.Tensors.Select(tensor => tensor.Name), .. report.Ties.Select(tie => tie.Name)];
        ImmutableArray<VerifiedTensor> untouched = (input, output) switch
        {
            (SafetensorsModel original, SafetensorsModel made) =>
            [
                .. original.Tensors.Where(tensor => !compressed.Contains(tensor.Name))
                    .Select(tensor => new VerifiedTensor(tensor.Name, Difference((original, tensor.Name), (made, tensor.Name), cancellation))),
                .. report.Ties.SelectMany(tie => CheckTie(original, made, tie, report, cancellation)),
            ],
            (OnnxModel original, OnnxModel made) => [.. OnnxFactors.Compare(original, made, report.Tensors, cancellation)],
            _ => [],
        };
        return new VerifyResult(files, figures, untouched) { NotRecomputed = NotRecomputed(needed, found) };
    }

    private static SideFiles Find(SideFiles needed, SideFiles given)
    {
        return new SideFiles(Find("row weights", needed.RowWeights, given.RowWeights), Find("column metric", needed.ColumnMetric, given.ColumnMetric));

        static string? Find(string what, string? recorded, string? given) =>
            recorded is null && given is not null ? throw ClusterLpException.Usage($"{given}: the job had no {what}, and there is nothing to recompute with it.")
            : given is not null && !StoredFiles.Exists(given) ? throw ClusterLpException.InputMissing($"{given}: no such file of {what}.")
            : given ?? (recorded is not null && StoredFiles.Exists(recorded) ? recorded : null);
    }

    private static string? NotRecomputed(SideFiles needed, SideFiles found)
    {
        (string Figures, string Option, string? File)[] missing =
        [
            ("the row-weighted figures", "--row-weights", found.RowWeights is null ? needed.RowWeights : null),
            ("those in the column metric", "--column-metric", found.ColumnMetric is null ? needed.ColumnMetric : null),
        ];
        missing = [.. missing.Where(side => side.File is not null)];
        return missing.Length == 0 ? null
            : $"Not recomputed: the SVD's figures, {string.Join(" and ", missing.Select(side => side.Figures))}; they need "
                + string.Join(" and ", missing.Select(side => $"{side.Option} ({side.File} is gone)")) + ".";
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
        new(reported.Path, isInput, reported.Sha256, StoredFiles.Exists(path) ? FileHashing.Hash(path, cancellation).Sha256 : null);

    // A report is data from outside: its file names cannot lead out of the directory it lies in.
    private static string Inside(string directory, string name)
    {
        if (ObjectStores.IsAddress(directory) && BlobNames.IsInside(name))
            return StoredFiles.Combine(directory, name);
        string root = Path.GetFullPath(directory), path = Path.GetFullPath(name, root);
        return path.StartsWith(root.TrimEnd(Path.DirectorySeparatorChar) + Path.DirectorySeparatorChar, StringComparison.Ordinal)
            ? path
            : throw ClusterLpException.BadInput($"{directory}: the report names the output file \"{name}\", which leads outside the directory.");
    }

    /// <summary>The report of an output directory.</summary>
    /// <exception cref="ClusterLpException">It is missing (exit 66) or unreadable (65).</exception>
    public static JobReport ReadReport(string outputDirectory) => StoredFiles.FolderExists(outputDirectory = StoredFiles.Absolute(outputDirectory))
        ? ReportJson.Read(StoredFiles.Combine(outputDirectory, OutputDirectory.ReportName))
        : throw ClusterLpException.InputMissing($"{outputDirectory}: no such output directory.");

    /// <summary>Where an output's model lies: its index where it is sharded.</summary>
    internal static string ModelPath(string directory, JobReport report)
    {
        FileHash? index = report.Outputs.FirstOrDefault(file => file.Path.EndsWith(".index.json", StringComparison.Ordinal));
        FileHash model = index ?? report.Outputs.FirstOrDefault()
            ?? throw ClusterLpException.BadInput($"{directory}: the report names no output files.");
        return Inside(directory, model.Path);
    }

    // A tensor that holds the data of another, and its factors those of the other's.
    private static IEnumerable<VerifiedTensor> CheckTie(SafetensorsModel input, SafetensorsModel output, TiedTensor tie, JobReport report, CancellationToken cancellation)
    {
        yield return new VerifiedTensor(tie.Name, Difference((input, tie.Of), (input, tie.Name), cancellation));
        (FactorNames factors, FactorNames others) = (FactorNames.For(input, tie.Name), FactorNames.For(input, tie.Of));
        IFactorModel model = Models.Of(report.Tensors.First(tensor => tensor.Name == tie.Of));
        foreach ((string copy, string of) in model.StoredNames(factors).Zip(model.StoredNames(others)))
            yield return new VerifiedTensor(copy, Difference((output, of), (output, copy), cancellation));
    }

    private static string? Difference((SafetensorsModel Model, string Name) of, (SafetensorsModel Model, string Name) from, CancellationToken cancellation)
    {
        if (!from.Model.Contains(from.Name) || !of.Model.Contains(of.Name))
            return "missing";
        (SafetensorsFile shard, SafetensorsEntry entry) = of.Model.Find(of.Name);
        (SafetensorsFile copyShard, SafetensorsEntry copy) = from.Model.Find(from.Name);
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
