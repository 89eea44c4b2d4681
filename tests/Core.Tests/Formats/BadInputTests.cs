using System.Text;
using ClusterLp.Core.Formats;

namespace ClusterLp.Core.Tests.Formats;

/// <summary>Every kind of unusable input ends with exit 65 and one sentence that names the file and the fault.</summary>
public class BadInputTests
{
    private static readonly byte[] Four = new byte[4];
    private static readonly byte[] Eight = new byte[8];

    private sealed record Case(string Name, string File, Func<byte[]> Bytes, string[] Words);

    private static Case Bad(string name, string file, Func<byte[]> bytes, params string[] words) => new(name, file, bytes, words);

    private static Case Tensor(string name, string entry, byte[] data, params string[] words) =>
        Bad("safetensors: " + name, "m.safetensors", () => Craft.Safetensors($"{{\"t\":{entry}}}", data), [.. words, "tensor \"t\""]);

    private static Case Two(string name, (int, int) first, (int, int) second, int length, params string[] words) =>
        Bad("safetensors: " + name, "m.safetensors", () => Craft.Safetensors(
            $"{{\"a\":{Entry(first)},\"b\":{Entry(second)}}}", new byte[length]), words);

    private static string Entry((int From, int To) range) =>
        $"{{\"dtype\":\"U8\",\"shape\":[{range.To - range.From}],\"data_offsets\":[{range.From},{range.To}]}}";

    private static Case Text(string name, string content, params string[] words) =>
        Bad("text vectors: " + name, "v.vec", () => Encoding.UTF8.GetBytes(content), words);

    private static Case Npy(string name, Func<byte[]> bytes, params string[] words) => Bad("npy: " + name, "m.npy", bytes, words);

    private static Case Npz(string name, string member, byte[]? bytes, params string[] words) => Bad($"npz: {name}", "m.npz", () =>
        Craft.Zip(System.IO.Compression.CompressionLevel.Optimal,
            [.. Craft.CsrMembers(2, 3, [0, 2, 3], [0, 2, 1], [1, 2, 3]).Where(m => m.Name != member), .. bytes is null ? Array.Empty<(string, byte[])>() : [(member, bytes)]]), words);

    private static byte[] Int32(params int[] values) => Craft.Npy("<i4", $"({values.Length},)", Craft.Bytes(values));

    private static Case FastText(string name, Func<byte[]> bytes, params string[] words) => Bad("fastText: " + name, "m.ftz", bytes, words);

    private static readonly float[] Rows4 = new float[16];

    private static FastTextCraft Good() => new()
    {
        Input = FastTextCraft.Dense(4, 4, Rows4),
        Output = FastTextCraft.Dense(2, 4, Rows4[..8]),
    };

    private static byte[] FastTextWith(Action<FastTextCraft> change)
    {
        FastTextCraft craft = Good();
        change(craft);
        return craft.Build();
    }

