namespace ClusterLp.Core.Formats.WordVectors;

/// <summary>A file of word vectors, which can be written again with other numbers.</summary>
internal interface IWordVectors
{
    /// <summary>Writes the file: header (if it has one), words and their order as they are, other numbers.</summary>
    /// <param name="output">Receives the file.</param>
    /// <param name="rows">All rows in order, some at a time, row-major.</param>
    /// <exception cref="ClusterLpException">The input changed or cannot be read (65, 66), or the output cannot be written (73).</exception>
    void Write(Stream output, IEnumerable<float[]> rows);
}
