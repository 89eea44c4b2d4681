namespace ClusterLp.Fuzz;

/// <summary>A parser of untrusted bytes.</summary>
/// <param name="Name">As given to <c>--target</c>.</param>
/// <param name="Seeds">Valid inputs.</param>
/// <param name="Tokens">What such inputs are made of; mutations insert it.</param>
/// <param name="Parse">Parses and uses an input; what it throws is judged by <see cref="Case"/>.</param>
internal sealed record Target(string Name, byte[][] Seeds, byte[][] Tokens, Action<byte[]> Parse);

/// <summary>A folder in memory (where the system has one) for parsers that take paths; deleted with its contents.</summary>
internal sealed class Scratch : IDisposable
{
    public string Folder { get; } = Directory.CreateDirectory(Path.Combine(
        Directory.Exists("/dev/shm") ? "/dev/shm" : Path.GetTempPath(), $"clusterlp-fuzz-{Environment.ProcessId}-{Guid.NewGuid():N}")).FullName;

    public string Write(string name, byte[] bytes)
    {
        string path = Path.Combine(Folder, name);
        File.WriteAllBytes(path, bytes);
        return path;
    }

    public void Dispose() => Directory.Delete(Folder, recursive: true);
}
