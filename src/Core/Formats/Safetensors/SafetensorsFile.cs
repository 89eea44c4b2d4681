namespace ClusterLp.Core.Formats.Safetensors;

/// <summary>One safetensors file and its validated header.</summary>
internal sealed class SafetensorsFile : IDisposable
{
    private readonly InputFile _file;
    private readonly SafetensorsHeader _header;

    private SafetensorsFile(InputFile file, SafetensorsHeader header) => (_file, _header) = (file, header);

    public string Path => _file.Path;
    public IReadOnlyList<SafetensorsEntry> Entries => _header.Entries;
    public IReadOnlyList<KeyValuePair<string, string>> Metadata => _header.Metadata;

    /// <summary>Takes over <paramref name="file"/>, also where it throws.</summary>
    /// <exception cref="ClusterLpException">Any departure from the format (exit 65).</exception>
    public static SafetensorsFile Open(InputFile file)
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

    /// <summary>Fills <paramref name="destination"/> with the raw bytes of a tensor from <paramref name="offset"/> on.</summary>
    /// <exception cref="ClusterLpException">The file shrank (exit 65) or cannot be read (66).</exception>
    public void Read(SafetensorsEntry entry, long offset, Span<byte> destination) => _file.Read(entry.Offset + offset, destination);

    public IMatrixSource OpenMatrix(SafetensorsEntry entry)
    {
        if (!entry.Info.IsMatrix || entry.Shape[1] > int.MaxValue)
            throw _file.Bad($"tensor \"{entry.Name}\" of shape [{string.Join(", ", entry.Shape)}] and type "
                + $"{SafetensorsTypes.NameOf(entry.Type)} is not a two-dimensional floating matrix.");
        return new StoredMatrix(_file, entry.Name, entry.Shape[0], (int)entry.Shape[1], entry.Offset, entry.Type);
    }

    public void Dispose() => _file.Dispose();
}