    private static readonly Case[] Cases =
    [
        Bad("empty file", "m.safetensors", () => [], "empty"),
        Bad("unknown kind of file", "m.dat", () => [1, 2, 3, 4, 5, 6, 7, 8, 9, 10], "unknown kind of model", ".safetensors"),
        Bad("PyTorch checkpoint", "pytorch_model.bin", () => [.. "PK\u0003\u0004"u8, .. new byte[30]], "zip", "convert it to safetensors"),

        Bad("safetensors: header too short", "m.safetensors", () => [1, 0, 0], "too short", "3 bytes"),
        Bad("safetensors: header beyond the file", "m.safetensors", () => [200, 0, 0, 0, 0, 0, 0, 0, (byte)'{', (byte)'}'], "200 bytes long", "only 2 bytes follow"),
        Bad("safetensors: header over 100 MB", "m.safetensors", () => [.. Craft.Bytes(100_000_001L), (byte)'{'], "100000001", "at most 100000000"),
        Bad("safetensors: header length negative", "m.safetensors", () => [.. Craft.Bytes(-1L), (byte)'{'], "18446744073709551615", "at most"),
        Bad("safetensors: header of no bytes", "m.safetensors", () => Craft.Safetensors(""), "not a JSON object"),
        Bad("safetensors: not UTF-8", "m.safetensors", () => Craft.SafetensorsRaw([(byte)'{', (byte)'"', 0xff, 0xfe, (byte)'"', (byte)'}']), "not valid UTF-8"),
        Bad("safetensors: not JSON", "m.safetensors", () => Craft.Safetensors("{\"t\": nonsense}"), "not valid JSON"),
        Bad("safetensors: JSON cut off", "m.safetensors", () => Craft.Safetensors("{\"t\":{\"dtype\":\"F32\""), "not valid JSON"),
        Bad("safetensors: two JSON values", "m.safetensors", () => Craft.Safetensors("{}{}"), "not valid JSON"),
        Bad("safetensors: lone surrogate in a name", "m.safetensors", () => Craft.Safetensors("{\"\\ud800\":1}"), "not valid JSON"),
        Bad("safetensors: an array", "m.safetensors", () => Craft.Safetensors("[]"), "not a JSON object"),
        Bad("safetensors: no tensors", "m.safetensors", () => Craft.Safetensors("{}"), "no tensors"),
        Bad("safetensors: duplicate tensor", "m.safetensors", () => Craft.Safetensors(
            $"{{\"a\":{Entry((0, 4))},\"a\":{Entry((4, 8))}}}", Eight), "key \"a\" twice"),
        Bad("safetensors: duplicate tensor, once escaped", "m.safetensors", () => Craft.Safetensors(
            $"{{\"a\":{Entry((0, 4))},\"\\u0061\":{Entry((4, 8))}}}", Eight), "key \"a\" twice"),
        Bad("safetensors: metadata not an object", "m.safetensors", () => Craft.Safetensors("{\"__metadata__\":3}"), "__metadata__", "object of strings"),
        Bad("safetensors: metadata of numbers", "m.safetensors", () => Craft.Safetensors("{\"__metadata__\":{\"k\":3}}"), "\"k\"", "not a string"),
        Bad("safetensors: metadata key twice", "m.safetensors", () => Craft.Safetensors("{\"__metadata__\":{\"k\":\"1\",\"k\":\"2\"}}"), "\"k\" twice"),
        Tensor("entry is a number", "7", [], "not an object"),
        Tensor("no dtype", "{\"shape\":[1],\"data_offsets\":[0,4]}", Four, "no \"dtype\""),
        Tensor("no shape", "{\"dtype\":\"F32\",\"data_offsets\":[0,4]}", Four, "no \"shape\""),
        Tensor("no offsets", "{\"dtype\":\"F32\",\"shape\":[1]}", Four, "no \"data_offsets\""),
        Tensor("dtype twice", "{\"dtype\":\"F32\",\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}", Four, "\"dtype\" twice"),
        Tensor("dtype is a number", "{\"dtype\":32,\"shape\":[1],\"data_offsets\":[0,4]}", Four, "\"dtype\" is not a string"),
        Tensor("unknown key", "{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4],\"x\":1}", Four, "unknown key \"x\""),
        Tensor("unknown dtype", "{\"dtype\":\"Q4\",\"shape\":[1],\"data_offsets\":[0,4]}", Four, "unknown dtype \"Q4\"", "BF16"),
        Tensor("negative dimension", "{\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,4]}", Four, "\"shape\"", "non-negative"),
        Tensor("fractional dimension", "{\"dtype\":\"F32\",\"shape\":[1.5],\"data_offsets\":[0,4]}", Four, "\"shape\"", "non-negative"),
        Tensor("dimension beyond 64 bits", "{\"dtype\":\"F32\",\"shape\":[99999999999999999999],\"data_offsets\":[0,4]}", Four, "\"shape\"", "64-bit"),
        Tensor("shape is a number", "{\"dtype\":\"F32\",\"shape\":1,\"data_offsets\":[0,4]}", Four, "\"shape\" is not an array"),
        Tensor("overflowing shape", "{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296,4],\"data_offsets\":[0,4]}", Four, "overflows"),
        Tensor("shape larger than its bytes", "{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,4]}", Four, "takes 8 bytes", "hold 4"),
        Tensor("shape smaller than its bytes", "{\"dtype\":\"F16\",\"shape\":[1],\"data_offsets\":[0,4]}", Four, "takes 2 bytes", "hold 4"),
        Tensor("end before begin", "{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,0]}", Four, "begin <= end"),
        Tensor("three offsets", "{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4,8]}", Four, "[begin, end]"),
        Tensor("negative offset", "{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[-4,0]}", Four, "\"data_offsets\"", "non-negative"),
        Tensor("truncated data", "{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}", Four, "truncated", "offset 8", "only 4"),
        Two("overlapping ranges", (0, 4), (2, 6), 6, "tensor \"b\"", "overlap", "offset 2"),
        Two("the same range twice", (0, 4), (0, 4), 4, "overlap"),
        Two("a hole between ranges", (0, 4), (6, 8), 8, "tensor \"b\"", "hole", "offset 6", "expected 4"),
        Two("a hole at the start", (2, 4), (4, 8), 8, "tensor \"a\"", "hole", "expected 0"),
        Two("trailing data", (0, 4), (4, 8), 11, "trailing data"),

        Npy("bad magic", () => [.. "\u0093NUMPX"u8, .. new byte[40]], "magic"),
        Npy("cut after the magic", () => [0x93, .. "NUMPY"u8, 1], "truncated"),
        Npy("unknown version", () => Craft.Npy("{}", [], major: 9), "version 9.0", "1.0, 2.0 or 3.0"),
        Npy("header beyond the file", () => [0x93, .. "NUMPY"u8, 1, 0, 255, 255, (byte)'{'], "65535", "only 11"),
        Npy("header of a gigabyte", () => [0x93, .. "NUMPY"u8, 2, 0, .. Craft.Bytes(1u << 30), (byte)'{'], "1073741824", "at most"),
        Npy("header not a dictionary", () => Craft.Npy("[1, 2]", Four), "not a Python dictionary"),
        Npy("a key twice", () => Craft.Npy("{'descr': '<f4', 'descr': '<f4'}", Four), "not a Python dictionary"),
        Npy("no shape", () => Craft.Npy("{'descr': '<f4', 'fortran_order': False}", Four), "no key 'shape'"),
        Npy("fortran_order is a number", () => Craft.Npy("{'descr': '<f4', 'fortran_order': 1, 'shape': (1, 1)}", Four), "True or False"),
        Npy("shape is a string", () => Craft.Npy("<f4", "'big'", Four), "expected a tuple"),
        Npy("negative dimension", () => Craft.Npy("<f4", "(1, -1)", Four), "non-negative"),
        Npy("object dtype", () => Craft.Npy("|O", "(1, 1)", Eight), "object dtype"),
        Npy("structured dtype", () => Craft.Npy("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1, 1)}", Four), "structured dtype"),
        Npy("integer dtype", () => Craft.Npy("<i4", "(1, 1)", Four), "<i4", "float16, float32 or float64"),
        Npy("one dimension", () => Craft.Npy("<f4", "(1,)", Four), "1 dimension", "rows x columns"),
        Npy("three dimensions", () => Craft.Npy("<f4", "(1, 1, 1)", Four), "3 dimension"),
        Npy("no rows", () => Craft.Npy("<f4", "(0, 3)", []), "nothing to compress"),
        Npy("overflowing shape", () => Craft.Npy("<f8", "(4611686018427387904, 8)", Four), "overflows"),
        Npy("truncated", () => Craft.Npy("<f4", "(2, 2)", Eight), "truncated", "16 bytes", "has 8"),
        Npz("no format", "format.npy", null, "no member format.npy", "scipy.sparse.save_npz"),
        Npz("by columns", "format.npy", Craft.Npy("|S3", "()", "csc"u8.ToArray()), "\"csc\"", ".tocsr()"),
        Npz("coordinates, as UTF-32", "format.npy", Craft.Npy("<U3", "()", Craft.Bytes<int>('c', 'o', 'o')), "\"coo\"", ".tocsr()"),
        Npz("format is a number", "format.npy", Craft.Npy("<f4", "()", Four), "format.npy", "cannot be read as text"),
        Npz("no pointers", "indptr.npy", null, "no member indptr.npy"),
        Npz("too few pointers", "indptr.npy", Int32(0, 3), "indptr.npy", "2 row pointers for 2 rows", "expected 3"),
        Npz("first pointer", "indptr.npy", Int32(1, 2, 3), "indptr.npy", "first row pointer is 1"),
        Npz("pointers fall", "indptr.npy", Int32(0, 2, 1), "indptr.npy", "row 1", "entry 2", "entry 1", "must ascend"),
        Npz("negative pointer", "indptr.npy", Int32(0, -2, 3), "indptr.npy", "row 0", "must ascend"),
        Npz("pointers beyond the entries", "indptr.npy", Int32(0, 2, 4), "3 column indices and 3 values", "end at 4"),
        Npz("pointers are floats", "indptr.npy", Craft.Npy("<f4", "(3,)", new byte[12]), "indptr.npy", "<f4", "int32 or int64"),
        Npz("column beyond the last", "indices.npy", Int32(0, 2, 3), "indices.npy", "entry 2, of row 1", "column 3", "3 columns"),
        Npz("negative column", "indices.npy", Int32(0, -1, 1), "indices.npy", "entry 1, of row 0", "column -1"),
        Npz("column beyond int32", "indices.npy", Craft.Npy("<i8", "(3,)", Craft.Bytes(0L, 1L << 40, 1L)), "indices.npy", "column 1099511627776"),
        Npz("fewer columns than values", "indices.npy", Int32(0, 2), "2 column indices and 3 values"),
        Npz("indices of two dimensions", "indices.npy", Craft.Npy("<i4", "(1, 3)", new byte[12]), "indices.npy", "2 dimensions"),
        Npz("truncated indices", "indices.npy", Craft.Npy("<i4", "(3,)", Eight), "indices.npy", "3 elements", "8 bytes"),
        Npz("integer values", "data.npy", Craft.Npy("<i8", "(3,)", new byte[24]), "data.npy", "<i8", "float16, float32 or float64"),
        Npz("object values", "data.npy", Craft.Npy("|O", "(3,)", new byte[24]), "data.npy", "object dtype"),
        Npz("shape of three numbers", "shape.npy", Craft.Npy("<i8", "(3,)", new byte[24]), "shape.npy", "3 numbers"),
        Npz("negative shape", "shape.npy", Craft.Npy("<i8", "(2,)", Craft.Bytes(2L, -3L)), "shape.npy", "2 x -3"),
        Npz("no columns", "shape.npy", Craft.Npy("<i8", "(2,)", Craft.Bytes(2L, 0L)), "nothing to compress"),
        Npz("overflowing shape", "shape.npy", Craft.Npy("<i8", "(2,)", Craft.Bytes(1L << 62, 3L)), "overflows"),
        Bad("npz: a member twice", "m.npz", () => Craft.Zip(System.IO.Compression.CompressionLevel.Optimal,
            [.. Craft.CsrMembers(1, 1, [0, 1], [0], [1]), ("data.npy", [])]), "data.npy twice"),
        Bad("npz: dense arrays", "m.npz", () => Craft.Zip(System.IO.Compression.CompressionLevel.Optimal, ("arr_0.npy", Craft.Npy("<f4", "(1, 1)", Four))), "format.npy", "save one as .npy"),
        Bad("npz: truncated", "m.npz", () => Craft.Csr(1, 1, [0, 1], [0], [1])[..^5], "no directory at its end"),
        Bad("npz: damaged contents", "m.npz", () =>
        {
            byte[] bytes = Craft.Csr(2, 3, [0, 2, 3], [0, 2, 1], [1, 2, 3], level: System.IO.Compression.CompressionLevel.Optimal);
            int crc = bytes.AsSpan().LastIndexOf("data.npy"u8) - 46 + 16;
            bytes[crc] ^= 1;
            return bytes;
        }, "data.npy", "CRC-32"),
        Npy("trailing data", () => Craft.Npy("<f4", "(1, 1)", Eight), "trailing data", "4 bytes"),

        Text("only white space", " \n\n", "no word vectors"),
        Text("a lone word", "word\n", "line 1", "token"),
        Text("header and nothing else", "2 3\n", "announces 2", "0 lines"),
        Text("header announces none", "0 3\na 1 2 3\n", "announces 0"),
        Text("fewer rows than announced", "3 2\na 1 2\nb 3 4\n", "announces 3", "2 lines"),
        Text("more rows than announced", "1 2\na 1 2\nb 3 4\n", "announces 1", "2 lines"),
        Text("not a number", "2 2\na 1 2\nb 3 x4\n", "line 3", "\"x4\"", "column 2"),
        Text("too few numbers", "a 1 2 3\nb 1 2\n", "line 2", "2 numbers", "expected 3"),
        Text("too many numbers", "a 1 2\nb 1 2 3\n", "line 2", "more than 2"),
        Text("blank line", "a 1 2\n\nb 1 2\n", "line 2", "expected 2"),

        Bad("word2vec: bad header", "w.bin", () => [.. "hello\n"u8, .. new byte[20]], "neither a fastText model", "word2vec"),
        Bad("word2vec: negative count", "w.bin", () => [.. "-1 2\n"u8, .. new byte[20]], "neither a fastText model"),
        Bad("word2vec: no rows", "w.bin", () => [.. "0 2\n"u8], "announces 0"),
        Bad("word2vec: absurd count", "w.bin", () => [.. "9000000000000000000 300\n"u8, .. new byte[20]], "truncated", "9000000000000000000"),
        Bad("word2vec: truncated", "w.bin", () => [.. "2 1\na "u8, .. Four, .. "\nlonger "u8, 0, 0], "truncated", "row 1 of 2"),
        Bad("word2vec: no token", "w.bin", () => [.. "1 1\naaaaaaaaaa"u8], "row 0", "no token"),
        Bad("word2vec: trailing data", "w.bin", () => [.. "1 1\na "u8, .. Four, 10, 1], "trailing data"),

        FastText("wrong magic", () => FastTextWith(c => c.Magic = 1), "magic number 793712314"),
        FastText("wrong version", () => FastTextWith(c => c.Version = 11), "version 11", "expected 12"),
        FastText("no dimension", () => FastTextWith(c => c.Dim = 0), "dimension 0"),
        FastText("unknown loss", () => FastTextWith(c => c.Loss = 9), "loss 9"),
        FastText("cut in the header", () => Good().Build()[..20], "header", "truncated"),
        FastText("cut in the dictionary", () => Good().Build()[..100], "dictionary", "truncated"),
        FastText("cut in the input matrix", () => Good().Build()[..^60], "input matrix", "truncated"),
        FastText("cut in the output matrix", () => Good().Build()[..^4], "output matrix", "truncated"),
        FastText("absurd dictionary", () => FastTextWith(c => (c.Size, c.Words, c.Labels) = (int.MaxValue, int.MaxValue - 2, 2)), "dictionary", "cannot fit"),
        FastText("counts that do not add up", () => FastTextWith(c => c.Words = 3), "do not add up"),
        FastText("a label among the words", () => FastTextWith(c => c.Entries[0].Type = 1), "entry 0"),
        FastText("absurd pruning", () => FastTextWith(c => c.PrunedCount = long.MaxValue), "pruned buckets"),
        FastText("absurd matrix", () => FastTextWith(c => c.Input = FastTextCraft.Dense(long.MaxValue, 4)), "input matrix", "truncated"),
        FastText("wrong columns", () => FastTextWith(c => c.Input = FastTextCraft.Dense(4, 3, Rows4)), "4 x 3"),
        FastText("wrong rows", () => FastTextWith(c => c.Input = FastTextCraft.Dense(3, 4, Rows4[..12])), "3 rows", "expected 4"),
        FastText("quantiser that does not fit", () => FastTextWith(c =>
        {
            c.QuantisedInput = 1;
            c.Input = [0, .. Craft.Bytes(4L, 4L), .. Craft.Bytes(8), .. new byte[8], .. Craft.Bytes(4, 2, 3, 3), .. new byte[4096]];
        }), "product quantiser", "add up to 4"),
        FastText("trailing data", () => [.. Good().Build(), 0], "trailing data"),
    ];

