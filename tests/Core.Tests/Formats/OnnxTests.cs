using System.Text;
using ClusterLp.Core.Formats;
using ClusterLp.Core.Formats.Output;
using ClusterLp.Core.Jobs;

namespace ClusterLp.Core.Tests.Formats;

/// <summary>What of an .onnx file is read and refused; tests/Cli.Tests/Onnx runs what is written.</summary>
public sealed class OnnxTests : IDisposable
{
    private const int N = 9, D = 4;

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private static OnnxCraft Used(OnnxCraft graph, params string[] matrices)
    {
        graph.Input("x", OnnxCraft.Float, 2, N);
        foreach (string matrix in matrices)
            graph.Node("MatMul", ["x", matrix], "of " + matrix).Output("of " + matrix, OnnxCraft.Float);
        return graph;
    }

    private static byte[] Elements(int seed) => Craft.Bytes(OnnxCraft.Numbers(N * D, seed));

    [Fact]
    public void Initializers_and_constants_of_any_graph_are_tensors_and_are_read_in_place()
    {
        float[] numbers = OnnxCraft.Numbers(N * D, 4);
        OnnxCraft body = Used(new OnnxCraft().Matrix("inner", N, D, 2), "inner");
        OnnxCraft graph = Used(new OnnxCraft().Matrix("raw", N, D, 1)
            .Tensor("floats", OnnxCraft.Float, [N, D], Elements(3), asFloats: true)
            .Tensor("half", OnnxCraft.Half, [N, D], Craft.Bytes(Array.ConvertAll(numbers, x => (Half)x)))
            .Tensor("bias", OnnxCraft.Int64, [2], new byte[16])
            .Node("Constant", [], "constant", ("value", (OnnxCraft.Double, new long[] { N, D }, Craft.Bytes(Array.ConvertAll(numbers, x => (double)x)))))
            .Node("Constant", [], "scalar", ("value", (OnnxCraft.Int64, Array.Empty<long>(), new byte[8])))
            .Node("If", ["flag"], "either", ("then_branch", body)), "raw", "floats", "half", "constant");
        using IModel model = ModelFiles.Open(_folder.Write("m.onnx", graph.Model()));
        Assert.Equal(["raw F32", "floats F32", "half F16", "bias I64", "constant F64", "inner F32"], model.Tensors.Select(tensor => $"{tensor.Name} {tensor.Type}"));
        Assert.Equal([N, D], model.Tensors[4].Shape);
        Assert.Equal(8 * N * D, model.Tensors[4].ByteLength);
        foreach ((string name, float[] expected) in new[]
        {
            ("raw", OnnxCraft.Numbers(N * D, 1)), ("floats", OnnxCraft.Numbers(N * D, 3)), ("inner", OnnxCraft.Numbers(N * D, 2)),
            ("half", Array.ConvertAll(numbers, x => (float)(Half)x)), ("constant", numbers),
        })
        {
            using IMatrixSource matrix = model.OpenMatrix(name);
            Assert.Equal(expected, Reading.AllRows(matrix));
            Assert.Null(model.Obstacle(name, ElementType.F32));
        }
        Assert.Contains("expected a floating matrix", Assert.Throws<ClusterLpException>(() => model.OpenMatrix("bias")).Message);
    }

    [Fact]
    public void Data_beyond_two_gibibytes_of_a_file_is_read_where_it_lies()
    {
        const long offset = (1L << 31) + 4096;
        OnnxCraft graph = Used(new OnnxCraft { DataName = "big.bin", DataStart = offset }.Matrix("w", N, D, 1), "w");
        string path = _folder.Write("m.onnx", graph.Model());
        using (FileStream data = File.Create(_folder["big.bin"]))
        {
            // A hole: it takes no room on the disk.
            data.Position = offset;
            data.Write(Elements(1));
        }
        using IModel model = ModelFiles.Open(path);
        Assert.Equal([path, _folder["big.bin"]], model.Files);
        using IMatrixSource matrix = model.OpenMatrix("w");
        Assert.Equal(OnnxCraft.Numbers(N * D, 1), Reading.AllRows(matrix));
    }

