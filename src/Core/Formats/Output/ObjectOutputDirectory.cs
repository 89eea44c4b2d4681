using System.Globalization;
using System.Text.Json;
using ClusterLp.Core.Jobs.Blobs;
using ClusterLp.Core.Storage;

namespace ClusterLp.Core.Formats.Output;

/// <summary>
/// An output below a prefix of an object store. Its files travel while they are written, but get their names only in
/// <see cref="Commit"/>, each at once and whole; <see cref="OutputDirectory.ReportName"/> is the last, so that an output with
/// a report is complete. An output that is replaced loses its report first. The object <c>clusterlp.partial</c> says that a
/// run is writing, and which.
/// </summary>
internal sealed class ObjectOutputDirectory : OutputDirectory
{
    /// <summary>Whose output is being written here; removed when it is complete.</summary>
    private const string MarkName = "clusterlp.partial";

    private const int LargestMark = 1 << 16;

    private readonly IObjectStore _objects;
    private readonly bool _force;
    private readonly OutputOwner _owner;
    private readonly List<(string Name, ObjectUpload Upload)> _files = [];
    private byte[]? _report;
    private bool _naming, _done;

    private ObjectOutputDirectory(string address, bool force, OutputOwner owner) : base(address) =>
        (_objects, _force, _owner) = (ObjectStores.Of(address), force, owner);

    /// <summary>Takes the prefix, unless another job has it; what an earlier run of this one left there is dropped.</summary>
    /// <exception cref="ClusterLpException">It holds something that must not be replaced, or another run has it (exit 73).</exception>
    public static ObjectOutputDirectory Begin(string address, bool force, OutputOwner owner)
    {
        EnsureFree(address, force, owner.Job);
        string mark = StoredFiles.Combine(address, MarkName);
        byte[] ours = JsonSerializer.SerializeToUtf8Bytes(owner);
        if (!StoredFiles.TryCreate(mark, ours))
        {
            if (ReadMark(address) is { } other && other.Job != owner.Job && !force)
                throw Busy(address, other);
            StoredFiles.Replace(mark, ours, durable: true);
        }
        ObjectStores.Of(address).AbortUploads(address);
        return new ObjectOutputDirectory(address, force, owner);
    }

    /// <summary>As for directories; a prefix is taken by any object in it but what an earlier run of <paramref name="job"/> left.</summary>
    internal static void EnsureFree(string address, bool force, string job)
    {
        if (StoredFiles.Exists(address))
            throw ClusterLpException.CannotWrite($"{address}: an object of this name exists; choose another output.");
        HashSet<string> found = [.. StoredFiles.Names(address)];
        if (found.Count == 0)
            return;
        bool complete = found.Contains(ReportName);
        if (found.Contains(MarkName) && ReadMark(address) is { } mark)
        {
            // Before a job has its name, its own mark and another's look the same.
            if (job.Length > 0 && mark.Job != job && !force)
                throw Busy(address, mark);
            if (!complete)
                return;
        }
        if (complete && !force)
            throw ClusterLpException.CannotWrite($"{address}: the output exists; choose another, or replace it with --force.");
        if (!complete)
            throw ClusterLpException.CannotWrite(
                $"{address}: there are objects but no {ReportName}, so it is not an output of this tool and is not replaced, even with --force.");
    }

    public override Stream? AdoptFile(string name, string existing) => null;

    public override Stream CreateFile(string name)
    {
        if (!BlobNames.IsInside(name) || name is ReportName or MarkName)
            throw ClusterLpException.CannotWrite($"{Path}: the file \"{name}\" leads outside the output, or is not one of a model.");
        ObjectUpload upload = _objects.BeginUpload(StoredFiles.Combine(Path, name));
        _files.Add((name, upload));
        return new NamelessFile(upload);
    }

    public override void WriteFile(string name, ReadOnlySpan<byte> bytes)
    {
        if (name == ReportName)
        {
            _report = bytes.ToArray();
            return;
        }
        using Stream file = CreateFile(name);
        file.Write(bytes);
        file.Flush();
    }

    public override void Commit()
    {
        if (ReadMark(Path) is not { } mark || mark != _owner)
            throw new ClusterLpException(ExitCode.Resumable, $"{Path}: another run has taken this output over; this one stops and has written nothing there.");
        EnsureFree(Path, _force, _owner.Job);
        _naming = true;
        string[] old = [.. _objects.List(Path).Select(item => item.Path[(Path.Length + 1)..]).Where(name => name != MarkName)];
        // First of all the report: nobody may take a mixture for an output.
        if (old.Contains(ReportName))
            StoredFiles.Delete(StoredFiles.Combine(Path, ReportName));
        foreach ((_, ObjectUpload upload) in _files)
            upload.Complete();
        _objects.Delete([.. old.Except(_files.Select(file => file.Name)).Where(name => name != ReportName).Select(name => StoredFiles.Combine(Path, name))]);
        if (_report is not null && !_objects.PutIfAbsent(StoredFiles.Combine(Path, ReportName), _report))
            throw ClusterLpException.CannotWrite($"{Path}: another run has written its {ReportName} there at the same time; delete this output and run the command again.");
        _done = true;
        StoredFiles.Delete(StoredFiles.Combine(Path, MarkName));
    }

    public override void Dispose()
    {
        foreach ((_, ObjectUpload upload) in _files)
            upload.Dispose();
        _files.Clear();
        // With some names given the mark must stay: by it the next run knows what lies here.
        if (_done || _naming)
            return;
        try
        {
            if (ReadMark(Path) == _owner)
                StoredFiles.Delete(StoredFiles.Combine(Path, MarkName));
        }
        catch (ClusterLpException)
        {
            // The next run of this job takes it over.
        }
        _naming = true;
    }

    private static OutputOwner? ReadMark(string address)
    {
        try
        {
            return StoredFiles.Read(StoredFiles.Combine(address, MarkName), LargestMark) is { } mark ? JsonSerializer.Deserialize<OutputOwner>(mark) : null;
        }
        catch (JsonException)
        {
            return new OutputOwner("?", 0);
        }
    }

    private static ClusterLpException Busy(string address, OutputOwner other) => ClusterLpException.CannotWrite(string.Create(CultureInfo.InvariantCulture,
        $"{address}: job {other.Job} is writing this output, or was when it was killed ({MarkName}): wait for it, run it again, or take its place with --force."));

    /// <summary>A file whose bytes are kept when it is closed, until the output is committed or dropped.</summary>
    private sealed class NamelessFile(ObjectUpload upload) : Stream
    {
        public override bool CanRead => false;
        public override bool CanSeek => false;
        public override bool CanWrite => true;
        public override long Length => upload.Length;
        public override long Position { get => upload.Length; set => throw new NotSupportedException(); }
        public override void Write(ReadOnlySpan<byte> buffer) => upload.Write(buffer);
        public override void Write(byte[] buffer, int offset, int count) => upload.Write(buffer.AsSpan(offset, count));
        public override void Flush() => upload.Finish();
        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();
        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
        public override void SetLength(long value) => throw new NotSupportedException();
    }
}
