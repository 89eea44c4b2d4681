using ClusterLp.Core.Storage;

namespace ClusterLp.Core.Formats.Safetensors;

/// <summary>A safetensors model: one file, or the shards behind an index.</summary>
internal sealed class SafetensorsModel : IModel
{
    private readonly Dictionary<string, (SafetensorsFile Shard, SafetensorsEntry Entry)> _tensors = [];

    public string Path { get; }

    /// <summary>The index, or null for a single file.</summary>
    public ShardIndex? Index { get; }

    /// <summary>The files in the order of their names.</summary>
    public IReadOnlyList<SafetensorsFile> Shards { get; }

    public IReadOnlyList<TensorInfo> Tensors { get; }
    public IReadOnlyList<string> Files { get; }
    public IReadOnlyList<string>? Vocabulary => null;

    private SafetensorsModel(string path, ShardIndex? index, IReadOnlyList<SafetensorsFile> shards)
    {
        (Path, Index, Shards) = (path, index, shards);
        Files = index is null ? [shards[0].Path] : [index.Path, .. shards.Select(s => s.Path)];
        var tensors = new List<TensorInfo>();
        for (int i = 0; i < shards.Count; i++)
            foreach (SafetensorsEntry entry in shards[i].Entries)
            {
                // What a shard holds beside the index is carried along, but it is not part of the model.
                if (index is not null && (!index.WeightMap.TryGetValue(entry.Name, out string? shard) || shard != index.Shards[i]))
                    continue;
                _tensors.Add(entry.Name, (shards[i], entry));
                tensors.Add(entry.Info);
            }
        Tensors = tensors;
        if (index is not null)
            foreach ((string tensor, string shard) in index.WeightMap)
                if (!_tensors.ContainsKey(tensor))
                    throw ClusterLpException.BadInput($"{index.Path}: tensor \"{tensor}\" is not in its shard \"{shard}\".");
        if (tensors.Count == 0)
            throw ClusterLpException.BadInput($"{path}: the file holds no tensors.");
    }

    /// <summary>Takes over <paramref name="file"/>, also where it throws.</summary>
    /// <exception cref="ClusterLpException">Any departure from the format (exit 65).</exception>
    public static SafetensorsModel OpenFile(InputFile file)
    {
        SafetensorsFile only = SafetensorsFile.Open(file);
        return Guard([only], () => new SafetensorsModel(file.Path, null, [only]));
    }

    /// <exception cref="ClusterLpException">A fault of the index or of a shard (exit 65).</exception>
    public static SafetensorsModel OpenSharded(string path, string indexPath)
    {
        ShardIndex index = ShardIndex.Read(indexPath);
        var shards = new List<SafetensorsFile>();
        return Guard(shards, () =>
        {
            foreach (string name in index.Shards)
            {
                if (!StoredFiles.Exists(index.ShardPath(name)))
                    throw ClusterLpException.BadInput($"{index.Path}: the index names the shard \"{name}\", which does not exist.");
                shards.Add(SafetensorsFile.Open(InputFile.Open(index.ShardPath(name))));
            }
            return new SafetensorsModel(path, index, shards);
        });
    }

    public IMatrixSource OpenMatrix(string tensor)
    {
        (SafetensorsFile shard, SafetensorsEntry entry) = Find(tensor);
        return shard.OpenMatrix(entry);
    }

    /// <summary>The shard and header entry of a tensor.</summary>
    /// <exception cref="ClusterLpException">No such tensor (exit 65).</exception>
    public (SafetensorsFile Shard, SafetensorsEntry Entry) Find(string tensor) => _tensors.TryGetValue(tensor, out var found)
        ? found
        : throw ClusterLpException.BadInput($"{Path}: there is no tensor \"{tensor}\".");

    public bool Contains(string tensor) => _tensors.ContainsKey(tensor);

    private int _disposed;

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 0)
            foreach (SafetensorsFile shard in Shards)
                shard.Dispose();
    }

    private static SafetensorsModel Guard(IReadOnlyList<SafetensorsFile> opened, Func<SafetensorsModel> open)
    {
        try
        {
            return open();
        }
        catch
        {
            foreach (SafetensorsFile file in opened)
                file.Dispose();
            throw;
        }
    }
}
