using ClusterLp.Core.Formats;
using ClusterLp.Core.Formats.FastText;

namespace ClusterLp.Core.Tests.Formats;

public class FastTextTests
{
    [Fact]
    public void A_dense_model_is_read_whole()
    {
        float[] input = [.. Enumerable.Range(0, 16).Select(i => i * 0.25f)], output = [.. Enumerable.Range(0, 8).Select(i => -i * 1f)];
        using var folder = new TemporaryFolder();
        string path = folder.Write("m.bin", new FastTextCraft
        {
            Input = FastTextCraft.Dense(4, 4, input),
            Output = FastTextCraft.Dense(2, 4, output),
            Loss = 1,
        }.Build());

        using (var model = Assert.IsType<FastTextModel>(ModelFiles.Open(path)))
        {
            Assert.Equal((4, FastTextLoss.HierarchicalSoftmax, FastTextKind.Supervised, 2, 2, 4, 1, 1e-4),
                (model.Args.Dim, model.Args.Loss, model.Args.Kind, model.Args.Bucket, model.Args.MinN, model.Args.MaxN, model.Args.WordNgrams, model.Args.T));
            Assert.Equal((2, 2, 1000L), (model.WordCount, model.LabelCount, model.TokenCount));
            Assert.Equal(new FastTextEntry("__label__fr", 7, true), model.Entries[3]);
            Assert.Equal(["the", "of"], model.Vocabulary);
            Assert.Null(model.PrunedBuckets);
            Assert.Equal(output, Reading.AllRows(model.Output));
            TensorInfo tensor = Assert.Single(model.Tensors);
            Assert.Equal(("input", ElementType.F32, 64L), (tensor.Name, tensor.Type, tensor.ByteLength));
        }
        Assert.Equal(input, Reading.AllRows(path));
    }

    // Rows of 5 in parts of 2, 2 and 1. Centroid c of part p is (100 p + c, 100 p + c + 0.5); norms are 1, 2, 3, ... by code.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Quantised_rows_are_decoded_from_their_codes(bool quantisedNorms)
    {
        byte[,] codes = { { 0, 1, 2 }, { 255, 0, 3 }, { 7, 7, 7 } };
        byte[] norms = [0, 1, 2];
        float[] centroids = [.. from p in Enumerable.Range(0, 3) from c in Enumerable.Range(0, 256) from i in Enumerable.Range(0, p == 2 ? 1 : 2) select 100f * p + c + 0.5f * i];
        byte[] matrix =
        [
            (byte)(quantisedNorms ? 1 : 0), .. Craft.Bytes(3L, 5L), .. Craft.Bytes(9), .. codes.Cast<byte>(),
            .. Craft.Bytes(5, 3, 2, 1), .. Craft.Bytes(centroids),
        ];
        if (quantisedNorms)
            matrix = [.. matrix, .. norms, .. Craft.Bytes(1, 1, 1, 1), .. Craft.Bytes(Enumerable.Range(1, 256).Select(i => (float)i).ToArray())];
        using var folder = new TemporaryFolder();
        string path = folder.Write("m.ftz", new FastTextCraft
        {
            Dim = 5,
            PrunedCount = 1,
            Pruned = [(123456, 0)],
            QuantisedInput = 1,
            QuantisedOutput = 1,
            Input = matrix,
            Output = [.. matrix],
            Entries = [("a", 0), ("b", 0), ("x", 1), ("y", 1), ("z", 1)],
        }.Build());

        float[] scale = quantisedNorms ? [1, 2, 3] : [1, 1, 1];
        float[] expected =
        [
            .. new[] { 0, 0.5f, 101, 101.5f, 202 }.Select(x => x * scale[0]),
            .. new[] { 255, 255.5f, 100, 100.5f, 203 }.Select(x => x * scale[1]),
            .. new[] { 7, 7.5f, 107, 107.5f, 207 }.Select(x => x * scale[2]),
        ];
        Assert.Equal(expected, Reading.AllRows(path));
        using FastTextModel model = FastTextModel.Open(path);
        Assert.Equal(expected, Reading.AllRows(model.Output));
        Assert.Equal(0, Assert.Contains(123456, model.PrunedBuckets!));
        Assert.Equal(ElementType.Quantised, model.Tensors[0].Type);
    }
}
