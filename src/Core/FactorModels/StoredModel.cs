using System.Buffers.Binary;
using ClusterLp.Core.Formats;
using ClusterLp.Core.Formats.Output;
using ClusterLp.Core.Formats.Safetensors;
using ClusterLp.Core.Jobs.Blobs;

namespace ClusterLp.Core.FactorModels;

/// <summary>A fitted tensor on its way into a file, streamed from the blobs of its fit.</summary>
internal abstract class StoredModel
{
    /// <summary>The parts that take the tensor's place. Writing them may throw <see cref="BlobCorruptException"/>.</summary>
    public abstract IEnumerable<TensorContent> Contents(FactorNames names);

    /// <summary>The rows of the approximation, some at a time and in order; an array is valid until the next.</summary>
    public abstract IEnumerable<float[]> Products();

    /// <summary>The approximation as a dense matrix under the old name.</summary>
    /// <param name="name">The name.</param>
    /// <param name="type">Element type: F32, F16, BF16 or F64.</param>
    /// <param name="shape">n, d.</param>
    public TensorContent Dense(string name, ElementType type, long[] shape) => new(name, type, shape, stream => WriteProduct(stream, type));

    /// <summary>Streams the approximation, n x d.</summary>
    /// <param name="stream">Receives it.</param>
    /// <param name="type">Element type: F32, F16, BF16 or F64.</param>
    public void WriteProduct(Stream stream, ElementType type)
    {
        byte[] bytes = [];
        foreach (float[] rows in Products())
        {
            Array.Resize(ref bytes, rows.Length * type.Size());
            if (type == ElementType.F64)
                for (int i = 0; i < rows.Length; i++)
                    BinaryPrimitives.WriteDoubleLittleEndian(bytes.AsSpan(i * sizeof(double)), rows[i]);
            else
                ElementConversion.FromFloat32(type, rows, bytes);
            stream.Write(bytes);
        }
    }
}
