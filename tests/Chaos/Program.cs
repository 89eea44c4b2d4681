using System.Globalization;
using System.Security.Cryptography;
using ClusterLp.Chaos;
using ClusterLp.Cluster.Tests;
using ClusterLp.Cluster.Tests.Network;
using ClusterLp.Core;

// chaos N [--seed S]: N schedules, of the seeds S, S + 1, ... (1 by default). Ends with 1 if one did not end as promised.
int n = 0, first = 1;
if (args is not ([_] or [_, "--seed", _]) || !int.TryParse(args[0], CultureInfo.InvariantCulture, out n) || n < 1
    || args.Length == 3 && !int.TryParse(args[2], CultureInfo.InvariantCulture, out first))
{
    Console.Error.WriteLine("usage: ./chaos N [--seed S]: runs N random schedules of faults, those of the seeds S, S + 1, ... (default: 1).");
    return (int)ExitCode.Usage;
}

string folder = Path.GetFullPath(Path.Combine("artifacts", "chaos"));
Directory.CreateDirectory(folder);
string matrix = Path.Combine(folder, "matrix.npy");
File.WriteAllBytes(matrix, HeavyTailedJob.Matrix(8000, 64));
await ClusterLpProcess.RunAsync(ExitCode.Done, "certs", "--dir", Path.Combine(folder, "certs"), "--host", "127.0.0.1,localhost", "--force");
string[] tls = [.. new[] { ("--tls-cert", "127.0.0.1.crt"), ("--tls-key", "127.0.0.1.key"), ("--tls-ca", "ca.crt") }
    .SelectMany(option => (string[])[option.Item1, Path.Combine(folder, "certs", option.Item2)])];
bool network = NetworkLab.TryRun("ip", ["netns", "list"], out _) && Environment.IsPrivilegedProcess;
var references = new Dictionary<string, string>();

int failures = 0;
for (int seed = first; seed < first + n; seed++)
{
    Schedule schedule = Draw.From(seed, network);
    string own = Path.Combine(folder, seed.ToString(CultureInfo.InvariantCulture));
    if (Directory.Exists(own))
        Directory.Delete(own, recursive: true);
    Directory.CreateDirectory(own);
    string reference = await ReferenceAsync(schedule.Job);
    Outcome outcome;
    using (var site = new Site(schedule, own, matrix, tls))
    {
        outcome = await new ChaosRun(schedule, site, reference).RunAsync();
        if (outcome.Failure is not null)
            site.WriteLogs();
    }
    string counts = string.Create(CultureInfo.InvariantCulture, $"{outcome.Seconds,5:0.0} s  coordinator started {outcome.Starts}x, {outcome.Struck} of {schedule.Disturbances.Count(disturbance => disturbance.Deed is not null)} deeds done");
    Console.WriteLine($"{seed}  {(outcome.Failure is null ? "same bytes" : "FAILED")}  {counts}  {schedule}");
    if (outcome.Failure is null)
    {
        Directory.Delete(own, recursive: true);
        continue;
    }
    failures++;
    Console.WriteLine($"    {outcome.Failure}\n    logs and files: {Path.GetRelativePath(".", own)}; again: ./chaos 1 --seed {seed}");
}
Console.WriteLine($"{n - failures} passed, {failures} failed");
return failures == 0 ? 0 : 1;

// One process, undisturbed.
async Task<string> ReferenceAsync(ChaosJob job)
{
    string key = job.ToString();
    if (references.TryGetValue(key, out string? known))
        return known;
    string output = Path.Combine(folder, "reference");
    await ClusterLpProcess.RunAsync(ExitCode.Done, ["compress", matrix, "--output", output, "--force", "--workers", "1", "--quiet",
        .. job.Options.SelectMany(option => (string[])[$"--{option.Key}", Convert.ToString(option.Value, CultureInfo.InvariantCulture)!])]);
    return references[key] = Convert.ToHexStringLower(SHA256.HashData(await File.ReadAllBytesAsync(Path.Combine(output, "model.safetensors"))));
}
