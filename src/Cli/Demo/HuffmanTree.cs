namespace ClusterLp.Cli.Demo;

/// <summary>
/// The tree of hierarchical softmax: leaves are labels, inner node i decides with score i. Built bottom-up from the two
/// smallest counts; it must break ties as fastText does, since the output rows were trained for that very tree.
/// </summary>
internal sealed class HuffmanTree
{
    private readonly int _leaves;
    private readonly (int Left, int Right)[] _inner;

    /// <param name="counts">Occurrences of each label, in descending order, as fastText stores them.</param>
    public HuffmanTree(long[] counts)
    {
        _leaves = counts.Length;
        _inner = new (int, int)[_leaves - 1];
        var weights = new long[2 * _leaves - 1];
        Array.Fill(weights, (long)1e15);
        counts.CopyTo(weights, 0);
        // Both queues are sorted: leaves from the last (rarest) up, inner nodes in the order they were made.
        int leaf = _leaves - 1, node = _leaves;
        for (int made = 0; made < _inner.Length; made++)
        {
            int left = Smaller(), right = Smaller();
            _inner[made] = (left, right);
            weights[_leaves + made] = weights[left] + weights[right];
        }

        int Smaller() => leaf >= 0 && weights[leaf] < weights[node] ? leaf-- : node++;
    }

    /// <summary>The most probable leaf.</summary>
    /// <param name="scores">Log-odds of going right at inner node i (its last entry is unused).</param>
    public int Best(ReadOnlySpan<double> scores)
    {
        int nodes = _leaves + _inner.Length;
        var logProbability = new double[nodes];
        // Parents are made after their children: from the root (last) down, each is final when it is reached.
        for (int i = _inner.Length - 1; i >= 0; i--)
        {
            (int left, int right) = _inner[i];
            double goRight = 1 / (1 + Math.Exp(-scores[i]));
            logProbability[left] = logProbability[_leaves + i] + Log(1 - goRight);
            logProbability[right] = logProbability[_leaves + i] + Log(goRight);
        }
        int best = 0;
        for (int i = 1; i < _leaves; i++)
            if (logProbability[i] > logProbability[best])
                best = i;
        return best;
    }

    /// <summary>fastText's logarithm, which keeps probability 0 finite.</summary>
    private static double Log(double x) => Math.Log(x + 1e-5);
}