    public static TheoryData<string> Names => new(Cases.Select(c => c.Name));

    [Theory]
    [MemberData(nameof(Names))]
    public void Bad_input_is_refused_with_one_sentence_that_names_file_and_fault(string name)
    {
        Case bad = Assert.Single(Cases, c => c.Name == name);
        using var folder = new TemporaryFolder();
        string path = folder.Write(bad.File, bad.Bytes());
        AssertRefused(path, [path, .. bad.Words]);
    }

    [Theory]
    [InlineData("not JSON", "not json", "not valid JSON")]
    [InlineData("lone surrogate", "{\"weight_map\":{\"\\ud800\":\"s.safetensors\"}}", "not valid JSON")]
    [InlineData("not an object", "[]", "not a JSON object")]
    [InlineData("no weight_map", "{}", "weight_map")]
    [InlineData("empty weight_map", "{\"weight_map\":{}}", "weight_map")]
    [InlineData("shard is a number", "{\"weight_map\":{\"a\":1}}", "tensor \"a\" is not a file name")]
    [InlineData("tensor twice", "{\"weight_map\":{\"a\":\"s.safetensors\",\"a\":\"s.safetensors\"}}", "uplicate")]
    [InlineData("missing shard", "{\"weight_map\":{\"a\":\"gone.safetensors\"}}", "\"gone.safetensors\", which does not exist")]
    [InlineData("path out of the folder", "{\"weight_map\":{\"a\":\"../s.safetensors\"}}", "leads outside")]
    [InlineData("path out by a detour", "{\"weight_map\":{\"a\":\"x/../../s.safetensors\"}}", "leads outside")]
    [InlineData("absolute path", "{\"weight_map\":{\"a\":\"/etc/passwd\"}}", "leads outside")]
    [InlineData("tensor not in its shard", "{\"weight_map\":{\"b\":\"s.safetensors\"}}", "tensor \"b\" is not in its shard")]
    public void A_bad_shard_index_is_refused(string name, string index, string words)
    {
        Assert.NotEmpty(name);
        using var folder = new TemporaryFolder();
        folder.Write("s.safetensors", Craft.Safetensors($"{{\"a\":{Entry((0, 4))}}}", Four));
        string path = folder.Write("model.safetensors.index.json", Encoding.UTF8.GetBytes(index));
        AssertRefused(path, [words]);
        AssertRefused(folder.Path, [words]);
    }

