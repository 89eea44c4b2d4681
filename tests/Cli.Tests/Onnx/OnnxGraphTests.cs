using System.Runtime.InteropServices;
using ClusterLp.Core;
using ClusterLp.Core.Reporting;
using ClusterLp.Core.Tests.Formats;
using Microsoft.ML.OnnxRuntime;

namespace ClusterLp.Cli.Tests.Onnx;

/// <summary>
/// Graphs compressed through the command line and run in ONNX Runtime: the factorised one gives what the one with the dense
/// products gives.
/// </summary>
public sealed class OnnxGraphTests : IDisposable
{
    private const int N = 40, D = 16;

    private readonly Folder _folder = new();

    public void Dispose() => _folder.Dispose();

    private async Task<JobReport> CompressAsync(string model, string output, params string[] options)
    {
        CommandLine run = await CommandLine.RunAsync(["compress", model, "--output", _folder[output], "--reconstruct", .. options]);
        Assert.True(run.Code == ExitCode.Done, run.Out + run.Error);
        CommandLine verify = await CommandLine.RunAsync("verify", _folder[output], "--against", model);
        Assert.True(verify.Code == ExitCode.Done, verify.Out + verify.Error);
        return ReportJson.Read(Path.Combine(_folder[output], "clusterlp.json"));
    }

    // Both graphs run and agree, and neither is the original: every output has lost something.
    private static void AssertSame(string original, string output, params NamedOnnxValue[] inputs)
    {
        string file = Path.Combine(output, Path.GetFileName(original)), dense = Path.ChangeExtension(file, ".dense.onnx");
        Dictionary<string, double[]> before = OnnxRun.Of(original, inputs), factorised = OnnxRun.Of(file, inputs), product = OnnxRun.Of(dense, inputs);
        Assert.Equal(before.Keys.Order(), factorised.Keys.Order());
        foreach ((string name, double[] values) in product)
        {
            double difference = OnnxRun.Difference(values, factorised[name]), loss = OnnxRun.Difference(before[name], values);
            // A product stored in float16 is rounded once more than its factors.
            Assert.True(difference <= (name == "f" ? 1e-3 : 1e-5), $"{name}: differs by {difference}");
            Assert.True(loss > 1e-3, $"{name}: differs from the original by {loss} only");
        }
    }

    /// <summary>Embedding, one attention head, feed-forward layers, and a head tied to the embedding.</summary>
    private static OnnxCraft Transformer(string? data = null)
    {
        const int vocabulary = 200, d = 32, hidden = 64;
        var graph = new OnnxCraft { DataName = data };
        graph.Input("ids", OnnxCraft.Int64, "tokens").Output("logits", OnnxCraft.Float, "tokens", vocabulary);
        graph.Matrix("embeddings.weight", vocabulary, d, 1);
        foreach ((int i, string name) in new[] { "q", "k", "v", "o" }.Index())
            graph.Matrix($"attention.{name}.weight", d, d, 10 + i);
        graph.Matrix("up.weight", hidden, d, 20).Matrix("down.weight", d, hidden, 21);
        graph.Tensor("up.bias", OnnxCraft.Float, [hidden], MemoryMarshal.AsBytes<float>(OnnxCraft.Numbers(hidden, 22)).ToArray());
        graph.Node("Gather", ["embeddings.weight", "ids"], "x");
        foreach (string name in new[] { "q", "k", "v" })
            graph.Node("MatMul", ["x", $"attention.{name}.weight"], name);
        graph.Node("Transpose", ["k"], "kt", ("perm", new[] { 1, 0 })).Node("MatMul", ["q", "kt"], "scores").Node("Softmax", ["scores"], "shares");
        graph.Node("MatMul", ["shares", "v"], "mixed").Node("MatMul", ["mixed", "attention.o.weight"], "attended").Node("Add", ["x", "attended"], "y");
        graph.Node("Gemm", ["y", "up.weight", "up.bias"], "up", ("transB", 1)).Node("Relu", ["up"], "active");
        graph.Node("Gemm", ["active", "down.weight"], "down", ("transB", 1), ("alpha", 0.5f)).Node("Add", ["y", "down"], "z");
        graph.Node("Gemm", ["z", "embeddings.weight"], "logits", ("transB", 1));
        return graph;
    }

