namespace ClusterLp.Core.Formats.Safetensors;

/// <summary>One mapped safetensors file and its validated header.</summary>
internal sealed class SafetensorsFile : IDisposable
{
    private readonly MappedFile _file;
    private readonly SafetensorsHeader _header;

    private SafetensorsFile(MappedFile file, SafetensorsHeader header) => (_file, _header) = (file, header);

    public string Path => _file.Path;
    public IReadOnlyList<SafetensorsEntry> Entries => _header.Entries;
    public IReadOnlyList<KeyValuePair<string, string>> Metadata => _header.Metadata;

    /// <summary>Takes over <paramref name="file"/>, also where it throws.</summary>
    /// <exception cref="ClusterLpException">Any departure from the format (exit 65).</exception>
    public static SafetensorsFile Open(MappedFile file)
    {
        try
        {
            return new SafetensorsFile(file, SafetensorsHeader.Read(file));
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>The raw bytes [offset, offset + length) of a tensor; valid while this file is not disposed.</summary>
    public ReadOnlySpan<byte> Bytes(SafetensorsEntry entry, long offset, int length) => _file.Span(entry.Offset + offset, length);

    public IMatrixSource OpenMatrix(SafetensorsEntry entry)
    {
        if (!entry.Info.IsMatrix || entry.Shape[1] > int.MaxValue)
            throw _file.Bad($"tensor \"{entry.Name}\" of shape [{string.Join(", ", entry.Shape)}] and type "
                + $"{SafetensorsTypes.NameOf(entry.Type)} is not a two-dimensional floating matrix.");
        return new MappedMatrix(_file, entry.Name, entry.Shape[0], (int)entry.Shape[1], entry.Offset, entry.Type);
    }

    public void Dispose() => _file.Dispose();
}