    [Fact]
    public void A_bad_shard_is_named()
    {
        using var folder = new TemporaryFolder();
        string shard = folder.Write("s.safetensors", [1, 2]);
        string index = folder.Write("x.index.json", "{\"weight_map\":{\"a\":\"s.safetensors\"}}"u8.ToArray());
        AssertRefused(index, [shard, "too short"]);
    }

    [Fact]
    public void A_directory_without_a_model_and_one_with_two_are_refused()
    {
        using var folder = new TemporaryFolder();
        AssertRefused(folder.Path, ["holds no model"]);
        byte[] model = Craft.Safetensors($"{{\"a\":{Entry((0, 4))}}}", Four);
        folder.Write("one.safetensors", model);
        using (IModel only = ModelFiles.Open(folder.Path))
            Assert.Equal("a", Assert.Single(only.Tensors).Name);
        folder.Write("two.safetensors", model);
        AssertRefused(folder.Path, ["2 .safetensors files"]);
    }

    [Fact]
    public void A_missing_file_is_exit_66()
    {
        using var folder = new TemporaryFolder();
        var error = Assert.Throws<ClusterLpException>(() => ModelFiles.Open(folder["nothing.safetensors"]));
        Assert.Equal(ExitCode.InputMissing, error.Code);
        Assert.Contains(folder["nothing.safetensors"], error.Message);
    }

