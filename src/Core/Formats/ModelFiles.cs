using System.Buffers.Binary;
using ClusterLp.Core.Formats.FastText;
using ClusterLp.Core.Formats.Npy;
using ClusterLp.Core.Formats.Onnx;
using ClusterLp.Core.Formats.Safetensors;
using ClusterLp.Core.Formats.Sparse;
using ClusterLp.Core.Formats.WordVectors;
using ClusterLp.Core.Formats.Zip;
using ClusterLp.Core.Storage;

namespace ClusterLp.Core.Formats;

/// <summary>Opens any model ClusterLp reads; what a file begins with counts before its extension.</summary>
public static class ModelFiles
{
    private const string IndexName = "model.safetensors.index.json";

    /// <summary>
    /// Opens a .safetensors file, a shard index (*.index.json), a directory that holds one of these, an ONNX model (.onnx),
    /// a .npy matrix, a sparse .npz matrix, word vectors as text (.vec, .txt) or word2vec binary (.bin), or a fastText model (.bin, .ftz). Headers are read and
    /// checked, data is read when asked for; text and binary word vectors take one pass to find their rows.
    /// </summary>
    /// <param name="path">File or directory, or the address of an object or of a prefix.</param>
    /// <exception cref="ClusterLpException">Missing or unreadable (exit 66), or not a usable model (exit 65).</exception>
    public static IModel Open(string path)
    {
        path = StoredFiles.Absolute(path);
        if (ObjectStores.IsAddress(path) ? !StoredFiles.Exists(path) && StoredFiles.FolderExists(path) : Directory.Exists(path))
            return OpenDirectory(path);
        if (path.EndsWith(".index.json", StringComparison.OrdinalIgnoreCase))
            return SafetensorsModel.OpenSharded(path, path);
        return OpenFile(InputFile.Open(path));
    }

    private static IModel OpenDirectory(string directory)
    {
        string index = StoredFiles.Combine(directory, IndexName);
        if (StoredFiles.Exists(index))
            return SafetensorsModel.OpenSharded(directory, index);
        string[] files = [.. StoredFiles.In(directory).Where(path => path.EndsWith(".safetensors", StringComparison.Ordinal))];
        return files.Length switch
        {
            1 => SafetensorsModel.OpenFile(InputFile.Open(files[0])),
            0 => throw ClusterLpException.BadInput($"{directory}: the directory holds no model: neither {IndexName} nor a .safetensors file."),
            _ => throw ClusterLpException.BadInput(
                $"{directory}: the directory holds {files.Length} .safetensors files and no {IndexName}; name one of the files."),
        };
    }

    private static IModel OpenFile(InputFile file)
    {
        string extension = Path.GetExtension(file.Path).ToLowerInvariant();
        ReadOnlySpan<byte> start = file.ReadStart(16);
        if (start.StartsWith(NpyHeader.Magic) || extension == ".npy")
            return NpyModel.Open(file);
        if (extension == ".safetensors")
            return SafetensorsModel.OpenFile(file);
        if (extension == ".npz" || start.StartsWith(ZipDirectory.Magic))
            return CsrMatrix.Open(file);
        if (extension == ".onnx")
            return OnnxModel.Open(file);
        if (extension == ".ftz" || start.Length >= 4 && BinaryPrimitives.ReadInt32LittleEndian(start) == FastTextModel.Magic)
            return FastTextModel.Open(file);
        if (extension is ".vec" or ".txt")
            return TextVectors.Open(file);
        if (start.Length > 8 && start[8] == '{' && BinaryPrimitives.ReadUInt64LittleEndian(start) <= (ulong)file.Length - 8)
            return SafetensorsModel.OpenFile(file);
        if (extension == ".bin" && BinaryVectors.IsHeader(file))
            return BinaryVectors.Open(file);
        ClusterLpException error = extension == ".bin"
            ? file.Bad("neither a fastText model (magic number) nor word2vec binary (first line \"rows columns\").")
            : file.Bad("unknown kind of model; expected .safetensors, .index.json, .onnx, .npy, .npz, .vec, .txt, .bin or .ftz.");
        file.Dispose();
        throw error;
    }
}
