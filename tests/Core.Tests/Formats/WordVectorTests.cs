using System.Globalization;
using System.Text;
using ClusterLp.Core.Formats;

namespace ClusterLp.Core.Tests.Formats;

public class WordVectorTests
{
    private static readonly float[] TwoByThree = [1, -2, 0.5f, 3e-5f, 4, 1000];

    [Theory]
    [InlineData("word2vec header", "v.vec", "2 3\nthe 1 -2 0.5\nof 3e-5 4 1e3\n")]
    [InlineData("GloVe, no header", "v.txt", "the 1 -2 .5\nof 3e-5 4. 1e3")]
    [InlineData("tabs, trailing spaces, CRLF", "v.vec", "2 3 \r\nthe\t1\t-2\t0.50 \r\nof\t3e-5\t4 \t1000\r\n\r\n")]
    public void Text_vectors_are_read(string dialect, string file, string content)
    {
        Assert.NotEmpty(dialect);
        using var folder = new TemporaryFolder();
        string path = folder.Write(file, Encoding.UTF8.GetBytes(content));
        Assert.Equal(TwoByThree, Reading.AllRows(path));
        using IModel model = ModelFiles.Open(path);
        Assert.Equal(["the", "of"], model.Vocabulary!);
    }

    [Fact]
    public void Tokens_may_be_strange()
    {
        string[] tokens = [". . .", "a\u00a0b", "\u2028", "</s>", "12.5", "the", "the", "at name@domain.com", "", "日本"];
        string content = string.Concat(tokens.Select((token, i) => $"{token} {i} 1.25 -{i}\n"));
        using var folder = new TemporaryFolder();
        string path = folder.Write("v.vec", Encoding.UTF8.GetBytes($"{tokens.Length} 3\n" + content));
        Assert.Equal(tokens.SelectMany((_, i) => new[] { i, 1.25f, -i }), Reading.AllRows(path));
        using IModel model = ModelFiles.Open(path);
        Assert.Equal(tokens, model.Vocabulary!);
    }

    [Fact]
    public void Numbers_are_rounded_as_the_runtime_rounds_them()
    {
        var random = new Random(7);
        string[] texts =
        [
            .. Enumerable.Range(0, 20_000).Select(i => (random.NextDouble() * Math.Pow(10, random.Next(-6, 4)) - 0.5).ToString("F" + random.Next(1, 12), CultureInfo.InvariantCulture)),
            // Midpoints of float32 and their neighbours in the last decimal.
            "16777217", "16777219", "1.00000005960464477539", "1.000000059604645", "1.000000059604644", "0.0", "-0", "00012.50", "1e-46", "3.5e38", "123456789012345678",
        ];
        using var folder = new TemporaryFolder();
        string path = folder.Write("v.txt", Encoding.UTF8.GetBytes(string.Concat(texts.Select(text => $"w {text}\n"))));
        Assert.Equal(
            texts.Select(text => BitConverter.SingleToInt32Bits(float.Parse(text, CultureInfo.InvariantCulture))),
            Reading.AllRows(path).Select(BitConverter.SingleToInt32Bits));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Word2vec_binary_is_read_with_and_without_line_feeds(bool lineFeeds)
    {
        string[] tokens = ["</s>", "new\u00e9", "the"];
        float[] values = [.. Enumerable.Range(0, 15).Select(i => i - 7.5f)];
        byte[] rows = [.. tokens.SelectMany((token, i) => (byte[])
            [.. Encoding.UTF8.GetBytes(token + " "), .. Craft.Bytes(values[(5 * i)..(5 * i + 5)]), .. lineFeeds ? "\n"u8 : []])];
        using var folder = new TemporaryFolder();
        string path = folder.Write("w.bin", [.. "3 5\n"u8, .. rows]);
        Assert.Equal(values, Reading.AllRows(path));
        using IModel model = ModelFiles.Open(path);
        Assert.Equal(tokens, model.Vocabulary!);
    }
}
