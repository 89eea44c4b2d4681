using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using ClusterLp.Cluster.Tests;
using ClusterLp.Core;

namespace ClusterLp.Chaos;

/// <summary>What came of a schedule.</summary>
/// <param name="Failure">Null: it ended as promised.</param>
/// <param name="Starts">How often the coordinator was started.</param>
/// <param name="Struck">How many of its disturbances' deeds were done.</param>
/// <param name="Seconds">Wall time.</param>
internal sealed record Outcome(string? Failure, int Starts, int Struck, double Seconds);

/// <summary>
/// Drives a schedule to its end: does its deeds, and starts what has ended again, as a supervisor does. It must end within
/// two minutes with the bytes of the undisturbed run; whenever the coordinator stops before, it must have said why, and must
/// not have left an output.
/// </summary>
internal sealed class ChaosRun(Schedule schedule, Site site, string reference)
{
    private const int MostStarts = 20, Killed = 128 + 9;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(120);

    private readonly Havoc _havoc = new(site);
    private readonly Stopwatch _watch = new();
    private readonly HashSet<Disturbance> _done = [];

    public async Task<Outcome> RunAsync()
    {
        _watch.Start();
        string? failure;
        try
        {
            foreach (Node node in site.Nodes)
                site.Start(node);
            failure = await DriveAsync() ?? await JudgeAsync();
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            failure = $"the schedule could not be carried out: {e.Message} {e.StackTrace}";
        }
        return new Outcome(failure, site.Coordinator.Life + 1, _done.Count, _watch.Elapsed.TotalSeconds);
    }

    private async Task<string?> DriveAsync()
    {
        for (; _watch.Elapsed < Patience; await Task.Delay(20))
        {
            _havoc.Undo();
            await StrikeAsync();
            if (site.Coordinator.Process.HasEnded)
            {
                if (site.Coordinator.Process.EndedWith == (int)ExitCode.Done)
                    return null;
                if (Complaint(site.Coordinator.Process) is { } complaint)
                    return complaint;
                if (site.Coordinator.Life + 1 == MostStarts)
                    return $"started {MostStarts} times in vain";
                if (_havoc.InputChanged)
                    _havoc.RestoreInput();
                site.Start(site.Coordinator);
            }
            foreach (Node worker in site.Workers.Where(worker => worker.Process.HasEnded))
                site.Start(worker);
        }
        return string.Create(CultureInfo.InvariantCulture, $"not done after {Patience.TotalSeconds} s");
    }

    private async Task StrikeAsync()
    {
        foreach (Disturbance due in schedule.Disturbances.Where(d => d.Rule is null && d.After <= _watch.Elapsed.TotalSeconds && _done.Add(d)))
            await _havoc.DoAsync(due);
        foreach (Node node in site.Nodes)
            foreach (string mark in Directory.GetFiles(site.MarksOf(node), "*.hold"))
            {
                if (schedule.Disturbances.FirstOrDefault(d => d.Deed is not null && d.Rule is not null && d.Node == node.Number && MarkOf(d.Rule) == Path.GetFileName(mark) && _done.Add(d)) is { } due)
                    await _havoc.DoAsync(due);
                File.Delete(mark);
            }
    }

    private async Task<string?> JudgeAsync()
    {
        if (Digest() is var digest && digest != reference)
            return $"the factors are {digest}, not {reference}";
        foreach (ClusterLpProcess loser in _havoc.MustYield)
        {
            for (DateTime end = DateTime.UtcNow.AddSeconds(45); !loser.HasEnded && DateTime.UtcNow < end;)
                await Task.Delay(20);
            if (!loser.HasEnded || loser.EndedWith != (int)ExitCode.Resumable)
                return $"a coordinator that had lost the job {(loser.HasEnded ? $"ended with {loser.EndedWith}" : "did not end")}";
        }
        return site.All.Select(process => Crash(process.Name, process.Process)).FirstOrDefault(crash => crash is not null)
            ?? (Digest() == reference ? null : "the factors changed after the job had ended");
    }

    // What must not be said, or left, by a coordinator that did not finish.
    private string? Complaint(ClusterLpProcess coordinator)
    {
        string said = coordinator.Said();
        string[] errors = [.. said.Split('\n').Where(line => line.StartsWith("clusterlp: error:", StringComparison.Ordinal))];
        bool named = coordinator.EndedWith switch
        {
            Killed => true,
            (int)ExitCode.Interrupted => true,
            (int)ExitCode.CannotWrite or (int)ExitCode.Resumable or (int)ExitCode.Internal => errors.Length == 1,
            (int)ExitCode.BadInput => errors.Length == 1 && _havoc.InputChanged,
            _ => false,
        };
        if (!named)
            return string.Create(CultureInfo.InvariantCulture, $"the coordinator ended with {coordinator.EndedWith}: {errors.LastOrDefault() ?? "and said nothing"}");
        return Directory.Exists(site.Output) && coordinator.EndedWith != Killed && coordinator.EndedWith != (int)ExitCode.Interrupted
            ? "there is an output though the coordinator failed"
            : Crash("the coordinator", coordinator);
    }

    private static string? Crash(string name, ClusterLpProcess process)
    {
        string? line = process.Said().Split('\n').FirstOrDefault(line =>
            line.Contains("Unhandled exception", StringComparison.Ordinal) || line.Contains("internal error", StringComparison.Ordinal) || line.Contains("   at ClusterLp.", StringComparison.Ordinal));
        return line is null ? null : $"{name} said: {line.Trim()}";
    }

    private string Digest()
    {
        string file = Path.Combine(site.Output, "model.safetensors");
        return File.Exists(file) ? Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(file))) : "missing";
    }

    /// <summary>The file a process leaves where a rule makes it wait.</summary>
    private static string MarkOf(string rule) => rule.Split('=')[0].Replace('/', '.') + ".hold";
}
