using System.Buffers.Binary;
using System.Runtime.InteropServices;
using ClusterLp.Core;

namespace ClusterLp.Cli.Demo;

/// <summary>
/// The feature embedding of the HalfKP chess network inside stockfish-nnue.wasm 0.0.2: 41,024 features x 256, int16
/// little-endian. Layout: the network file starts with version 0x7AF32F16, hash and description length (3 x uint32) and
/// the description; then the feature transformer's hash (uint32), 256 int16 biases and the embedding.
/// </summary>
internal static class NnueEmbedding
{
    public const int Rows = 41024, Columns = 256;
    private const int EmbeddingOffset = 774999;
    private const uint Version = 0x7AF32F16;
    private const int BiasBytes = Columns * sizeof(short);

    /// <summary>Extracts the embedding to a float32 .npy (every int16 is exact in float32).</summary>
    /// <param name="source">stockfish.wasm.</param>
    /// <param name="destination">The .npy to write.</param>
    /// <exception cref="ClusterLpException">No such file (exit 66), or the network is not where version 0.0.2 has it (exit 65).</exception>
    public static void Extract(string source, string destination)
    {
        if (!File.Exists(source))
            throw ClusterLpException.InputMissing($"{source}: no such file; ./demo fetches it.");
        byte[] module = File.ReadAllBytes(source);
        if (module.Length < EmbeddingOffset + Rows * Columns * sizeof(short) || !NetworkHeaderEndsAt(module))
        {
            throw ClusterLpException.BadInput(
                $"{source}: offset {EmbeddingOffset}: no HalfKP network of {Rows} x {Columns} ends its header here; "
                + "this reader knows stockfish.wasm of stockfish-nnue.wasm 0.0.2 only.");
        }
        ReadOnlySpan<short> entries = MemoryMarshal.Cast<byte, short>(module.AsSpan(EmbeddingOffset, Rows * Columns * sizeof(short)));
        using FileStream file = NpyFile.Create(destination, Rows, Columns);
        var block = new float[1024 * Columns];
        for (int first = 0; first < entries.Length; first += block.Length)
        {
            int count = Math.Min(block.Length, entries.Length - first);
            for (int i = 0; i < count; i++)
                block[i] = BitConverter.IsLittleEndian ? entries[first + i] : BinaryPrimitives.ReverseEndianness(entries[first + i]);
            NpyFile.Append(file, block.AsSpan(0, count));
        }
    }

    /// <summary>True where version, hash, length and a description of exactly that length lead up to the biases.</summary>
    private static bool NetworkHeaderEndsAt(byte[] module)
    {
        const int fixedBytes = 3 * sizeof(uint), transformerHash = sizeof(uint), longest = 1024;
        int descriptionEnd = EmbeddingOffset - BiasBytes - transformerHash;
        for (int length = 0; length <= longest; length++)
        {
            ReadOnlySpan<byte> header = module.AsSpan(descriptionEnd - length - fixedBytes, fixedBytes);
            if (BinaryPrimitives.ReadUInt32LittleEndian(header) == Version && BinaryPrimitives.ReadUInt32LittleEndian(header[8..]) == length)
                return module.AsSpan(descriptionEnd - length, length).IndexOf("HalfKP"u8) >= 0;
        }
        return false;
    }
}
