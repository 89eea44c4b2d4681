using System.Buffers;
using System.Collections.Immutable;
using System.Text;
using ClusterLp.Core.FactorModels;
using ClusterLp.Core.Formats.Onnx;
using ClusterLp.Core.Formats.Safetensors;
using ClusterLp.Core.Formats.WordVectors;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Jobs.Blobs;
using ClusterLp.Core.Reporting;

namespace ClusterLp.Core.Formats.Output;

/// <summary>
/// Writes the compressed model: the input's files with every planned tensor replaced by its factors (<see cref="FactorNames"/>)
/// and every other tensor copied byte for byte, metadata kept. A single file becomes <c>model.safetensors</c>, with its words
/// beside it where it has some; shards and their index keep their names, and so do an ONNX model and its data
/// (<see cref="OnnxLayout"/>).
/// </summary>
public static class FactorisedModelWriter
{
    private const string SingleFile = "model.safetensors";
    private const int CopyBytes = 4 << 20;

    /// <summary>Where the blocks of a job can write the first factor so that it need not be copied; null: nowhere.</summary>
    /// <param name="plan">The job. Its output must be one file of one matrix' two factors.</param>
    /// <param name="blobs">A folder, or no place.</param>
    /// <param name="epoch">The coordinator's term.</param>
    public static FactorPlace? PlaceFor(JobPlan plan, IBlobStore blobs, Epoch epoch)
    {
        if (blobs is not FileBlobStore folder || plan.Tensors.Length != 1 || plan.Spec.Reconstruct || !Models.Of(plan.Tensors[0]).StoresRowsAlone)
            return null;
        using IModel model = ModelFiles.Open(plan.Tensors[0].Input);
        if (model.Tensors.Count != 1 || model is OnnxModel or SafetensorsModel { Index: not null })
            return null;
        (TensorPlan tensor, FactorNames names) = (plan.Tensors[0], FactorNames.For(model, plan.Tensors[0].Name));
        IReadOnlyList<KeyValuePair<string, string>> metadata = model is SafetensorsModel safetensors ? safetensors.Shards[0].Metadata : [];
        return new FactorPlace(folder, epoch, tensor.Transposed ? null
            : rank => SafetensorsWriter.Head(metadata, StoredFactors.Contents(tensor, rank, tensor.Rows, names, Unwritten, Unwritten)));

        static void Unwritten(Stream stream) => throw new InvalidOperationException("only its place in a file is known");
    }

