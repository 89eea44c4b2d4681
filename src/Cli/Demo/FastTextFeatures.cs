using System.Text;
using ClusterLp.Core.Formats.FastText;

namespace ClusterLp.Cli.Demo;

/// <summary>
/// The rows of a supervised fastText model's input matrix that a text uses: its known words, their character n-grams and
/// its word n-grams (Joulin et al. 2016, "Bag of tricks for efficient text classification"), as fastText 0.9 finds them.
/// </summary>
internal sealed class FastTextFeatures
{
    private const string EndOfSentence = "</s>";
    private const string LabelPrefix = "__label__";

    private readonly FastTextArgs _args;
    private readonly int _wordCount;
    private readonly IReadOnlyDictionary<int, int>? _prunedBuckets;
    private readonly Dictionary<string, int> _entries;

    public FastTextFeatures(FastTextModel model)
    {
        (_args, _wordCount, _prunedBuckets) = (model.Args, model.WordCount, model.PrunedBuckets);
        _entries = new Dictionary<string, int>(model.Entries.Count);
        for (int i = 0; i < model.Entries.Count; i++)
            _entries.TryAdd(model.Entries[i].Text, i);
    }

    /// <summary>Row numbers, repeated as often as they are used; empty where the model knows nothing of the text.</summary>
    /// <param name="text">One line of text.</param>
    public List<int> RowsOf(string text)
    {
        var rows = new List<int>();
        var wordHashes = new List<int>();
        foreach (string token in text.Split([' ', '\n', '\r', '\t', '\v', '\f', '\0'], StringSplitOptions.RemoveEmptyEntries).Append(EndOfSentence))
        {
            bool known = _entries.TryGetValue(token, out int entry);
            if (known ? entry >= _wordCount : token.StartsWith(LabelPrefix, StringComparison.Ordinal))
                continue;
            if (known)
                rows.Add(entry);
            if (_args.MaxN > 0 && token != EndOfSentence)
                AddCharacterNgrams(rows, Encoding.UTF8.GetBytes($"<{token}>"));
            wordHashes.Add((int)Hash(Encoding.UTF8.GetBytes(token)));
        }
        AddWordNgrams(rows, wordHashes);
        return rows;
    }

    /// <summary>All runs of MinN to MaxN characters of a word in angle brackets; a bracket alone is no n-gram.</summary>
    private void AddCharacterNgrams(List<int> rows, ReadOnlySpan<byte> word)
    {
        for (int start = 0; start < word.Length; start++)
        {
            if (IsContinuation(word[start]))
                continue;
            int end = start;
            for (int n = 1; n <= _args.MaxN && end < word.Length; n++)
            {
                do
                    end++;
                while (end < word.Length && IsContinuation(word[end]));
                bool bracketAlone = n == 1 && (start == 0 || end == word.Length);
                if (n >= _args.MinN && !bracketAlone)
                    AddBucket(rows, Hash(word[start..end]));
            }
        }
    }

    private void AddWordNgrams(List<int> rows, List<int> wordHashes)
    {
        for (int i = 0; i < wordHashes.Count; i++)
        {
            // Hashes are signed 32-bit numbers in fastText and widen with their sign.
            ulong hash = (ulong)wordHashes[i];
            for (int j = i + 1; j < wordHashes.Count && j < i + _args.WordNgrams; j++)
            {
                hash = unchecked(hash * 116049371 + (ulong)wordHashes[j]);
                AddBucket(rows, hash);
            }
        }
    }

    private void AddBucket(List<int> rows, ulong hash)
    {
        if (_args.Bucket == 0)
            return;
        int bucket = (int)(hash % (ulong)_args.Bucket);
        if (_prunedBuckets is null)
            rows.Add(_wordCount + bucket);
        else if (_prunedBuckets.TryGetValue(bucket, out int position))
            rows.Add(_wordCount + position);
    }

    /// <summary>FNV-1a, 32 bits, on bytes widened with their sign (fastText hashes signed chars).</summary>
    private static uint Hash(ReadOnlySpan<byte> bytes)
    {
        uint hash = 2166136261;
        foreach (byte b in bytes)
            hash = unchecked((hash ^ (uint)(sbyte)b) * 16777619);
        return hash;
    }

    private static bool IsContinuation(byte b) => (b & 0xC0) == 0x80;
}