    [Fact]
    public void What_lies_in_a_data_file_is_carried_along_wherever_the_model_keeps_it()
    {
        byte[] constant = Craft.Bytes(OnnxCraft.Numbers(5, 2)), inner = Craft.Bytes(OnnxCraft.Numbers(6, 3));
        OnnxCraft graph = Used(new OnnxCraft { DataName = "w.bin" }.Matrix("w", N, D, 1)
            .Node("Constant", [], "c", ("value", (OnnxCraft.Float, new long[] { 5 }, constant)))
            .Node("Scan", ["c"], "s", ("initial", (OnnxCraft.Float, new long[] { 6 }, inner))), "w");
        string input = graph.Save(_folder["m.onnx"]);
        JobPlan plan = JobPlanner.Plan(new JobSpec { Input = input, Output = _folder["out"], Rank = 2 });
        var blobs = new MemoryBlobs();
        (float[] u, float[] v) = FakeFit.Factors(plan.Tensors[0], 0);
        using (OutputDirectory output = OutputDirectory.Create(_folder["out"], force: false))
        {
            FactorisedModelWriter.Write(plan, [FakeFit.Done(plan.Tensors[0], u, v, blobs)], blobs, output, null, CancellationToken.None);
            output.Commit();
        }
        byte[] data = File.ReadAllBytes(_folder["out/w.bin"]), model = File.ReadAllBytes(_folder["out/m.onnx"]);
        foreach ((byte[] bytes, string offset) in new[] { (constant, "0"), (inner, "4096"), (Craft.Bytes(u), "8192"), (Craft.Bytes(v), "12288") })
        {
            Assert.Equal(offset, $"{data.AsSpan().IndexOf(bytes)}");
            byte[] entry = [10, 6, .. "offset"u8, 18, (byte)offset.Length, .. Encoding.ASCII.GetBytes(offset)];
            Assert.True(model.AsSpan().IndexOf(entry) > 0, $"no tensor begins at {offset}");
        }
        using IModel made = ModelFiles.Open(_folder["out/m.onnx"]);
        Assert.Equal(["w.U", "w.V"], made.Tensors.Select(tensor => tensor.Name));
    }

    [Theory]
    [InlineData("../w.bin", ExitCode.BadInput, "leads outside the model's folder")]
    [InlineData("/etc/passwd", ExitCode.BadInput, "leads outside the model's folder")]
    [InlineData("a/../../w.bin", ExitCode.BadInput, "leads outside the model's folder")]
    [InlineData("none.bin", ExitCode.InputMissing, "there is no such file")]
    [InlineData("short.bin", ExitCode.BadInput, "should have 144 bytes at offset 0, but the file has 100 bytes")]
    public void A_data_file_must_be_there_inside_the_folder_and_long_enough(string location, ExitCode code, string reason)
    {
        _folder.Write("short.bin", new byte[100]);
        string path = _folder.Write("m.onnx", Used(new OnnxCraft { DataName = location }.Matrix("w", N, D, 1), "w").Model());
        var error = Assert.Throws<ClusterLpException>(() => ModelFiles.Open(path));
        Assert.Equal(code, error.Code);
        Assert.Contains(reason, error.Message);
        Assert.Contains("\"w\"", error.Message);
    }

    [Fact]
    public void A_file_that_is_no_graph_is_refused()
    {
        foreach ((byte[] bytes, string reason) in new (byte[], string)[]
        {
            (Encoding.ASCII.GetBytes("this is not protobuf at all"), "not a usable ONNX model"),
            ([8, 8], "it has no graph"),
            (new OnnxCraft().Matrix("w", N, D, 1).Model()[..^30], "truncated or damaged"),
            (new OnnxCraft().Tensor("w", OnnxCraft.Float, [N, D + 1], Elements(1)).Model(), "should have 180 bytes, but 144 are stored"),
            (new OnnxCraft().Tensor("w", OnnxCraft.Float, [1L << 40, 1L << 40], []).Model(), "cannot be"),
        })
        {
            var error = Assert.Throws<ClusterLpException>(() => ModelFiles.Open(_folder.Write("m.onnx", bytes)));
            Assert.Equal(ExitCode.BadInput, error.Code);
            Assert.Contains(reason, error.Message);
        }
    }

    [Fact]
    public void Graphs_nested_without_end_and_chains_without_end_are_refused_not_followed()
    {
        OnnxCraft graph = new OnnxCraft().Node("Relu", ["x"], "y");
        for (int i = 0; i < 70; i++)
            graph = new OnnxCraft().Node("If", ["flag"], "y", ("then_branch", graph));
        Assert.Contains("nested more than", Assert.Throws<ClusterLpException>(() => ModelFiles.Open(_folder.Write("deep.onnx", graph.Model()))).Message);

        OnnxCraft chain = new OnnxCraft().Matrix("w", N, D, 1).Node("Identity", ["w"], "i0");
        for (int i = 0; i < 5000; i++)
            chain.Node("Identity", [$"i{i}"], $"i{i + 1}");
        using IModel model = ModelFiles.Open(_folder.Write("long.onnx", chain.Node("MatMul", ["x", "i5000"], "y").Model()));
        Assert.Contains("pass it on", model.Obstacle("w", ElementType.F32));

        using IModel circle = ModelFiles.Open(_folder.Write("circle.onnx",
            new OnnxCraft().Matrix("w", N, D, 1).Node("Identity", ["c"], "c").Node("MatMul", ["c", "w"], "y").Model()));
        Assert.Null(circle.Obstacle("w", ElementType.F32));
    }
}
