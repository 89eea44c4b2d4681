namespace ClusterLp.Core.Formats;

/// <summary>What a model file says of one tensor. Shape: outermost dimension first.</summary>
public sealed record TensorInfo(string Name, ElementType Type, IReadOnlyList<long> Shape, long ByteLength)
{
    /// <summary>True where the tensor is a two-dimensional floating matrix with at least one row and column.</summary>
    public bool IsMatrix => Shape.Count == 2 && Shape[0] > 0 && Shape[1] > 0 && Type.IsCompressible();
}

/// <summary>An opened model: one file, or a sharded set behind its index.</summary>
public interface IModel : IDisposable
{
    /// <summary>The path it was opened by.</summary>
    string Path { get; }

    /// <summary>Every tensor, in file order.</summary>
    IReadOnlyList<TensorInfo> Tensors { get; }

    /// <summary>Every file the model is made of, in order (for hashing and for copying what is not compressed).</summary>
    IReadOnlyList<string> Files { get; }

    /// <summary>Opens a matrix by name.</summary>
    /// <exception cref="ClusterLpException">No such tensor, or it is not a two-dimensional floating matrix.</exception>
    IMatrixSource OpenMatrix(string tensor);

    /// <summary>
    /// The row names (tokens) where the format has them (word vectors, fastText); null elsewhere.
    /// </summary>
    IReadOnlyList<string>? Vocabulary { get; }

    /// <summary>
    /// Why factors cannot take a matrix' place in a model of this format, whatever its shape and type; null where they can.
    /// </summary>
    /// <param name="tensor">A matrix of the model.</param>
    /// <param name="factors">The factors' element type.</param>
    string? Obstacle(string tensor, ElementType factors) => null;
}
