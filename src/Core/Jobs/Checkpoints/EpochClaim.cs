using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;
using ClusterLp.Core.Faults;
using ClusterLp.Core.Reporting;
using ClusterLp.Core.Storage;

namespace ClusterLp.Core.Jobs.Checkpoints;

/// <summary>
/// A process' claim to a job directory. <c>epochs/N</c> is created by whoever claims epoch N, which only one can; the
/// newest epoch owns the job. The owner shows that it lives by counting in <c>epochs/N.alive</c>, and says there when it
/// leaves. An owner that is superseded finds out before it next writes. Thread-safe.
/// </summary>
public sealed class EpochClaim : IDisposable
{
    private static readonly TimeSpan LookEvery = TimeSpan.FromMilliseconds(200);

    // Requests cost.
    private static TimeSpan BeatEvery(string folder) => TimeSpan.FromSeconds(ObjectStores.IsAddress(folder) ? 3 : 1);

    private const int LargestClaim = 1 << 16;

    /// <summary>As long as a count.</summary>
    private const string Left = "left......";

    private readonly string _folder;
    private readonly Thread _heart;
    private readonly ManualResetEventSlim _released = new();
    private long _beats;

    private EpochClaim(string folder, Epoch epoch)
    {
        (_folder, Epoch) = (folder, epoch);
        Beat();
        // A thread of its own: a process busy with numbers may leave the pool's threads no time.
        _heart = new Thread(() =>
        {
            while (!_released.Wait(BeatEvery(_folder)))
                Beat();
        }) { IsBackground = true, Name = "heart" };
        _heart.Start();
    }

    /// <summary>1 or more.</summary>
    public Epoch Epoch { get; }

    /// <summary>
    /// Claims the next epoch, unless the present owner lives. Of an owner on this machine that is known at once, unless it
    /// hangs; any other is watched for <paramref name="silence"/>.
    /// </summary>
    /// <param name="jobDirectory">Exists.</param>
    /// <param name="silence">How long an owner's count may stand still before it is taken for dead.</param>
    /// <param name="cancellation">Stops waiting.</param>
    /// <exception cref="ClusterLpException">Another process runs the job (exit 75); the directory cannot be written (73).</exception>
    public static EpochClaim Take(string jobDirectory, TimeSpan silence, CancellationToken cancellation)
    {
        string folder = StoredFiles.Combine(jobDirectory, "epochs");
        try
        {
            if (!ObjectStores.IsAddress(folder))
                Directory.CreateDirectory(folder);
            long newest = Newest(folder);
            if (newest > 0 && OwnerLives(folder, newest, silence, cancellation))
                throw Owned(folder, newest, "is running this job; wait for it to end, or stop it.");
            if (!StoredFiles.TryCreate(FileOf(folder, newest + 1), ReportJson.Write(JobProcess.Current())))
                throw Owned(folder, newest + 1, "has just taken this job.");
            var taken = new EpochClaim(folder, new Epoch(newest + 1));
            Failpoint.Reach(Failpoint.CoordinatorClaim, taken.Epoch.ToString());
            return taken;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw ClusterLpException.CannotWrite($"{folder}: the job directory cannot be claimed: {e.Message}", e);
        }
    }

    /// <exception cref="ClusterLpException">A newer epoch has been claimed (exit 75).</exception>
    public void EnsureNewest()
    {
        if (StoredFiles.Exists(FileOf(_folder, Epoch.Value + 1)))
            throw Owned(_folder, Newest(_folder), $"has taken this job over; this one (epoch {Epoch}) stops and has written nothing since.");
    }

    /// <summary>Leaves the job to whoever comes next.</summary>
    public void Dispose()
    {
        if (_released.IsSet)
            return;
        _released.Set();
        _heart.Join();
        Show(Left);
    }

    private static bool OwnerLives(string folder, long epoch, TimeSpan silence, CancellationToken cancellation)
    {
        if (Owner(folder, epoch)?.IsAlive() == false)
            return false;
        long? seen = Count(folder, epoch);
        for (var watch = Stopwatch.StartNew(); seen is not null && watch.Elapsed < silence; cancellation.WaitHandle.WaitOne(LookEvery))
        {
            cancellation.ThrowIfCancellationRequested();
            long? now = Count(folder, epoch);
            if (now is not null && now != seen)
                return true;
            seen = now;
        }
        return false;
    }

    private void Beat() => Show((++_beats).ToString("D10", CultureInfo.InvariantCulture));

    private void Show(string sign)
    {
        try
        {
            if (ObjectStores.IsAddress(_folder))
            {
                StoredFiles.Replace(AliveFile(_folder, Epoch.Value), Encoding.ASCII.GetBytes(sign), durable: false);
                return;
            }
            using var file = new FileStream(AliveFile(_folder, Epoch.Value), FileMode.OpenOrCreate, FileAccess.Write, FileShare.ReadWrite);
            file.Write(Encoding.ASCII.GetBytes(sign));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ClusterLpException)
        {
            // A full or vanished disk shows itself at the next checkpoint; an owner that cannot say that it leaves is watched.
        }
    }

    // Null where the owner has left; 0 where it has claimed and not yet counted.
    private static long? Count(string folder, long epoch)
    {
        if (ObjectStores.IsAddress(folder))
            return Counted(StoredFiles.Read(AliveFile(folder, epoch), Left.Length) ?? []);
        try
        {
            using var file = new FileStream(AliveFile(folder, epoch), FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            Span<byte> sign = stackalloc byte[Left.Length];
            return Counted(sign[..file.ReadAtLeast(sign, sign.Length, throwOnEndOfStream: false)]);
        }
        catch (FileNotFoundException)
        {
            return 0;
        }
    }

    private static long? Counted(ReadOnlySpan<byte> sign) => Encoding.ASCII.GetString(sign) is var text && text == Left
        ? null : long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long count) ? count : 0;

    private static long Newest(string folder) => StoredFiles.Names(folder)
        .Select(name => long.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out long epoch) ? epoch : 0)
        .DefaultIfEmpty().Max();

    private static JobProcess? Owner(string folder, long epoch)
    {
        try
        {
            return StoredFiles.Read(FileOf(folder, epoch), LargestClaim) is { } claim ? JsonSerializer.Deserialize<JobProcess>(claim, ReportJson.Options) : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException)
        {
            return null;
        }
    }

    private static ClusterLpException Owned(string folder, long epoch, string does)
    {
        string who = Owner(folder, epoch) is { } owner
            ? string.Create(CultureInfo.InvariantCulture, $"another coordinator (process {owner.Pid} on {owner.Host}, epoch {epoch})")
            : string.Create(CultureInfo.InvariantCulture, $"another coordinator (epoch {epoch})");
        return new ClusterLpException(ExitCode.Resumable, $"{StoredFiles.Parent(folder)}: {who} {does}");
    }

    private static string FileOf(string folder, long epoch) => StoredFiles.Combine(folder, epoch.ToString(CultureInfo.InvariantCulture));

    private static string AliveFile(string folder, long epoch) => FileOf(folder, epoch) + ".alive";
}
