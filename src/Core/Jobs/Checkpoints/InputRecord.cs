using System.Collections.Immutable;
using ClusterLp.Core.Formats;
using ClusterLp.Core.Formats.Output;
using ClusterLp.Core.Reporting;
using ClusterLp.Core.Storage;

namespace ClusterLp.Core.Jobs.Checkpoints;

/// <summary>An input file as it was when a job began.</summary>
/// <param name="Path">Absolute.</param>
/// <param name="Bytes">Its length.</param>
/// <param name="Modified">When it was last written (UTC).</param>
/// <param name="Sha256">Lower-case hexadecimal; null until the file has been hashed.</param>
/// <param name="Version">An object's ETag; null for a file.</param>
public sealed record InputStamp(string Path, long Bytes, DateTime Modified, string? Sha256 = null, string? Version = null);

/// <summary><c>checkpoints/inputs</c> of a job directory: which files a job reads, so that a change is seen between and during its runs.</summary>
public static class InputRecord
{
    /// <summary>The files a plan reads, as they are now. Opens the model, which may take a pass over it: once a run.</summary>
    /// <exception cref="ClusterLpException">One is missing (exit 66).</exception>
    public static ImmutableArray<InputStamp> Of(JobPlan plan)
    {
        using IModel model = ModelFiles.Open(plan.Tensors[0].Input);
        return [.. model.Files.Concat(plan.Tensors.SelectMany(tensor => new[] { tensor.RowWeights, tensor.ColumnMetric }).OfType<string>()).Distinct().Select(Stamp)];
    }

    /// <summary>Records the stamps.</summary>
    /// <exception cref="ClusterLpException">They cannot be written (exit 73).</exception>
    public static void Write(string jobDirectory, ImmutableArray<InputStamp> stamps, bool durable) =>
        JobFiles.Replace(FileOf(jobDirectory), CheckpointLine.Write(new Stamps(stamps)), durable);

    /// <summary>
    /// Compares the files with their record: lengths always; the contents by their hash where the time of writing differs.
    /// </summary>
    /// <exception cref="ClusterLpException">One has changed (exit 65).</exception>
    public static void EnsureUnchanged(string jobDirectory, ImmutableArray<InputStamp> now)
    {
        foreach (InputStamp was in Read(jobDirectory))
        {
            InputStamp? file = now.FirstOrDefault(file => file.Path == was.Path);
            bool same = file is not null && file.Bytes == was.Bytes
                && (file.Modified == was.Modified && file.Version == was.Version || was.Sha256 is not null && FileHashing.Hash(was.Path, CancellationToken.None).Sha256 == was.Sha256);
            if (!same)
                throw Changed(was, file, "since the job began");
        }
    }

    /// <summary>Compares the files with what they were when this run began, before its output may appear.</summary>
    /// <param name="before">Stamps taken at the beginning.</param>
    /// <param name="jobDirectory">Whose record of hashes is compared.</param>
    /// <param name="hashes">What this run read.</param>
    /// <exception cref="ClusterLpException">One has changed (exit 65) or is missing (66).</exception>
    public static void Conclude(ImmutableArray<InputStamp> before, string jobDirectory, IEnumerable<FileHash> hashes)
    {
        Dictionary<string, InputStamp> now = before.ToDictionary(was => was.Path, was => Stamp(was.Path));
        foreach (InputStamp was in before)
            if (now[was.Path] != was)
                throw Changed(was, now[was.Path], "while the job ran");
        Dictionary<string, string> hashOf = hashes.ToDictionary(hash => hash.Path, hash => hash.Sha256);
        foreach (InputStamp was in Read(jobDirectory))
            if (was.Sha256 is { } known && hashOf.GetValueOrDefault(System.IO.Path.GetFileName(was.Path), known) != known)
                throw Changed(was, now.GetValueOrDefault(was.Path), "since the job began");
    }

    /// <summary>Completes the record with hashes, so that a copied or touched file is known for the same by a later run.</summary>
    public static void AddHashes(string jobDirectory, IEnumerable<FileHash> hashes, bool durable)
    {
        Dictionary<string, string> hashOf = hashes.ToDictionary(hash => hash.Path, hash => hash.Sha256);
        Write(jobDirectory, [.. Read(jobDirectory).Select(was => was with { Sha256 = was.Sha256 ?? hashOf.GetValueOrDefault(System.IO.Path.GetFileName(was.Path)) })], durable);
    }

    private static InputStamp Stamp(string path)
    {
        StoredStamp file = StoredFiles.Stat(path) ?? throw ClusterLpException.InputMissing($"{path}: no such file.");
        return new InputStamp(file.Path, file.Length, file.Modified, Version: file.Version);
    }

    // A damaged record compares with nothing; what the rows were is also in the scan's checksums.
    private static ImmutableArray<InputStamp> Read(string jobDirectory) =>
        JobFiles.Read(FileOf(jobDirectory)) is { } line && CheckpointLine.Read<Stamps>(line.AsSpan().TrimEnd((byte)'\n'), described: true) is { Files.IsDefault: false } stamps
            ? stamps.Files
            : [];

    private static string FileOf(string jobDirectory) => StoredFiles.Combine(jobDirectory, "checkpoints", "inputs");

    internal sealed record Stamps(ImmutableArray<InputStamp> Files);

    private static ClusterLpException Changed(InputStamp was, InputStamp? now, string when) => ClusterLpException.BadInput(
        now is null ? $"{was.Path}: the input is not read any more, but was when the job began."
        : now.Bytes != was.Bytes ? $"{was.Path}: the input has changed {when}: it had {was.Bytes} bytes and has {now.Bytes}; give the job another directory or put the file back."
        : $"{was.Path}: the input has changed {when} (written {now.Modified:yyyy-MM-dd HH:mm:ss.fff}, then {was.Modified:yyyy-MM-dd HH:mm:ss.fff} UTC); give the job another directory or put the file back.");
}
