namespace ClusterLp.Core.Formats.FastText;

/// <summary>fastText's loss functions, by their number in the file.</summary>
public enum FastTextLoss
{
    HierarchicalSoftmax = 1,
    NegativeSampling = 2,
    Softmax = 3,
    OneVsAll = 4,
}

/// <summary>fastText's kinds of model, by their number in the file.</summary>
public enum FastTextKind
{
    Cbow = 1,
    SkipGram = 2,
    Supervised = 3,
}

/// <summary>The training arguments a fastText file carries, in file order.</summary>
/// <param name="Dim">d, the length of a vector, 1 or more.</param>
/// <param name="Ws">Context window.</param>
/// <param name="Epoch">Training epochs.</param>
/// <param name="MinCount">Rarest word kept.</param>
/// <param name="Neg">Negative samples.</param>
/// <param name="WordNgrams">Longest word n-gram used as a feature.</param>
/// <param name="Loss">Loss function; says how the output matrix is read.</param>
/// <param name="Kind">Kind of model.</param>
/// <param name="Bucket">Hash buckets of n-grams, 0 or more.</param>
/// <param name="MinN">Shortest character n-gram.</param>
/// <param name="MaxN">Longest character n-gram; 0: none.</param>
/// <param name="LrUpdateRate">Learning rate update interval.</param>
/// <param name="T">Sampling threshold.</param>
public sealed record FastTextArgs(
    int Dim, int Ws, int Epoch, int MinCount, int Neg, int WordNgrams, FastTextLoss Loss, FastTextKind Kind,
    int Bucket, int MinN, int MaxN, int LrUpdateRate, double T);

/// <summary>A dictionary entry: a word, or a label of a supervised model (<c>__label__xx</c>).</summary>
/// <param name="Text">The word or label, decoded from UTF-8.</param>
/// <param name="Count">Occurrences in the training text.</param>
/// <param name="IsLabel">True for labels, which follow the words.</param>
public readonly record struct FastTextEntry(string Text, long Count, bool IsLabel);
