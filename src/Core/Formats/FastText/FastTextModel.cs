using System.Text;

namespace ClusterLp.Core.Formats.FastText;

/// <summary>
/// A fastText model, dense (.bin) or product-quantised (.ftz), file version 12. As an <see cref="IModel"/> it has one
/// tensor, <see cref="InputTensor"/>: a row for every word, then one for every n-gram bucket (the kept buckets only, in a
/// pruned model). Beside it stands what a predictor needs.
/// </summary>
public sealed class FastTextModel : IModel
{
    /// <summary>The first four bytes of the file, little-endian.</summary>
    public const int Magic = 793712314;

    /// <summary>The name of the input matrix.</summary>
    public const string InputTensor = "input";

    private const int Version = 12;
    private const int LongestWord = 1 << 20;

    private readonly InputFile _file;

    public FastTextArgs Args { get; }

    /// <summary>Words, then labels.</summary>
    public IReadOnlyList<FastTextEntry> Entries { get; }

    /// <summary>Number of words; entry i &lt; WordCount has row i of <see cref="Input"/>.</summary>
    public int WordCount { get; }

    /// <summary>Number of labels; entry WordCount + i has row i of <see cref="Output"/> in a supervised model.</summary>
    public int LabelCount { get; }

    /// <summary>Words of the training text, repetitions included.</summary>
    public long TokenCount { get; }

    /// <summary>
    /// Hash bucket to position among the kept buckets: its row is WordCount + position. Null where the dictionary is not
    /// pruned, and bucket h has row WordCount + h.
    /// </summary>
    public IReadOnlyDictionary<int, int>? PrunedBuckets { get; }

    /// <summary>The input matrix (rows x Args.Dim), owned by the model.</summary>
    public IMatrixSource Input { get; }

    /// <summary>
    /// The output matrix, owned by the model: a row for every label (supervised; inner nodes of the Huffman tree under
    /// hierarchical softmax) or word.
    /// </summary>
    public IMatrixSource Output { get; }

    public string Path => _file.Path;
    public IReadOnlyList<string> Files => [_file.Path];
    public IReadOnlyList<TensorInfo> Tensors { get; }

    /// <summary>The words, in row order; the rows of buckets have no name.</summary>
    public IReadOnlyList<string> Vocabulary { get; }

    /// <exception cref="ClusterLpException">Missing (exit 66), or not such a file (exit 65).</exception>
    public static FastTextModel Open(string path) => Open(InputFile.Open(System.IO.Path.GetFullPath(path)));

