using System.IO.Compression;
using System.Text;
using ClusterLp.Core.Formats;
using ClusterLp.Core.Formats.FastText;
using ClusterLp.Core.Tests.Formats;

namespace ClusterLp.Fuzz;

/// <summary>Model files, opened by path and read where they are small.</summary>
internal static class ModelTargets
{
    private const long MostElements = 1 << 16;

    public static IEnumerable<Target> In(Scratch scratch)
    {
        byte[] safetensors = SampleModels.File(SampleModels.Mask, SampleModels.Embedding(), SampleModels.Bias);
        scratch.Write("shard.safetensors", safetensors);
        yield return Of("safetensors", scratch, "m.safetensors",
            [safetensors, SampleModels.File(("h", "BF16", "[2,2]", new byte[8]))],
            "\"dtype\":\"F32\"", "\"shape\":[", "\"data_offsets\":[0,0]", "BF16", "F64", "F8_E4M3", "__metadata__", "[0,0]", "[4294967296,4294967296]");
        yield return Of("shard-index", scratch, "m.index.json",
            ["{\"metadata\":{\"total_size\":9},\"weight_map\":{\"bias\":\"shard.safetensors\",\"emb.weight\":\"shard.safetensors\",\"mask\":\"shard.safetensors\"}}"u8.ToArray()],
            "\"weight_map\"", "\"shard.safetensors\"", "\"missing.safetensors\"", "emb.weight", ":", "{");
        scratch.Write("weights.bin", new byte[3 * 4096]);
        yield return Of("onnx", scratch, "m.onnx", [Graph(null), Graph("weights.bin")],
            "Gather", "MatMul", "Gemm", "Transpose", "Constant", "weights.bin", "offset", "length", "4096", "-1", "../weights.bin", "w0", "w1", "w2", "\n\u0002w1");
        yield return Of("npy", scratch, "m.npy",
            [Craft.Npy("<f4", "(9, 12)", new byte[432]), Craft.Npy(">f8", "(2, 3)", new byte[48], fortran: true), Craft.Npy("{'descr': '<f2', 'fortran_order': False, 'shape': (3, 1), }", new byte[6], 2)],
            "'descr': '<f4'", "'fortran_order': True", "'shape': (", "(0, 1)", "(4294967296, 4294967296)", "'|O'", ")", "L");
        yield return Of("sparse", scratch, "m.npz",
            [Craft.Csr(3, 5, [0, 2, 2, 4], [1, 3, 4, 0], [1, 2, 3, 4]), Craft.Csr(2, 9, [0, 3, 4], [5, 1, 5, 0], [1, 2, 3, 4], ">i8", "<f8", CompressionLevel.Optimal)],
            "'descr': '<i4'", "'descr': '<f4'", "(4,)", "PK\u0001\u0002", "PK\u0003\u0004", "PK\u0005\u0006", "indptr.npy", "indices.npy", "csr", "csc");
        yield return Of("vectors-text", scratch, "v.vec",
            [Encoding.UTF8.GetBytes("3 2\nthe 1.5 -2\nof 3 4e-5\n. . 5 6\n"), "a 1\nb 2\r\n"u8.ToArray()], " ", "\n", "\t", "-1.5e-40", "1e39", "inf", "\r\n");
        yield return Of("vectors-binary", scratch, "w.bin",
            [[.. "2 3\nthe "u8, .. new byte[12], .. "\nof "u8, .. new byte[12]], [.. "1 1\na "u8, .. new byte[4]]], " ", "\n", "2147483647 1\n", "1 536870911\n");
        yield return Of("fasttext-dense", scratch, "m.bin",
            [new FastTextCraft { Input = FastTextCraft.Dense(4, 4, new float[16]), Output = FastTextCraft.Dense(2, 4, new float[8]) }.Build()], "__label__");
        yield return Of("fasttext-quantised", scratch, "q.ftz", [Quantised()], "__label__");
    }

    private static byte[] Graph(string? data)
    {
        var graph = new OnnxCraft { DataName = data };
        OnnxCraft body = new OnnxCraft().Node("MatMul", ["x", "w1"], "inner").Output("inner", OnnxCraft.Float);
        return graph.Input("x", OnnxCraft.Float, 2, 9).Matrix("w0", 9, 4, 1).Matrix("w1", 9, 4, 2).Output("y", OnnxCraft.Float)
            .Node("Constant", [], "w2", ("value", (OnnxCraft.Float, new long[] { 9, 4 }, new byte[144])))
            .Node("Transpose", ["w0"], "t", ("perm", new[] { 1, 0 })).Node("Gemm", ["x", "t"], "a", ("transB", 1), ("alpha", 0.5f))
            .Node("If", ["flag"], "b", ("then_branch", body)).Node("MatMul", ["x", "w2"], "y").Model();
    }

    private static byte[] Quantised() => new FastTextCraft
    {
        PrunedCount = 1, Pruned = [(77, 0)], QuantisedInput = 1,
        Input = [1, .. Craft.Bytes(3L, 4L), .. Craft.Bytes(6), .. new byte[6], .. Craft.Bytes(4, 2, 2, 2), .. new byte[4096], .. new byte[3], .. Craft.Bytes(1, 1, 1, 1), .. new byte[1024]],
        Output = FastTextCraft.Dense(2, 4, new float[8]),
    }.Build();

    private static Target Of(string name, Scratch scratch, string file, byte[][] seeds, params string[] tokens) =>
        new(name, seeds, [.. tokens.Select(Encoding.UTF8.GetBytes)], bytes => Use(scratch.Write(file, bytes)));

    private static void Use(string path)
    {
        using IModel model = ModelFiles.Open(path);
        _ = model.Vocabulary?.Count;
        foreach (TensorInfo tensor in model.Tensors.Where(tensor => tensor.IsMatrix))
            if (model.Obstacle(tensor.Name, tensor.Type.DefaultFactorType()) is null)
                using (IMatrixSource matrix = model.OpenMatrix(tensor.Name))
                    ReadEnds(matrix);
        if (model is FastTextModel fastText)
            ReadEnds(fastText.Output);
    }

    private static void ReadEnds(IMatrixSource matrix)
    {
        if (matrix.Columns > MostElements)
            return;
        var row = new float[matrix.Columns];
        matrix.ReadRows(0, 1, row);
        matrix.ReadRows(matrix.Rows - 1, 1, row);
    }
}