    private static NamedOnnxValue Ids => OnnxRun.Input<long>("ids", [3, 199, 0, 17, -1], 5);

    [Theory]
    [InlineData(null)]
    [InlineData("weights.bin")]
    public async Task A_transformer_with_tied_embeddings_runs_with_factors(string? data)
    {
        string model = Transformer(data).Save(_folder["tiny.onnx"]);
        JobReport report = await CompressAsync(model, "out", "--rank", "6");
        Assert.Equal(["embeddings.weight", "attention.q.weight", "attention.k.weight", "attention.v.weight", "attention.o.weight", "up.weight", "down.weight"],
            report.Tensors.Select(tensor => tensor.Name));
        Assert.Equal(
            data is null ? ["clusterlp.json", "clusterlp.md", "tiny.dense.onnx", "tiny.onnx"]
                : ["clusterlp.json", "clusterlp.md", "tiny.dense.onnx", "tiny.dense.onnx.data", "tiny.onnx", data],
            Directory.GetFiles(_folder["out"]).Select(Path.GetFileName).Order());
        AssertSame(model, _folder["out"], Ids);

        long Size(string folder) => new[] { "tiny.onnx", data ?? "none" }.Select(name => new FileInfo(Path.Combine(folder, name))).Where(file => file.Exists).Sum(file => file.Length);
        long saved = 4 * (200 * 32 + 4 * 32 * 32 + 2 * 64 * 32 - 6 * (232 + 4 * 64 + 2 * 96));
        // Pages of external data and longer names take some of it.
        Assert.InRange(Size(_folder.Root) - Size(_folder["out"]), saved - (data is null ? 3000 : 14 * 4096 + 3000), saved);
    }