    /// <summary>Takes over <paramref name="file"/>, also where it throws.</summary>
    internal static FastTextModel Open(InputFile file)
    {
        try
        {
            return new FastTextModel(file);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    private FastTextModel(InputFile file)
    {
        _file = file;
        using var cursor = new FastTextCursor(file);
        Args = ReadArgs(file, cursor);

        cursor.Part = "the dictionary";
        int size = cursor.Int32();
        (WordCount, LabelCount) = (cursor.Int32(), cursor.Int32());
        TokenCount = cursor.Int64();
        long pruned = cursor.Int64();
        if (size < 0 || WordCount < 0 || LabelCount < 0 || (long)WordCount + LabelCount != size)
            throw cursor.Bad($"{size} entries, {WordCount} words and {LabelCount} labels do not add up");
        Entries = ReadEntries(cursor, size);
        PrunedBuckets = ReadPrunedBuckets(cursor, pruned);
        Vocabulary = [.. Entries.Take(WordCount).Select(entry => entry.Text)];

        cursor.Part = "the input matrix";
        bool quantised = cursor.Boolean();
        Input = ReadMatrix(cursor, InputTensor, quantised);
        long expected = WordCount + (PrunedBuckets?.Count ?? Args.Bucket);
        if (Input.Rows != expected)
            throw cursor.Bad($"{Input.Rows} rows; expected {expected}: {WordCount} words and {expected - WordCount} buckets");

        cursor.Part = "the output matrix";
        // As fastText does: the flag counts only where the input is quantised too.
        Output = ReadMatrix(cursor, "output", cursor.Boolean() && quantised);
        int named = Args.Kind == FastTextKind.Supervised ? LabelCount : WordCount;
        if (Output.Rows != named)
            throw cursor.Bad($"{Output.Rows} rows; expected one for each of {named} {(Args.Kind == FastTextKind.Supervised ? "labels" : "words")}");
        if (cursor.Remaining != 0)
            throw file.Bad($"there is trailing data: the fastText model ends at byte {cursor.Position}, but the file has {file.Length} bytes.");

        ElementType type = quantised ? ElementType.Quantised : ElementType.F32;
        long bytes = Input is QuantisedMatrix codes ? codes.StoredBytes : Input.Rows * Args.Dim * sizeof(float);
        Tensors = [new TensorInfo(InputTensor, type, [Input.Rows, Args.Dim], bytes)];
    }

    public IMatrixSource OpenMatrix(string tensor)
    {
        if (tensor != InputTensor)
            throw _file.Bad($"there is no tensor \"{tensor}\"; a fastText model holds only \"{InputTensor}\".");
        return Input is QuantisedMatrix quantised ? quantised.Share() : ((StoredMatrix)Input).Share();
    }

    private int _disposed;

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
            return;
        Input.Dispose();
        Output.Dispose();
        _file.Dispose();
    }

    private static FastTextArgs ReadArgs(InputFile file, FastTextCursor cursor)
    {
        int magic = cursor.Int32();
        if (magic != Magic)
            throw file.Bad($"not a fastText model: it begins with {magic}; expected the magic number {Magic}.");
        int version = cursor.Int32();
        if (version != Version)
            throw file.Bad($"fastText file version {version}; expected {Version}.");
        int dim = cursor.Int32(), ws = cursor.Int32(), epoch = cursor.Int32(), minCount = cursor.Int32(), neg = cursor.Int32(),
            wordNgrams = cursor.Int32(), loss = cursor.Int32(), kind = cursor.Int32(), bucket = cursor.Int32(), minN = cursor.Int32(),
            maxN = cursor.Int32(), lrUpdateRate = cursor.Int32();
        if (dim < 1)
            throw cursor.Bad($"dimension {dim}; expected 1 or more");
        if (!Enum.IsDefined((FastTextLoss)loss) || !Enum.IsDefined((FastTextKind)kind))
            throw cursor.Bad($"loss {loss} and kind of model {kind}; expected 1 to 4 and 1 to 3");
        if (bucket < 0 || minN < 0 || maxN < 0)
            throw cursor.Bad($"bucket {bucket}, minn {minN}, maxn {maxN}; expected none below 0");
        return new FastTextArgs(dim, ws, epoch, minCount, neg, wordNgrams, (FastTextLoss)loss, (FastTextKind)kind, bucket, minN, maxN,
            lrUpdateRate, cursor.Double());
    }

    private FastTextEntry[] ReadEntries(FastTextCursor cursor, int size)
    {
        const int shortestEntry = 1 + sizeof(long) + 1;
        if ((long)size * shortestEntry > cursor.Remaining)
            throw cursor.Bad($"the file is truncated there: {size} entries cannot fit into the {cursor.Remaining} bytes left");
        var entries = new FastTextEntry[size];
        for (int i = 0; i < size; i++)
        {
            string text = Encoding.UTF8.GetString(cursor.ZeroTerminated(LongestWord));
            long count = cursor.Int64();
            byte type = cursor.Byte();
            if (type != (i < WordCount ? 0 : 1))
                throw cursor.Bad($"entry {i} has type {type}; expected {WordCount} words (0), then {LabelCount} labels (1)");
            entries[i] = new FastTextEntry(text, count, type == 1);
        }
        return entries;
    }

    private static Dictionary<int, int>? ReadPrunedBuckets(FastTextCursor cursor, long count)
    {
        if (count == -1)
            return null;
        if (count < 0 || count > cursor.Remaining / (2 * sizeof(int)))
            throw cursor.Bad($"{count} pruned buckets; expected -1 (none), or as many as fit into the {cursor.Remaining} bytes left");
        var buckets = new Dictionary<int, int>((int)count);
        for (long i = 0; i < count; i++)
        {
            (int bucket, int position) = (cursor.Int32(), cursor.Int32());
            if (position < 0 || position >= count || !buckets.TryAdd(bucket, position))
                throw cursor.Bad($"pruned bucket {bucket} at position {position}; expected each once, and positions below {count}");
        }
        return buckets;
    }

    private IMatrixSource ReadMatrix(FastTextCursor cursor, string name, bool quantised)
    {
        if (quantised)
            return QuantisedMatrix.Read(_file, cursor, name, Args.Dim);
        long rows = cursor.Int64(), columns = cursor.Int64();
        if (rows < 1 || columns != Args.Dim)
            throw cursor.Bad($"{rows} x {columns} matrix; expected at least one row of {Args.Dim} columns");
        long offset = cursor.Skip((Int128)rows * columns * sizeof(float));
        return new StoredMatrix(_file, name, rows, Args.Dim, offset, ElementType.F32);
    }
}
