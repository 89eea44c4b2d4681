using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;

namespace ClusterLp.Fuzz;

/// <summary>What a run gave.</summary>
internal sealed record Tally(long Inputs, long Accepted, long Refused, int Edges, int Corpus, double Seconds, int Failures);

/// <summary>
/// Fuzzes one target: mutates inputs of the corpus, and keeps those that pass new edges. Failures are written to
/// <paramref name="failures"/>, one for each kind.
/// </summary>
internal sealed class FuzzLoop(Target target, Coverage coverage, int seed, string failures)
{
    private static readonly TimeSpan Hang = TimeSpan.FromSeconds(60);

    private readonly HashSet<string> _kinds = [];
    private long _started = Stopwatch.GetTimestamp();
    private byte[] _current = [];

    public Tally Run(long inputs, DateTime deadline)
    {
        coverage.Forget();
        // A parser that never returns cannot be stopped: the process ends, its input saved.
        using var watchdog = new Timer(_ => EndIfHung(), null, Hang, TimeSpan.FromSeconds(5));
        var corpus = new List<byte[]>();
        var mutator = new Mutator(seed, target.Tokens);
        var clock = Stopwatch.StartNew();
        long done = 0;
        var verdicts = new long[3];
        while (done < inputs && DateTime.UtcNow < deadline)
        {
            byte[] input = done < target.Seeds.Length ? target.Seeds[done] : mutator.Next(corpus);
            (_current, _started) = (input, Stopwatch.GetTimestamp());
            coverage.Begin();
            (Verdict verdict, string? reason) = Case.Run(target, input);
            if (coverage.FoundNew() || done < target.Seeds.Length)
                corpus.Add(input);
            verdicts[(int)verdict]++;
            if (reason is not null)
                Save(input, done, reason);
            done++;
        }
        return new Tally(done, verdicts[(int)Verdict.Accepted], verdicts[(int)Verdict.Refused], coverage.Edges, corpus.Count,
            clock.Elapsed.TotalSeconds, _kinds.Count);
    }

    private void Save(byte[] input, long number, string reason)
    {
        // The same exception from the same place is one failure.
        string kind = string.Join('\n', reason.Split('\n').Where(line => line.Contains(" at ClusterLp")).Take(3));
        if (!_kinds.Add(kind.Length > 0 ? kind : reason.Split(' ')[0]))
            return;
        Directory.CreateDirectory(failures);
        string name = Path.Combine(failures, $"{target.Name}-{Convert.ToHexStringLower(SHA256.HashData(input))[..12]}");
        File.WriteAllBytes(name + ".input", input);
        File.WriteAllText(name + ".txt", string.Create(CultureInfo.InvariantCulture, $"target {target.Name}, seed {seed}, input {number}\n{reason}\n"));
        Console.Error.WriteLine($"{name}.input: {reason.Split('\n')[0]}");
    }

    private void EndIfHung()
    {
        if (Stopwatch.GetElapsedTime(Volatile.Read(ref _started)) < Hang)
            return;
        Save(_current, -1, "hung");
        Environment.Exit(1);
    }
}
