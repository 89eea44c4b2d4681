using System.Buffers.Binary;
using ClusterLp.Cli.Demo;
using ClusterLp.Core;
using ClusterLp.Core.Formats;
using ClusterLp.Core.Kernels;
using ClusterLp.Core.LinearAlgebra;

namespace ClusterLp.Cli.Tests.Demo;

public sealed class DemoInputTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("clusterlp-demo-tests-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private string PathOf(string name) => Path.Combine(_folder, name);

    private float[] Generate(int rows, int columns, ulong seed)
    {
        string path = PathOf("generated.npy");
        new SyntheticMatrix(rows, columns, seed).Write(path, CancellationToken.None);
        return Load(path);
    }

    private static float[] Load(string path)
    {
        using IModel model = ModelFiles.Open(path);
        using IMatrixSource source = model.OpenMatrix(model.Tensors[0].Name);
        return LanguageIdentifier.Dense(source);
    }

    [Fact]
    public void The_generated_matrix_depends_on_its_seed_and_a_row_on_nothing_else()
    {
        float[] matrix = Generate(1200, 24, seed: 3);
        Assert.Equal(1200 * 24, matrix.Length);
        Assert.Equal(matrix, Generate(1200, 24, seed: 3));
        Assert.Equal(matrix[..(513 * 24)], Generate(513, 24, seed: 3));
        Assert.NotEqual(matrix, Generate(1200, 24, seed: 4));
    }

    [Fact]
    public void The_generated_spectrum_is_a_power_law_over_a_noise_floor()
    {
        const int n = 6000, d = 32;
        float[] matrix = Generate(n, d, seed: 1);
        var gram = new double[d * d];
        Gram.AccumulateUpper(matrix, n, d, [], gram);
        Gram.MirrorUpper(gram, d);
        double[] values = Factorisations.SymmetricEigen(gram, d).Values;

        // Variances: signal 0.05^2 d / (H_d (j + 1)), noise (0.05 x 0.15)^2 x 3, the variance of Student-t with 3 degrees.
        double harmonic = Enumerable.Range(1, d).Sum(j => 1.0 / j), noise = 3 * Math.Pow(0.05 * 0.15, 2);
        foreach (int j in new[] { 0, 1, 3, 7, 15 })
        {
            double expected = 0.0025 * d / harmonic / (j + 1) + noise;
            Assert.InRange(values[j] / n / expected, 0.85, 1.15);
        }
    }

    [Fact]
    public void The_noise_has_the_quantiles_of_student_t_with_three_degrees_of_freedom()
    {
        var random = new RandomStream(7, 0);
        double[] sizes = [.. Enumerable.Range(0, 100_000).Select(_ => Math.Abs(random.NextStudent3()))];
        // Tables: 50 % within 0.765, 95 % within 3.182, 99.9 % within 12.92; the standard error of a share is at most 0.0016.
        Assert.InRange(sizes.Count(x => x < 0.765) / 1e5, 0.492, 0.508);
        Assert.InRange(sizes.Count(x => x < 3.182) / 1e5, 0.946, 0.954);
        Assert.InRange(sizes.Count(x => x < 12.92) / 1e5, 0.9984, 0.9996);
    }

    [Fact]
    public void The_chess_embedding_is_found_behind_its_header()
    {
        byte[] module = ChessModule();
        File.WriteAllBytes(PathOf("stockfish.wasm"), module);
        NnueEmbedding.Extract(PathOf("stockfish.wasm"), PathOf("nnue.npy"));
        float[] matrix = Load(PathOf("nnue.npy"));
        Assert.Equal(NnueEmbedding.Rows * NnueEmbedding.Columns, matrix.Length);
        Assert.Equal([-32768, 32767, 0], matrix[..3]);
        Assert.Equal(-2, matrix[^1]);
    }

    [Fact]
    public void Export_writes_the_matrices_of_both_networks()
    {
        File.WriteAllBytes(PathOf("stockfish.wasm"), ChessModule());
        var words = new FastTextFile { Words = ["</s>", "cat"], Labels = [("x", 1)], Input = [[1, -2.5f], [3, 0.125f]], Output = [[0, 0]] };
        words.Use(model =>
        {
            PublicMatrices.Export(PathOf("stockfish.wasm"), model.Path, PathOf("exported"));
            return true;
        });
        Assert.Equal([1, -2.5f, 3, 0.125f], Load(Path.Combine(_folder, "exported", "lid.npy")));
        float[] chess = Load(Path.Combine(_folder, "exported", "nnue.npy"));
        Assert.Equal(NnueEmbedding.Rows * NnueEmbedding.Columns, chess.Length);
        Assert.Equal([-32768, 32767, 0], chess[..3]);
    }

    [Fact]
    public void A_module_without_the_network_at_its_place_is_refused()
    {
        byte[] module = ChessModule();
        module[774294] ^= 1;
        File.WriteAllBytes(PathOf("stockfish.wasm"), module);
        var error = Assert.Throws<ClusterLpException>(() => NnueEmbedding.Extract(PathOf("stockfish.wasm"), PathOf("nnue.npy")));
        Assert.Equal(ExitCode.BadInput, error.Code);
        Assert.Contains("774999", error.Message);
        Assert.False(File.Exists(PathOf("nnue.npy")));
    }

    /// <summary>A file with the network's header where stockfish-nnue.wasm 0.0.2 has it, and four entries that are not zero.</summary>
    private static byte[] ChessModule()
    {
        const int header = 774294, description = header + 12, embedding = 774999;
        var module = new byte[embedding + NnueEmbedding.Rows * NnueEmbedding.Columns * 2];
        BinaryPrimitives.WriteUInt32LittleEndian(module.AsSpan(header), 0x7AF32F16);
        BinaryPrimitives.WriteUInt32LittleEndian(module.AsSpan(header + 8), 177);
        "Features=HalfKP(Friend)"u8.CopyTo(module.AsSpan(description));
        BinaryPrimitives.WriteInt16LittleEndian(module.AsSpan(embedding), short.MinValue);
        BinaryPrimitives.WriteInt16LittleEndian(module.AsSpan(embedding + 2), short.MaxValue);
        BinaryPrimitives.WriteInt16LittleEndian(module.AsSpan(module.Length - 2), -2);
        return module;
    }

    [Fact]
    public void Snippets_are_the_beginnings_of_long_paragraphs_in_known_languages()
    {
        string longer = string.Concat(Enumerable.Repeat("ä", 70)), shorter = new('b', 39), fitting = new('c', 40);
        File.WriteAllText(PathOf("1.html"), $"<html dir=\"ltr\" lang=\"xx-Latn\"><p>{longer}</p><p class=a>{shorter}</p>\n<p>{fitting}\n <b>d</b> &amp;</p></html>");
        File.WriteAllText(PathOf("2.html"), $"<html lang=\"yy\"><p>{longer}</p></html>");
        File.WriteAllText(PathOf("3.html"), $"<html lang=\"zz\">{string.Concat(Enumerable.Repeat($"<p>{fitting}</p>", 50))}</html>");

        List<Snippet> snippets = DeclarationSnippets.Read(_folder, ["xx", "zz"]);

        Assert.Equal([new Snippet("xx", longer[..60]), new Snippet("xx", fitting + " d &")], snippets[..2]);
        Assert.Equal(40, snippets.Count(s => s.Language == "zz"));
        Assert.Equal(42, snippets.Count);
    }
}
