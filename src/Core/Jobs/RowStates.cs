using System.Runtime.InteropServices;
using ClusterLp.Core.Formats;
using ClusterLp.Core.LpFit;
using Microsoft.Win32.SafeHandles;

namespace ClusterLp.Core.Jobs;

/// <summary>
/// What this process remembers of blocks in the joint fit: the two latest states of each, in a nameless temporary file a
/// tensor, so that memory does not grow with the matrix. Only a shortcut: a state that is missing is replayed from A and
/// the list of bases. Thread-safe; shared by all slots of a process.
/// </summary>
/// <param name="folder">Null: the system's temporary folder.</param>
public sealed class RowStates(string? folder = null) : IDisposable
{
    private readonly Lock _lock = new();
    private readonly Dictionary<TensorPlan, SafeFileHandle?> _files = [];
    private readonly Dictionary<(TensorPlan Plan, int Block, int Slot), string> _keys = [];

    /// <summary>Reads the state of a block after the rounds that <paramref name="key"/> names; false where it is not remembered.</summary>
    /// <param name="round">How many rounds.</param>
    public bool TryRead(TensorPlan plan, int block, int round, string key, Span<float> state)
    {
        SafeFileHandle? file;
        lock (_lock)
        {
            if (_keys.GetValueOrDefault((plan, block, round % 2)) != key || !_files.TryGetValue(plan, out file) || file is null)
                return false;
        }
        try
        {
            Span<byte> bytes = MemoryMarshal.AsBytes(state);
            long at = Offset(plan, block, round);
            for (int read; bytes.Length > 0; bytes = bytes[read..], at += read)
                if ((read = RandomAccess.Read(file, bytes, at)) == 0)
                    return false;
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ObjectDisposedException)
        {
            return false;
        }
    }

    /// <summary>Remembers a state in place of the one two rounds older; on a full disk it is forgotten.</summary>
    public void Write(TensorPlan plan, int block, int round, string key, ReadOnlySpan<float> state)
    {
        SafeFileHandle? file;
        lock (_lock)
        {
            _keys.Remove((plan, block, round % 2));
            if (!_files.TryGetValue(plan, out file))
                _files.Add(plan, file = Open());
        }
        if (file is null)
            return;
        try
        {
            RandomAccess.Write(file, MemoryMarshal.AsBytes(state), Offset(plan, block, round));
            lock (_lock)
                _keys[(plan, block, round % 2)] = key;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ObjectDisposedException)
        {
            // Replaying costs time alone.
        }
    }

    /// <summary>Gives the tensor's disk space back.</summary>
    public void Forget(TensorPlan plan)
    {
        lock (_lock)
        {
            if (!_files.Remove(plan, out SafeFileHandle? file))
                return;
            file?.Dispose();
            foreach (var key in _keys.Keys.Where(key => key.Plan == plan).ToList())
                _keys.Remove(key);
        }
    }

    public void Dispose()
    {
        foreach (TensorPlan plan in _files.Keys.ToList())
            Forget(plan);
    }

    private static long Offset(TensorPlan plan, int block, int round) =>
        (2L * block + round % 2) * sizeof(float) * JointFit.StateLength(plan.Partition.RowCount(0), plan.Columns);

    private SafeFileHandle? Open()
    {
        try
        {
            return TemporaryFile.Create("rows", folder);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
