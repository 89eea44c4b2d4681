using System.Globalization;
using System.Text.RegularExpressions;
using ClusterLp.Core.Storage;

namespace ClusterLp.Core.Jobs.Checkpoints;

/// <summary>
/// A generation of a job's checkpoint: a snapshot and the journal of what came after it. Generations are ordered by epoch,
/// then number, so that whatever a superseded coordinator still writes comes before its successor's.
/// </summary>
internal readonly partial record struct Generation(long Epoch, int Number) : IComparable<Generation>
{
    public string Snapshot => Name + ".snapshot";

    public string Journal => Name + ".journal";

    private string Name => string.Create(CultureInfo.InvariantCulture, $"{Epoch:D6}-{Number:D6}");

    /// <summary>Generations of which any file is in the folder, in order.</summary>
    public static Generation[] In(string folder) =>
        [.. StoredFiles.Names(folder).Select(name => Pattern().Match(name)).Where(match => match.Success)
            .Select(match => new Generation(
                long.Parse(match.Groups[1].ValueSpan, CultureInfo.InvariantCulture), int.Parse(match.Groups[2].ValueSpan, CultureInfo.InvariantCulture)))
            .Distinct().Order()];

    public int CompareTo(Generation other) => (Epoch, Number).CompareTo((other.Epoch, other.Number));

    [GeneratedRegex(@"^(\d{6,12})-(\d{6,9})\.(snapshot|journal)$")]
    private static partial Regex Pattern();
}