    [Fact]
    public void A_tensor_that_is_not_there_or_no_matrix_is_refused()
    {
        using var folder = new TemporaryFolder();
        string path = folder.Write("m.safetensors", Craft.Safetensors($"{{\"a\":{Entry((0, 4))}}}", Four));
        using IModel model = ModelFiles.Open(path);
        Assert.Contains("no tensor \"b\"", Assert.Throws<ClusterLpException>(() => model.OpenMatrix("b")).Message);
        Assert.Contains("not a two-dimensional floating matrix", Assert.Throws<ClusterLpException>(() => model.OpenMatrix("a")).Message);
    }

    // Opens the model and reads every row of every matrix: some faults show only there.
    private static void AssertRefused(string path, string[] words)
    {
        var error = Assert.Throws<ClusterLpException>(() =>
        {
            using IModel model = ModelFiles.Open(path);
            foreach (TensorInfo tensor in model.Tensors.Where(tensor => tensor.IsMatrix))
                using (IMatrixSource matrix = model.OpenMatrix(tensor.Name))
                    matrix.ReadRows(0, (int)matrix.Rows, new float[matrix.Rows * matrix.Columns]);
        });
        Assert.Equal(ExitCode.BadInput, error.Code);
        Assert.All(words, word => Assert.Contains(word, error.Message));
        Assert.DoesNotContain('\n', error.Message);
        Assert.EndsWith(".", error.Message);
    }
}
