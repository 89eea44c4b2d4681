using System.Globalization;
using ClusterLp.Fuzz;
using SharpFuzz;

if (args is ["instrument", var folder])
{
    foreach (string name in Coverage.Instrumented)
        Fuzzer.Instrument(Path.Combine(folder, name), _ => true, Options.Value);
    return 0;
}

// The map stands before any instrumented code runs.
using var coverage = new Coverage();
string Option(string name, string otherwise) => Array.IndexOf(args, name) is >= 0 and var at && at + 1 < args.Length ? args[at + 1] : otherwise;
string wanted = Option("--target", "");
long inputs = long.Parse(Option("--inputs", "20000"), CultureInfo.InvariantCulture);
int seed = int.Parse(Option("--seed", "1"), CultureInfo.InvariantCulture);
double minutes = double.Parse(Option("--minutes", "60"), CultureInfo.InvariantCulture);
string failures = Option("--failures", "artifacts/fuzz");

using var scratch = new Scratch();
Target[] targets = [.. AllTargets.In(scratch).Where(target => wanted.Length == 0 || target.Name == wanted)];
if (targets.Length == 0)
{
    Console.Error.WriteLine($"fuzz: no target \"{wanted}\"; the targets are {string.Join(", ", AllTargets.In(scratch).Select(target => target.Name))}.");
    return 64;
}
var deadline = DateTime.UtcNow.AddMinutes(minutes);
Console.WriteLine($"seed {seed}\n{"target",-18}{"inputs",10}{"accepted",10}{"refused",10}{"edges",8}{"corpus",8}{"inputs/s",10}{"failures",10}");
bool failed = false;
foreach (Target target in targets)
{
    Tally tally = new FuzzLoop(target, coverage, seed, failures).Run(inputs, deadline);
    Console.WriteLine($"{target.Name,-18}{tally.Inputs,10}{tally.Accepted,10}{tally.Refused,10}{tally.Edges,8}{tally.Corpus,8}{tally.Inputs / tally.Seconds,10:F0}{tally.Failures,10}");
    failed |= tally.Failures > 0;
}
return failed ? 1 : 0;
