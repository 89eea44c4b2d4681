using System.Buffers;
using System.Collections.Immutable;
using ClusterLp.Core.FactorModels;
using ClusterLp.Core.Formats.Output;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Jobs.Blobs;
using ClusterLp.Core.Reporting;

namespace ClusterLp.Core.Formats.Onnx;

/// <summary>Writes an ONNX model with factors, and compares one with the model it was made from.</summary>
internal static class OnnxFactors
{
    private const int CopyBytes = 4 << 20;

    /// <summary>A matrix X gives X.U (n x k) and X.V (k x d): what the products in a graph take.</summary>
    public static FactorNames NamesOf(string tensor) => new(tensor + ".U", tensor + ".V", tensor);

    /// <summary>As <see cref="FactorisedModelWriter.Write"/>, whose part this is.</summary>
    public static ImmutableArray<FileHash> Write(
        OnnxModel model, JobPlan plan, IReadOnlyList<FitState> fits, IBlobStore blobs, OutputDirectory output,
        IProgress<double>? progress, CancellationToken cancellation)
    {
        OnnxReplacement[] replaced = [.. plan.Tensors.Select((tensor, i) =>
        {
            var factors = new StoredFactors(tensor, fits[i], blobs);
            return new OnnxReplacement(tensor.Name, factors.Rank, factors.Type, factors.WriteU, factors.WriteV, stream => factors.WriteProduct(stream, tensor.InputType));
        })];
        IReadOnlyList<OnnxFile> files = OnnxLayout.Factorised(model, replaced);
        if (plan.Spec.Reconstruct)
            files = [.. files, .. OnnxLayout.Dense(model, replaced)];
        long total = files.Sum(file => file.Length), done = 0;
        void Written(long bytes) => progress?.Report(Math.Min(1, (done += bytes) / (double)total));
        var hashes = ImmutableArray.CreateBuilder<FileHash>();
        foreach (OnnxFile file in files)
        {
            using var stream = new HashingStream(output.CreateFile(file.Name), file.Name, Written, cancellation);
            foreach (Segment segment in file.Segments)
                Write(segment, stream);
            hashes.Add(stream.Finish());
        }
        return hashes.ToImmutable();
    }

    /// <summary>
    /// Whether a model is what the factorisation of another must be: every byte but the factors' elements. A difference is
    /// reported under the name of the file it is in.
    /// </summary>
    public static IEnumerable<VerifiedTensor> Compare(
        OnnxModel input, OnnxModel output, IEnumerable<TensorReport> tensors, CancellationToken cancellation)
    {
        OnnxReplacement[] replaced = [.. tensors.Select(tensor => new OnnxReplacement(tensor.Name, tensor.Rank,
            output.Find(NamesOf(tensor.Name).U).Type ?? ElementType.F32, _ => { }, _ => { }, _ => { }))];
        foreach (OnnxFile file in OnnxLayout.Factorised(input, replaced))
        {
            InputFile? made = file.Name == System.IO.Path.GetFileName(input.Path) ? output.File : output.Data.GetValueOrDefault(file.Name);
            yield return new VerifiedTensor(file.Name, made is null ? "missing" : Difference(file, made, cancellation)) { IsFile = true };
        }
    }

    private static void Write(Segment segment, Stream stream)
    {
        switch (segment)
        {
            case NewSegment fresh:
                stream.Write(fresh.Bytes);
                break;
            case ElementsSegment elements:
                elements.Write(stream);
                break;
            case CopiedSegment copied:
                byte[] buffer = ArrayPool<byte>.Shared.Rent((int)Math.Min(CopyBytes, copied.Length));
                for (long at = 0; at < copied.Length; at += CopyBytes)
                {
                    Span<byte> part = buffer.AsSpan(0, (int)Math.Min(CopyBytes, copied.Length - at));
                    copied.File.Read(copied.Offset + at, part);
                    stream.Write(part);
                }
                ArrayPool<byte>.Shared.Return(buffer);
                break;
        }
    }

    private static string? Difference(OnnxFile expected, InputFile made, CancellationToken cancellation)
    {
        if (made.Length != expected.Length)
            return $"{made.Length} bytes instead of {expected.Length}";
        byte[] ours = new byte[CopyBytes], theirs = new byte[CopyBytes];
        long position = 0;
        foreach (Segment segment in expected.Segments)
        {
            for (long at = 0; segment is not ElementsSegment && at < segment.Length; at += CopyBytes)
            {
                cancellation.ThrowIfCancellationRequested();
                int length = (int)Math.Min(CopyBytes, segment.Length - at);
                if (segment is CopiedSegment copied)
                    copied.File.Read(copied.Offset + at, ours.AsSpan(0, length));
                else
                    ((NewSegment)segment).Bytes.AsSpan((int)at, length).CopyTo(ours);
                made.Read(position + at, theirs.AsSpan(0, length));
                int same = ours.AsSpan(0, length).CommonPrefixLength(theirs.AsSpan(0, length));
                if (same < length)
                    return $"byte {position + at + same} differs";
            }
            position += segment.Length;
        }
        return null;
    }
}
