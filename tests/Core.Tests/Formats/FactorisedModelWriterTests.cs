using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using ClusterLp.Core.Formats;
using ClusterLp.Core.Formats.Output;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Reporting;

namespace ClusterLp.Core.Tests.Formats;

public class FactorisedModelWriterTests
{
    private const int BlockRows = 40, Rank = 5;

    private static (JobPlan Plan, ImmutableArray<FileHash> Hashes) Compress(string input, string output, Func<JobSpec, JobSpec>? change = null)
    {
        var spec = new JobSpec { Input = input, Output = output, Rank = Rank, BlockRows = BlockRows };
        JobPlan plan = JobPlanner.Plan(change?.Invoke(spec) ?? spec);
        var blobs = new MemoryBlobs();
        List<FitState> fits = [];
        foreach (TensorPlan tensor in plan.Tensors)
        {
            (float[] u, float[] v) = FakeFit.Factors(tensor, tensor.Index);
            fits.Add(FakeFit.Done(tensor, u, v, blobs));
        }
        using OutputDirectory directory = OutputDirectory.Create(output, force: false);
        ImmutableArray<FileHash> hashes = FactorisedModelWriter.Write(plan, fits, blobs, directory, null, CancellationToken.None);
        directory.Commit();
        return (plan, hashes);
    }

    private static float[] Read(IModel model, string tensor)
    {
        using IMatrixSource matrix = model.OpenMatrix(tensor);
        return Reading.AllRows(matrix);
    }

    private static float[] Transpose(float[] v, int k) =>
        [.. from j in Enumerable.Range(0, v.Length / k) from i in Enumerable.Range(0, k) select v[i * (v.Length / k) + j]];

    // Independent of our reader: name to (dtype, bytes).
    private static Dictionary<string, (string Dtype, byte[] Bytes)> RawTensors(string path)
    {
        byte[] all = File.ReadAllBytes(path);
        int start = 8 + (int)BinaryPrimitives.ReadInt64LittleEndian(all);
        Assert.Equal(0, start % 8);
        using JsonDocument header = JsonDocument.Parse(all.AsMemory(8, start - 8));
        var tensors = new Dictionary<string, (string, byte[])>();
        foreach (JsonProperty tensor in header.RootElement.EnumerateObject())
        {
            if (tensor.Name == "__metadata__")
                continue;
            JsonElement offsets = tensor.Value.GetProperty("data_offsets");
            (int from, int to) = (offsets[0].GetInt32(), offsets[1].GetInt32());
            string dtype = tensor.Value.GetProperty("dtype").GetString()!;
            Assert.Equal(0, from % (dtype == "BOOL" ? 1 : dtype.EndsWith("16") ? 2 : 4));
            tensors.Add(tensor.Name, (dtype, all[(start + from)..(start + to)]));
        }
        return tensors;
    }

    [Theory]
    [InlineData(null, "F32")]
    [InlineData(ElementType.F16, "F16")]
    [InlineData(ElementType.BF16, "BF16")]
    public void Factors_take_the_tensors_place_and_everything_else_stays(ElementType? dtype, string expectedDtype)
    {
        using var folder = new TemporaryFolder();
        string input = folder.Write("in.safetensors", SampleModels.File(SampleModels.Mask, SampleModels.Embedding(), SampleModels.Bias));
        (JobPlan plan, ImmutableArray<FileHash> hashes) = Compress(input, folder["out"], spec => spec with { Dtype = dtype });

        string file = Path.Combine(folder["out"], "model.safetensors");
        Assert.Equal([file], Directory.GetFiles(folder["out"]));
        FileHash hash = Assert.Single(hashes);
        byte[] bytes = File.ReadAllBytes(file);
        Assert.Equal(("model.safetensors", (long)bytes.Length, Convert.ToHexStringLower(SHA256.HashData(bytes))), (hash.Path, hash.Bytes, hash.Sha256));
        Assert.Equal(hash, FileHashing.Hash(file));

        var raw = RawTensors(file);
        Assert.Equal(new[] { "bias", "emb.0.weight", "emb.1.weight", "mask" }, raw.Keys.Order());
        Assert.Equal(SampleModels.Bias.Item4, raw["bias"].Bytes);
        Assert.Equal(SampleModels.Mask.Item4, raw["mask"].Bytes);
        Assert.Equal(expectedDtype, raw["emb.0.weight"].Dtype);
        Assert.Contains("\"format\":\"pt\"", System.Text.Encoding.UTF8.GetString(bytes.AsSpan(8, 60)));

        (float[] u, float[] v) = FakeFit.Factors(plan.Tensors[0], 0);
        using IModel model = ModelFiles.Open(folder["out"]);
        Assert.Equal(u, Read(model, "emb.0.weight"));
        Assert.Equal(Transpose(v, Rank), Read(model, "emb.1.weight"));
        Assert.Equal([SampleModels.Rows, Rank], model.Tensors.Single(tensor => tensor.Name == "emb.0.weight").Shape);
        Assert.Equal([SampleModels.Columns, Rank], model.Tensors.Single(tensor => tensor.Name == "emb.1.weight").Shape);
    }

