using ClusterLp.Cli.Demo;
using ClusterLp.Core.Formats.FastText;

namespace ClusterLp.Cli.Tests.Demo;

public class DemoLanguageIdentifierTests
{
    private static readonly (string, long)[] OneLabel = [("x", 1)];

    private static List<int> RowsOf(FastTextFile file, string text) => file.Use(model => new FastTextFeatures(model).RowsOf(text));

    private static FastTextFile Ngrams(int minN, int maxN, int[]? pruned) => new()
    {
        Words = ["</s>"],
        Labels = OneLabel,
        Input = [.. Enumerable.Range(0, 1 + (pruned?.Length ?? 1000)).Select(_ => new float[] { 0 })],
        Output = [[0]],
        Bucket = 1000,
        MinN = minN,
        MaxN = maxN,
        Pruned = pruned,
    };

    [Fact]
    public void Known_words_are_looked_up_and_a_line_ends_in_the_end_of_sentence_token()
    {
        FastTextFile file = new() { Words = ["</s>", "cat", "dog"], Labels = OneLabel, Input = [[0], [0], [0]], Output = [[0]] };
        Assert.Equal([1, 2, 1, 0], RowsOf(file, "cat\tdog bird  cat"));
    }

    [Fact]
    public void Character_ngrams_hash_by_fnv_1a()
    {
        // Published test vector of FNV-1a, 32 bits: "foobar" is 0xbf9cf968, which is 720 modulo 1000.
        Assert.Equal([1, 0], RowsOf(Ngrams(6, 6, pruned: [720]), "foobar"));
    }

    [Fact]
    public void Bytes_above_127_hash_with_their_sign()
    {
        // "é>" in UTF-8 is c3 a9 3e: bucket 781 with signed bytes, 13 with unsigned ones (computed apart, in Python).
        Assert.Equal([1, 0], RowsOf(Ngrams(2, 2, pruned: [781, 13]), "é"));
    }

    [Fact]
    public void Ngrams_count_characters_and_leave_out_lone_brackets()
    {
        // Of "<é>": "é", "<é" and "é>" at buckets 777, 627 and 781 (computed apart, in Python).
        Assert.Equal([1 + 627, 1 + 777, 1 + 781, 0], RowsOf(Ngrams(1, 2, pruned: null), "é"));
    }

    [Fact]
    public void Word_ngrams_combine_signed_hashes()
    {
        FastTextFile file = Ngrams(0, 0, pruned: null) with { WordNgrams = 2 };
        Assert.Equal([0, 1 + NewYork, 1 + YorkEnd], RowsOf(file, "new york"));
    }

    // (hash("new") * 116049371 + hash("york")) mod 2^64 mod 1000, likewise for ("york", "</s>"); computed apart, in Python.
    private const int NewYork = 521, YorkEnd = 723;

    [Theory]
    [InlineData("cat cat dog", "x")]
    [InlineData("cat dog dog", "y")]
    public void The_label_with_the_largest_score_wins(string text, string label)
    {
        FastTextFile file = new()
        {
            Words = ["</s>", "cat", "dog"],
            Labels = [("x", 2), ("y", 1)],
            Input = [[0, 0], [1, 0], [0, 1]],
            Output = [[1, 0], [0, 1]],
        };
        Assert.Equal(label, Best(file, text));
    }

    /// <summary>
    /// Counts 5, 2, 1 give the tree ((c, b), a): inner node 0 decides between c (left) and b, node 1 between both and a.
    /// </summary>
    [Theory]
    [InlineData("goes-right", "a")]
    [InlineData("left-then-right", "b")]
    [InlineData("left-then-left", "c")]
    // P(a) = 0.45 against 0.275 each: the most probable leaf is not where a greedy descent would end.
    [InlineData("mostly-left", "a")]
    public void Hierarchical_softmax_finds_the_most_probable_leaf(string text, string label)
    {
        FastTextFile file = new()
        {
            Words = ["</s>", "goes-right", "left-then-right", "left-then-left", "mostly-left"],
            Labels = [("a", 5), ("b", 2), ("c", 1)],
            Input = [[0, 0], [0, 9], [9, -9], [-9, -9], [0, -0.4f]],
            Output = [[1, 0], [0, 1], [0, 0]],
            Loss = FastTextLoss.HierarchicalSoftmax,
        };
        Assert.Equal(label, Best(file, text));
    }

    [Fact]
    public void A_text_that_uses_no_row_has_no_label()
    {
        FastTextFile file = new() { Words = ["cat"], Labels = OneLabel, Input = [[1]], Output = [[1]] };
        Assert.Null(Best(file, "bird"));
    }

    private static string? Best(FastTextFile file, string text) => file.Use(model =>
    {
        var identifier = new LanguageIdentifier(model);
        int best = identifier.Best(new FastTextFeatures(model).RowsOf(text), LanguageIdentifier.Dense(model.Input));
        return best < 0 ? null : identifier.Labels[best];
    });
}
