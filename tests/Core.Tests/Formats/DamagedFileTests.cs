using System.Text;
using ClusterLp.Core.Formats;
using ClusterLp.Core.Formats.FastText;

namespace ClusterLp.Core.Tests.Formats;

/// <summary>A damaged file is read or refused; it never ends in another kind of failure.</summary>
public class DamagedFileTests
{
    private const int Damages = 400;

    private static byte[] Good(string format) => format switch
    {
        "m.safetensors" => SampleModels.File(SampleModels.Mask, SampleModels.Embedding(), SampleModels.Bias),
        "m.onnx" => new OnnxCraft().Input("x", OnnxCraft.Float, 2, 9).Matrix("w", 9, 4, 1).Node("MatMul", ["x", "w"], "y").Output("y", OnnxCraft.Float).Model(),
        "m.npy" => Craft.Npy("<f4", "(9, 12)", new byte[9 * 12 * 4], fortran: true),
        "m.npz" => Craft.Csr(3, 4, [0, 2, 2, 4], [1, 3, 0, 2], [1, 2, 3, 4]),
        "deflated.npz" => Craft.Csr(3, 4, [0, 2, 2, 4], [1, 3, 0, 2], [1, 2, 3, 4], level: System.IO.Compression.CompressionLevel.Optimal),
        "v.vec" => Encoding.UTF8.GetBytes("3 2\nthe 1.5 -2\nof 3 4e-5\n. . 5 6\n"),
        "w.bin" => [.. "2 3\nthe "u8, .. new byte[12], .. "\nof "u8, .. new byte[12]],
        "m.index.json" => "{\"weight_map\":{\"bias\":\"s.safetensors\",\"emb.weight\":\"s.safetensors\"}}"u8.ToArray(),
        _ => new FastTextCraft
        {
            PrunedCount = 1,
            Pruned = [(77, 0)],
            QuantisedInput = 1,
            Input = [1, .. Craft.Bytes(3L, 4L), .. Craft.Bytes(6), .. new byte[6], .. Craft.Bytes(4, 2, 2, 2), .. new byte[4096], .. new byte[3], .. Craft.Bytes(1, 1, 1, 1), .. new byte[1024]],
            Output = FastTextCraft.Dense(2, 4, new float[8]),
        }.Build(),
    };

    private static byte[] Damage(byte[] good, Random random)
    {
        byte[] bytes = [.. good];
        // Headers are short beside the data; most damage goes there.
        int Place() => random.Next(random.Next(4) == 0 ? bytes.Length : Math.Min(bytes.Length, 160));
        for (int times = random.Next(1, 4); times > 0 && bytes.Length > 1; times--)
            bytes = random.Next(5) switch
            {
                0 => bytes[..Place()],
                1 => [.. bytes, .. new byte[random.Next(1, 9)]],
                2 => [.. bytes[..Place()], .. bytes[Place()..]],
                3 => Changed(bytes, Place(), (byte)random.Next(256)),
                _ => Changed(bytes, Place(), "0123456789{}[]\",: -\n"u8[random.Next(20)]),
            };
        return bytes;
    }

    private static byte[] Changed(byte[] bytes, int place, byte value)
    {
        byte[] changed = [.. bytes];
        changed[place] = value;
        return changed;
    }

    [Theory]
    [InlineData("m.safetensors")]
    [InlineData("m.npy")]
    [InlineData("m.onnx")]
    [InlineData("m.npz")]
    [InlineData("deflated.npz")]
    [InlineData("v.vec")]
    [InlineData("w.bin")]
    [InlineData("m.ftz")]
    [InlineData("m.index.json")]
    public void A_damaged_file_is_read_or_refused(string format)
    {
        using var folder = new TemporaryFolder();
        folder.Write("s.safetensors", Good("m.safetensors"));
        byte[] good = Good(format);
        ReadEverything(folder.Write(format, good));
        var random = new Random(11);
        int refused = 0;
        for (int i = 0; i < Damages; i++)
        {
            string path = folder.Write(format, Damage(good, random));
            try
            {
                ReadEverything(path);
            }
            catch (ClusterLpException e)
            {
                Assert.Equal(ExitCode.BadInput, e.Code);
                Assert.Contains(folder.Path, e.Message);
                refused++;
            }
        }
        Assert.InRange(refused, Damages / 4, Damages);
    }

    private static void ReadEverything(string path)
    {
        using IModel model = ModelFiles.Open(path);
        _ = model.Vocabulary?.Count;
        foreach (TensorInfo tensor in model.Tensors.Where(tensor => tensor.IsMatrix))
            using (IMatrixSource matrix = model.OpenMatrix(tensor.Name))
                Reading.AllRows(matrix);
        if (model is FastTextModel fastText)
            Reading.AllRows(fastText.Output);
    }
}