    [Fact]
    public async Task External_data_that_stays_keeps_its_bytes()
    {
        string model = Transformer("weights.bin").Save(_folder["tiny.onnx"]);
        await CompressAsync(model, "out", "--rank", "6", "--tensor", "embeddings.weight", "--tensor", "up.weight");
        AssertSame(model, _folder["out"], Ids);
        string file = Path.Combine(_folder["out"], "weights.bin");
        byte[] bytes = File.ReadAllBytes(file);
        foreach ((int count, int seed) in new[] { (32 * 32, 10), (32 * 32, 13), (64 * 32, 21) })
            Assert.True(bytes.AsSpan().IndexOf(MemoryMarshal.AsBytes<float>(OnnxCraft.Numbers(count, seed))) % 4096 == 0);

        bytes[8000] ^= 1;
        File.WriteAllBytes(file, bytes);
        CommandLine verify = await CommandLine.RunAsync("verify", _folder["out"], "--against", model);
        Assert.Equal(ExitCode.BadInput, verify.Code);
        Assert.Contains("weights.bin, apart from the factors: byte 8000 differs", string.Join(' ', verify.Out.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)));
    }

    /// <summary>Every way in which a node may use a matrix that factors can take the place of; an output for each.</summary>
    private static OnnxCraft Ways(int opset, int ir)
    {
        var graph = new OnnxCraft();
        graph.Input("rows", OnnxCraft.Float, 5, N).Input("columns", OnnxCraft.Float, 5, D).Input("batch", OnnxCraft.Float, 2, 3, N)
            .Input("index", OnnxCraft.Int64).Input("table", OnnxCraft.Int64, 2, 3).Input("flag", OnnxCraft.Bool);
        int seed = 0;
        string Fresh(int rows = N, int columns = D)
        {
            string name = $"w{seed++}";
            graph.Matrix(name, rows, columns, seed);
            return name;
        }
        int outputs = 0;
        void Use(string op, Func<string, string[]> inputs, params (string, object)[] attributes)
        {
            graph.Node(op, inputs(Fresh()), $"out{outputs}", attributes);
            graph.Output($"out{outputs++}", OnnxCraft.Float);
        }

        graph.Tensor("addend", OnnxCraft.Float, [D], MemoryMarshal.AsBytes<float>(OnnxCraft.Numbers(D, 90)).ToArray());
        graph.Tensor("zero", OnnxCraft.Float, [1], new byte[4]);
        graph.Node("Transpose", ["columns"], "columnsT", ("perm", new[] { 1, 0 })).Node("Transpose", ["rows"], "rowsT");
        // Before operator set 11 a Gemm must have its addend.
        string[] end = opset < 11 ? ["zero"] : [];
        Use("Gather", w => [w, "index"]);
        Use("Gather", w => [w, "table"], ("axis", opset < 11 ? 0 : -2));
        Use("MatMul", w => ["batch", w]);
        Use("MatMul", w => [w, "columnsT"]);
        Use("Gemm", w => ["rows", w, "addend"], ("alpha", 0.5f), ("beta", 2f));
        Use("Gemm", w => ["rowsT", w, "addend"], ("transA", 1), ("alpha", -1.5f));
        Use("Gemm", w => ["columns", w, .. end], ("transB", 1));
        Use("Gemm", w => ["columnsT", w, .. end], ("transA", 1), ("transB", 1));
        Use("Gemm", w => [w, "columnsT", .. end]);
        Use("Gemm", w => [w, "columns", .. end], ("transB", 1));
        Use("Gemm", w => [w, "rowsT", .. end], ("transA", 1));
        Use("Gemm", w => [w, "rows", .. end], ("transA", 1), ("transB", 1));

        // One matrix in many places: rows, a head, behind Identity and two Transposes, and in the branches of an If.
        string shared = Fresh();
        graph.ValueInfo(shared, OnnxCraft.Float, N, D);
        graph.Node("Gather", [shared, "table"], "a").Output("a", OnnxCraft.Float);
        graph.Node("Transpose", [shared], "sharedT", ("perm", new[] { 1, 0 })).Node("MatMul", ["columns", "sharedT"], "b").Output("b", OnnxCraft.Float);
        graph.Node("Transpose", ["sharedT"], "sharedTT").Node("Identity", ["sharedTT"], "again").Node("MatMul", ["batch", "again"], "c").Output("c", OnnxCraft.Float);
        OnnxCraft then = new OnnxCraft().Node("MatMul", ["rows", shared], "inner").Output("inner", OnnxCraft.Float),
            otherwise = new OnnxCraft().Output("inner", OnnxCraft.Float);
        // Before IR version 4 an initializer must be an input, and a branch has none.
        if (ir < 4)
            otherwise.Node("Constant", [], "own", ("value", (OnnxCraft.Float, new long[] { N, D }, MemoryMarshal.AsBytes<float>(OnnxCraft.Numbers(N * D, 77)).ToArray())));
        else
            otherwise.Matrix("own", N, D, 77);
        otherwise.Node("MatMul", ["rows", "own"], "inner");
        graph.Node("If", ["flag"], "d", ("then_branch", then), ("else_branch", otherwise)).Output("d", OnnxCraft.Float);

        // A constant, and matrices of other types.
        graph.Node("Constant", [], "constant", ("value", (OnnxCraft.Float, new long[] { N, D }, MemoryMarshal.AsBytes<float>(OnnxCraft.Numbers(N * D, 78)).ToArray())));
        graph.Node("MatMul", ["rows", "constant"], "e").Output("e", OnnxCraft.Float);
        graph.Tensor("half", OnnxCraft.Half, [N, D], MemoryMarshal.AsBytes<Half>(Array.ConvertAll(OnnxCraft.Numbers(N * D, 79), x => (Half)x)).ToArray());
        graph.Node("Cast", ["half"], "widened", ("to", OnnxCraft.Float)).Node("MatMul", ["rows", "widened"], "f").Output("f", OnnxCraft.Float);
        graph.Tensor("double", OnnxCraft.Double, [N, D], MemoryMarshal.AsBytes<double>(Array.ConvertAll(OnnxCraft.Numbers(N * D, 80), x => (double)x)).ToArray());
        graph.Node("Cast", ["rows"], "doubleRows", ("to", OnnxCraft.Double)).Node("MatMul", ["doubleRows", "double"], "g").Output("g", OnnxCraft.Double);
        graph.Tensor("listed", OnnxCraft.Float, [N, D], MemoryMarshal.AsBytes<float>(OnnxCraft.Numbers(N * D, 81)).ToArray(), asFloats: true);
        graph.Node("MatMul", ["rows", "listed"], "h").Output("h", OnnxCraft.Float);
        return graph.Unknown(99, "kept as it is");
    }

    private static NamedOnnxValue[] WayInputs(bool flag) =>
    [
        OnnxRun.Input("rows", OnnxCraft.Numbers(5 * N, 101, 1), 5, N), OnnxRun.Input("columns", OnnxCraft.Numbers(5 * D, 102, 1), 5, D),
        OnnxRun.Input("batch", OnnxCraft.Numbers(6 * N, 103, 1), 2, 3, N), OnnxRun.Input<long>("index", [7]),
        OnnxRun.Input<long>("table", [0, 1, 39, 5, 5, 20], 2, 3), OnnxRun.Input("flag", [flag]),
    ];

    [Theory]
    [InlineData(17, 8, null)]
    [InlineData(9, 3, null)]
    [InlineData(13, 7, "f16")]
    public async Task Every_supported_use_gives_what_the_product_gives(int opset, int ir, string? dtype)
    {
        OnnxCraft graph = Ways(opset, ir);
        if (ir < 4)
        {
            foreach (string name in Enumerable.Range(0, 13).Select(i => $"w{i}").Concat(["listed"]))
                graph.Input(name, OnnxCraft.Float, N, D);
            graph.Input("half", OnnxCraft.Half, N, D).Input("double", OnnxCraft.Double, N, D).Input("addend", OnnxCraft.Float, D).Input("zero", OnnxCraft.Float, 1);
        }
        string model = graph.Save(_folder["ways.onnx"], opset, ir);
        JobReport report = await CompressAsync(model, "out", ["--rank", "4", .. dtype is null ? Array.Empty<string>() : ["--dtype", dtype]]);
        Assert.Equal(13 + 5, report.Tensors.Length);
        foreach (bool flag in new[] { false, true })
            AssertSame(model, _folder["out"], WayInputs(flag));

        byte[] bytes = File.ReadAllBytes(Path.Combine(_folder["out"], "ways.onnx"));
        Assert.True(bytes.AsSpan().IndexOf("kept as it is"u8) > 0);
        Assert.True(bytes.AsSpan().IndexOf("about out3"u8) > 0);
        byte[] addend = MemoryMarshal.AsBytes<float>(OnnxCraft.Numbers(D, 90)).ToArray();
        Assert.True(bytes.AsSpan().IndexOf(addend) > 0);
    }

    [Theory]
    [InlineData("Relu", "used by Relu \"node/out\"")]
    [InlineData("columns", "takes columns of it")]
    [InlineData("output", "is an output of the graph")]
    [InlineData("square", "both operands of MatMul")]
    [InlineData("pair", "both operands of MatMul")]
    [InlineData("foreign", "used by acme.MatMul")]
    [InlineData("annotated", "quantization annotation")]
    [InlineData("unused", "no node of the graph uses it")]
    [InlineData("taken", "\"w.U\", which one of its factors would have, is taken")]
    [InlineData("twice", "more than one tensor of that name")]
    [InlineData("training", "training information")]
    [InlineData("old", "operator set 6")]
    [InlineData("stored", "its numbers are not stored as raw_data")]
    public async Task What_cannot_take_factors_is_left_alone_and_says_why(string way, string reason)
    {
        var graph = new OnnxCraft();
        graph.Input("x", OnnxCraft.Float, 5, N).Input("i", OnnxCraft.Int64, 3).Input("xt", OnnxCraft.Float, N, 5).Output("out", OnnxCraft.Float);
        if (way == "stored")
            graph.Tensor("w", OnnxCraft.Double, [D, N], new byte[8 * D * N], asFloats: true).Node("MatMul", ["w", "xt"], "out");
        else
            graph.Matrix("w", N, D, 1);
        graph.Matrix("fine", N, D, 2).Node("MatMul", ["x", "fine"], "other").Output("other", OnnxCraft.Float);
        int opset = 17;
        switch (way)
        {
            case "Relu": graph.Node("Relu", ["w"], "out"); break;
            case "columns": graph.Node("Gather", ["w", "i"], "out", ("axis", 1)); break;
            case "output": graph.Node("MatMul", ["x", "w"], "out").Output("w", OnnxCraft.Float); break;
            case "square": graph.Node("Transpose", ["w"], "wt").Node("MatMul", ["w", "wt"], "out"); break;
            case "pair": graph.Matrix("other w", D, 4, 3).Node("Identity", ["other w"], "same").Node("MatMul", ["w", "same"], "out"); break;
            case "foreign": graph.Node("MatMul", "acme", ["x", "w"], ["out"]); break;
            case "annotated": graph.Node("MatMul", ["x", "w"], "out").Annotate("w"); break;
            case "taken": graph.Node("MatMul", ["x", "w"], "w.U").Node("Relu", ["w.U"], "out"); break;
            case "twice":
                OnnxCraft branch = new OnnxCraft().Matrix("w", N, D, 4).Node("MatMul", ["x", "w"], "inner").Output("inner", OnnxCraft.Float);
                graph.Input("flag", OnnxCraft.Bool).Node("If", ["flag"], "out", ("then_branch", branch), ("else_branch", branch));
                break;
            case "old": graph.Tensor("zero", OnnxCraft.Float, [1], new byte[4]).Node("Gemm", ["xt", "w", "zero"], "out", ("transA", 1)); opset = 6; break;
            case "stored": break;
            default: graph.Node("Relu", ["x"], "out"); break;
        }
        if (way == "training")
            graph.Node("MatMul", ["x", "w"], "product");
        File.WriteAllBytes(_folder["m.onnx"], graph.Model(opset, training: way == "training"));

        CommandLine named = await CommandLine.RunAsync("compress", _folder["m.onnx"], "--output", _folder["out"], "--rank", "4", "--tensor", "w");
        Assert.Equal(ExitCode.BadInput, named.Code);
        Assert.Contains(reason, named.Error);
        Assert.False(Directory.Exists(_folder["out"]));
        if (way is not "training")
        {
            CommandLine all = await CommandLine.RunAsync("compress", _folder["m.onnx"], "--output", _folder["out"], "--rank", "4", "--tensor", "*");
            Assert.True(all.Code == ExitCode.Done, all.Error);
            JobReport report = ReportJson.Read(Path.Combine(_folder["out"], "clusterlp.json"));
            Assert.Equal("fine", Assert.Single(report.Tensors).Name);
            Assert.Contains(reason, report.Untouched.First(tensor => tensor.Name == "w").Reason);
        }
        CommandLine inspect = await CommandLine.RunAsync("inspect", _folder["m.onnx"]);
        Assert.Contains(way == "stored" ? "w [16 x 40]" : "w [40 x 16]", inspect.Out);
    }
}
