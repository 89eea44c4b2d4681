using ClusterLp.Core;
using ClusterLp.Core.Formats.FastText;

namespace ClusterLp.Cli.Demo;

/// <summary>Writes the matrices of the public networks as float32 .npy, for programs that read nothing else.</summary>
internal static class PublicMatrices
{
    /// <param name="nnue">stockfish.wasm, or null: its embedding becomes nnue.npy.</param>
    /// <param name="lid">A fastText model, or null: its input matrix, dequantised, becomes lid.npy.</param>
    /// <param name="folder">Created where missing; files in it are replaced.</param>
    /// <exception cref="ClusterLpException">Neither is given (exit 64), or one cannot be read (65, 66) or written (73).</exception>
    public static void Export(string? nnue, string? lid, string folder)
    {
        if (nnue is null && lid is null)
            throw ClusterLpException.Usage("--export needs --nnue, --lid or both; ./demo --export DIR fetches and passes them.");
        if (nnue is not null)
            NnueEmbedding.Extract(nnue, Path.Combine(folder, "nnue.npy"));
        if (lid is null)
            return;
        using FastTextModel model = FastTextModel.Open(lid);
        using FileStream file = NpyFile.Create(Path.Combine(folder, "lid.npy"), model.Input.Rows, model.Input.Columns);
        NpyFile.Append(file, LanguageIdentifier.Dense(model.Input));
    }
}