    /// <summary>
    /// Streams all files into <paramref name="output"/> (not committed) and returns their names, sizes and SHA-256. Memory: one
    /// block of U, V, and with reconstruct one dense block.
    /// </summary>
    /// <param name="plan">The job; its input is opened again.</param>
    /// <param name="fits">The final state of every planned tensor, in plan order.</param>
    /// <param name="blobs">Where the factors lie.</param>
    /// <param name="output">Receives the files.</param>
    /// <param name="progress">Receives the share written, 0 to 1.</param>
    /// <param name="cancellation">Checked at every few MiB.</param>
    /// <param name="place">Where blocks may have written the first factor; null: nowhere.</param>
    /// <exception cref="ClusterLpException">The input changed or a factor's name is taken (65), the disk is full (73).</exception>
    /// <exception cref="BlobCorruptException">A factor's blob is missing or altered (75).</exception>
    public static ImmutableArray<FileHash> Write(
        JobPlan plan, IReadOnlyList<FitState> fits, IBlobStore blobs, OutputDirectory output,
        IProgress<double>? progress, CancellationToken cancellation, FactorPlace? place = null)
    {
        using IModel model = ModelFiles.Open(plan.Tensors[0].Input);
        // What is kept whole is a tensor like those that were not selected.
        plan = plan with { Tensors = [.. plan.Tensors.Where((_, i) => !fits[i].KeptWhole)] };
        fits = [.. fits.Where(fit => !fit.KeptWhole)];
        FactorNames.EnsureDistinct(model, Models.Of(plan.Spec), [.. plan.Tensors.Select(tensor => tensor.Name), .. plan.Ties.Select(tie => tie.Name)]);
        if (model is OnnxModel onnx)
            return OnnxFactors.Write(onnx, plan, fits, blobs, output, progress, cancellation);
        // The old name of word vectors is their file's.
        IWordVectors? vectors = (model as SingleMatrixModel)?.Vectors;
        IEnumerable<float[]>? products = null;
        var replaced = new Dictionary<string, TensorContent[]>();
        for (int i = 0; i < plan.Tensors.Length; i++)
        {
            TensorPlan tensor = plan.Tensors[i];
            StoredModel stored = Models.Of(tensor).Stored(tensor, fits[i], blobs);
            foreach (string name in plan.Ties.Where(tie => tie.Of == tensor.Name).Select(tie => tie.Name).Prepend(tensor.Name))
            {
                FactorNames names = FactorNames.For(model, name);
                IEnumerable<TensorContent> contents = stored.Contents(names);
                if (plan.Spec.Reconstruct && vectors is null)
                    contents = contents.Append(stored.Dense(names.Dense, tensor.InputType.DefaultFactorType(), [tensor.Shape.Rows, tensor.Shape.Columns]));
                replaced.Add(name, [.. contents]);
            }
            if (plan.Spec.Reconstruct)
                products = stored.Products();
        }
        List<OutputFile> files = model is SafetensorsModel safetensors
            ? [.. safetensors.Shards.Select((shard, i) => Shard(safetensors, i, shard, replaced))]
            : [new OutputFile(SingleFile, [], [.. replaced.Values.SelectMany(contents => contents)])];

        long total = files.Sum(file => file.Bytes), done = 0;
        void Written(long bytes) => progress?.Report(Math.Min(1, (done += bytes) / (double)total));
        var hashes = ImmutableArray.CreateBuilder<FileHash>();
        foreach (OutputFile file in files)
        {
            using HashingStream stream = Begin(file);
            SafetensorsWriter.Write(stream, file.Metadata, file.Tensors);
            hashes.Add(stream.Finish());
        }
        if (model is SafetensorsModel { Index: { } index })
            Add(Path.GetFileName(index.Path), stream => stream.Write(index.Rewrite(WeightMap(index, replaced), total)));
        if (model.Vocabulary is { } words)
            Add(Path.GetFileNameWithoutExtension(model.Path) + ".vocab.txt", stream => WriteWords(words, stream));
        if (vectors is not null && products is not null)
            Add(Path.GetFileName(model.Path), stream => vectors.Write(stream, products));
        return hashes.ToImmutable();

        HashingStream Begin(OutputFile file)
        {
            byte[] head = SafetensorsWriter.Head(file.Metadata, file.Tensors);
            if (plan.Tensors.Length != 1 || place?.FileFor(plan.Tensors[0], fits[0].Rank) is not { } placed
                || head.Length != SafetensorsWriter.DataStart || output.AdoptFile(file.Name, placed.Path) is not { } adopted)
                return new HashingStream(output.CreateFile(file.Name), file.Name, Written, cancellation);
            return new HashingStream(adopted, file.Name, Written, cancellation)
            {
                Adopted = placed.Name,
                Ahead = place.HashOf(fits[0].Rank)?.Take(head, fits[0].UBlocks),
            };
        }

        void Add(string name, Action<Stream> write)
        {
            using var stream = new HashingStream(output.CreateFile(name), name, _ => { }, cancellation);
            write(stream);
            hashes.Add(stream.Finish());
        }
    }

    // A line each. Binary word vectors may have tokens with line ends in them, which would shift all that follow.
    private static void WriteWords(IReadOnlyList<string> words, Stream stream)
    {
        foreach (string[] some in words.Chunk(4096))
            stream.Write(Encoding.UTF8.GetBytes(string.Concat(some.Select(word => word.Replace('\n', ' ').Replace('\r', ' ') + "\n"))));
    }

    private sealed record OutputFile(string Name, IReadOnlyList<KeyValuePair<string, string>> Metadata, IReadOnlyList<TensorContent> Tensors)
    {
        public long Bytes => Tensors.Sum(tensor => tensor.Length);
    }

    private static OutputFile Shard(SafetensorsModel model, int number, SafetensorsFile shard, Dictionary<string, TensorContent[]> replaced)
    {
        var tensors = new List<TensorContent>();
        foreach (SafetensorsEntry entry in shard.Entries.OrderBy(entry => entry.Offset))
            if (model.Contains(entry.Name) && model.Find(entry.Name).Shard == shard && replaced.TryGetValue(entry.Name, out TensorContent[]? factors))
                tensors.AddRange(factors);
            else
                tensors.Add(new TensorContent(entry.Name, entry.Type, entry.Shape, stream => Copy(shard, entry, stream)));
        return new OutputFile(model.Index?.Shards[number] ?? SingleFile, shard.Metadata, tensors);
    }

    private static void Copy(SafetensorsFile shard, SafetensorsEntry entry, Stream stream)
    {
        byte[] buffer = ArrayPool<byte>.Shared.Rent((int)Math.Min(CopyBytes, entry.Length));
        for (long done = 0; done < entry.Length; done += CopyBytes)
        {
            Span<byte> part = buffer.AsSpan(0, (int)Math.Min(CopyBytes, entry.Length - done));
            shard.Read(entry, done, part);
            stream.Write(part);
        }
        ArrayPool<byte>.Shared.Return(buffer);
    }

    private static IEnumerable<KeyValuePair<string, string>> WeightMap(ShardIndex index, Dictionary<string, TensorContent[]> replaced)
    {
        foreach ((string tensor, string shard) in index.WeightMap)
            if (replaced.TryGetValue(tensor, out TensorContent[]? factors))
                foreach (TensorContent factor in factors)
                    yield return new(factor.Name, shard);
            else
                yield return new(tensor, shard);
    }
}