    [Fact]
    public void Reconstruct_adds_the_product_of_the_stored_factors_under_the_old_name()
    {
        using var folder = new TemporaryFolder();
        string input = folder.Write("in.safetensors", SampleModels.File(SampleModels.Embedding("x")));
        (JobPlan plan, _) = Compress(input, folder["out"], spec => spec with { Reconstruct = true });
        using IModel model = ModelFiles.Open(folder["out"]);
        Assert.Equal(["x.0.weight", "x.1.weight", "x"], model.Tensors.Select(tensor => tensor.Name));
        Assert.Equal(Product(plan.Tensors[0], 0), Read(model, "x"));
    }

    [Fact]
    public void Shards_keep_their_names_and_the_index_is_rewritten()
    {
        using var folder = new TemporaryFolder();
        folder.Write("in/a.safetensors", SampleModels.File(SampleModels.Bias, SampleModels.Embedding("a.weight", 1)));
        folder.Write("in/s/b.safetensors", SampleModels.File(SampleModels.Mask, SampleModels.Embedding("b.weight", 2)));
        folder.Write("in/model.safetensors.index.json", """
            {"metadata":{"total_size":1,"kept":"yes"},"weight_map":{
            "bias":"a.safetensors","a.weight":"a.safetensors","mask":"s/b.safetensors","b.weight":"s/b.safetensors"}}
            """u8.ToArray());
        (JobPlan plan, ImmutableArray<FileHash> hashes) = Compress(folder["in"], folder["out"]);
        Assert.Equal(["a.safetensors", "s/b.safetensors", "model.safetensors.index.json"], hashes.Select(hash => hash.Path));
        Assert.All(hashes, hash => Assert.Equal(hash.Sha256, FileHashing.Hash(Path.Combine(folder["out"], hash.Path)).Sha256));

        using JsonDocument index = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder["out"], "model.safetensors.index.json")));
        JsonElement metadata = index.RootElement.GetProperty("metadata");
        Assert.Equal("yes", metadata.GetProperty("kept").GetString());
        int factors = 4 * Rank * (SampleModels.Rows + SampleModels.Columns);
        Assert.Equal(12 + 5 + 2 * factors, metadata.GetProperty("total_size").GetInt32());
        Assert.Equal(
            ["bias a.safetensors", "a.0.weight a.safetensors", "a.1.weight a.safetensors", "mask s/b.safetensors", "b.0.weight s/b.safetensors", "b.1.weight s/b.safetensors"],
            index.RootElement.GetProperty("weight_map").EnumerateObject().Select(entry => $"{entry.Name} {entry.Value.GetString()}"));
        using IModel model = ModelFiles.Open(folder["out"]);
        Assert.Equal(FakeFit.Factors(plan.Tensors[1], 1).U, Read(model, "b.0.weight"));
    }

    [Fact]
    public void A_single_matrix_is_named_after_its_file()
    {
        using var folder = new TemporaryFolder();
        string input = folder.Write("glove.6B.npy", Craft.Npy("<f8", $"({SampleModels.Rows}, {SampleModels.Columns})",
            Craft.Bytes(Array.ConvertAll(SampleModels.Matrix(), x => (double)x))));
        Compress(input, folder["out"]);
        using IModel model = ModelFiles.Open(folder["out"]);
        Assert.Equal(["glove.6B.0.weight", "glove.6B.1.weight"], model.Tensors.Select(tensor => tensor.Name));
        Assert.All(model.Tensors, tensor => Assert.Equal(ElementType.F32, tensor.Type));
    }

    [Fact]
    public void Several_tensors_are_reconstructed_each_under_its_old_name()
    {
        using var folder = new TemporaryFolder();
        string input = folder.Write("in.safetensors", SampleModels.File(SampleModels.Embedding("x.weight", 1), SampleModels.Bias, SampleModels.Embedding("y", 2)));
        (JobPlan plan, _) = Compress(input, folder["out"], spec => spec with { Reconstruct = true, Dtype = ElementType.BF16 });
        using IModel model = ModelFiles.Open(folder["out"]);
        Assert.Equal(new[] { "bias", "x.0.weight", "x.1.weight", "x.weight", "y", "y.0.weight", "y.1.weight" }, model.Tensors.Select(tensor => tensor.Name).Order());
        for (int i = 0; i < 2; i++)
            Assert.Equal(Product(plan.Tensors[i], i), Read(model, plan.Tensors[i].Name));
        Assert.Equal(ElementType.F32, model.Tensors.Single(tensor => tensor.Name == "y").Type);
    }

    // Multiples of 1/64 below 2^24 / 64: every order of summation is exact.
    private static float[] Product(TensorPlan plan, int seed)
    {
        (float[] u, float[] v) = FakeFit.Factors(plan, seed);
        var product = new float[plan.Rows * plan.Columns];
        for (int i = 0; i < plan.Rows; i++)
            for (int j = 0; j < plan.Columns; j++)
                for (int t = 0; t < Rank; t++)
                    product[i * plan.Columns + j] += u[i * Rank + t] * v[t * plan.Columns + j];
        return product;
    }

    [Theory]
    [InlineData("text with a header", "v.vec")]
    [InlineData("text without, tabs", "glove.6B.txt")]
    [InlineData("binary, line feeds", "w.bin")]
    [InlineData("binary, none", "x.bin")]
    public void Word_vectors_go_back_out_in_their_own_format_with_their_words(string dialect, string name)
    {
        const int n = 90, d = 12;
        float[] values = SampleModels.Matrix();
        string[] words = [.. Enumerable.Range(0, n).Select(i => i switch { 0 => "</s>", 1 => "caf\u00e9", 2 => "the", 3 => "the", _ => $"word{i}" })];
        bool text = dialect.StartsWith("text"), header = !dialect.Contains("without"), lineFeeds = dialect.Contains("feeds");
        char separator = dialect.Contains("tabs") ? '\t' : ' ';
        byte[] Line(int i, float[] all) => text
            ? Encoding.UTF8.GetBytes(words[i] + string.Concat(all[(i * d)..(i * d + d)].Select(x => separator + x.ToString(CultureInfo.InvariantCulture))) + "\n")
            : [.. Encoding.UTF8.GetBytes(words[i] + " "), .. Craft.Bytes(all[(i * d)..(i * d + d)]), .. lineFeeds ? "\n"u8 : []];
        byte[] File(float[] all) => [.. header ? Encoding.ASCII.GetBytes($"{n} {d}\n") : [], .. Enumerable.Range(0, n).SelectMany(i => Line(i, all))];
        using var folder = new TemporaryFolder();
        string input = folder.Write(name, File(values)), stem = Path.GetFileNameWithoutExtension(name);

        (JobPlan plan, ImmutableArray<FileHash> hashes) = Compress(input, folder["out"], spec => spec with { Reconstruct = true });
        Assert.Equal(["model.safetensors", stem + ".vocab.txt", name], hashes.Select(hash => hash.Path));
        Assert.All(hashes, hash => Assert.Equal(hash.Sha256, FileHashing.Hash(Path.Combine(folder["out"], hash.Path)).Sha256));
        Assert.Equal(File(Product(plan.Tensors[0], 0)), System.IO.File.ReadAllBytes(Path.Combine(folder["out"], name)));
        Assert.Equal(words, System.IO.File.ReadAllLines(Path.Combine(folder["out"], stem + ".vocab.txt")));
        Assert.Equal([stem + ".0.weight", stem + ".1.weight"], RawTensors(Path.Combine(folder["out"], "model.safetensors")).Keys.Order());

        (_, hashes) = Compress(input, folder["factors"]);
        Assert.Equal(["model.safetensors", stem + ".vocab.txt"], hashes.Select(hash => hash.Path));
    }

    [Fact]
    public void A_short_block_is_reported_as_corrupt_and_leaves_no_output()
    {
        using var folder = new TemporaryFolder();
        string input = folder.Write("in.safetensors", SampleModels.File(SampleModels.Embedding()));
        JobPlan plan = JobPlanner.Plan(new JobSpec { Input = input, Output = folder["out"], Rank = Rank, BlockRows = BlockRows });
        var blobs = new MemoryBlobs();
        (float[] u, float[] v) = FakeFit.Factors(plan.Tensors[0], 0);
        FitState fit = FakeFit.Done(plan.Tensors[0], u, v, blobs);
        fit = fit with { UBlocks = fit.UBlocks.SetItem(0, fit.UBlocks[2]) };
        using (OutputDirectory directory = OutputDirectory.Create(folder["out"], force: false))
            Assert.Throws<Core.Jobs.Blobs.BlobCorruptException>(() =>
                FactorisedModelWriter.Write(plan, [fit], blobs, directory, null, CancellationToken.None));
        Assert.Equal([input], Directory.GetFileSystemEntries(folder.Path));
    }
}
