using System.CommandLine;
using System.Globalization;
using System.Text.RegularExpressions;
using ClusterLp.Cli;
using ClusterLp.Cli.Commands;
using ClusterLp.Core;
using ClusterLp.Kubernetes.Tests.Images;
using ClusterLp.Kubernetes.Tests.Manifests;
using k8s.Models;
using Spectre.Console;

namespace ClusterLp.Kubernetes.Tests;

/// <summary>docs/kubernetes.md says what is so.</summary>
public sealed partial class DocumentationTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("clusterlp-kubernetes-docs-").FullName;

    [KubectlFact]
    public void The_example_of_an_overlay_of_ones_own_renders_with_its_job_its_image_and_its_workers()
    {
        string run = Directory.CreateDirectory(Path.Combine(_folder, "run")).FullName;
        File.CreateSymbolicLink(Path.Combine(_folder, "k8s"), Repository.PathOf("k8s"));
        string job = Documentation.Blocks("json").Single();
        File.WriteAllText(Path.Combine(run, "job.json"), job);
        // Links are followed before relative paths are.
        File.WriteAllText(Path.Combine(run, "kustomization.yaml"), Documentation.Blocks("yaml").First()
            .Replace("../k8s", Path.GetRelativePath(run, Repository.PathOf("k8s")), StringComparison.Ordinal));
        Overlay overlay = Overlay.At(run);
        Assert.Equal(job, overlay.Objects.OfType<V1ConfigMap>().Single().Data["job.json"]);
        Assert.All(overlay.Objects, one => Assert.Equal("clusterlp", one.Metadata.NamespaceProperty));
        Assert.All(overlay.Jobs, one => Assert.Equal("registry.example/clusterlp:0.1.0", new PodSpec(one).Container.Image));
        Assert.Equal((8, 8), (overlay.Worker.Spec.Parallelism, overlay.Worker.Spec.Completions));
        Assert.Equal(overlay.Objects.OfType<V1ConfigMap>().Single().Metadata.Name, overlay.Coordinator.Spec.Template.Spec.Volumes.Single(volume => volume.Name == "job").ConfigMap.Name);
    }

    [KubectlFact]
    public void The_example_of_another_bucket_sets_the_roots_and_leaves_the_rest()
    {
        string run = Directory.CreateDirectory(Path.Combine(_folder, "bucket")).FullName;
        File.WriteAllText(Path.Combine(run, "bucket.yaml"), Documentation.Blocks("yaml").Last());
        File.WriteAllText(Path.Combine(run, "kustomization.yaml"), $$$"""
            apiVersion: kustomize.config.k8s.io/v1beta1
            kind: Kustomization
            resources: [{{{Path.GetRelativePath(run, Repository.PathOf("k8s/overlays/s3"))}}}]
            patches: [{path: bucket.yaml, target: {kind: Job}}]
            """);
        Overlay usual = Overlay.Of("s3"), overlay = Overlay.At(run);
        foreach ((PodSpec pod, PodSpec before) in overlay.Jobs.SelectMany(PodSpec.Of).Zip(usual.Jobs.SelectMany(PodSpec.Of)))
        {
            Assert.Equal("s3://models", pod.Environment["CLUSTERLP_ROOTS"]);
            Assert.Equal(before.Environment.Keys.Order(), pod.Environment.Keys.Order());
            Assert.Equal(before.Arguments, pod.Arguments);
        }
    }

    [Fact]
    public void Its_commands_of_ours_are_ones_the_program_takes()
    {
        string entry = string.Join(' ', Dockerfile.OfRepository.EntryPoint) + " ";
        string[] ours = [.. Documentation.Commands.Select(command => command.StartsWith("./clusterlp ", StringComparison.Ordinal)
            ? command["./clusterlp ".Length..]
            : command.Contains(" -- ", StringComparison.Ordinal) ? Inside(command[(command.IndexOf(" -- ", StringComparison.Ordinal) + 4)..], entry) : "").Where(command => command != "")];
        Assert.Equal(["certs", "doctor", "status"], ours.Select(command => command.Split(' ')[0]).Order());
        RootCommand root = ClusterLpCommand.Create(new Terminal(AnsiConsole.Console, AnsiConsole.Console));
        Assert.All(ours, command => Assert.Empty(root.Parse(command.Replace("'", "", StringComparison.Ordinal)).Errors));
    }

    [KubectlFact]
    public void Its_table_of_exit_codes_is_what_the_manifests_do()
    {
        Overlay run = Overlay.Of("tls");
        var rows = Row().Matches(File.ReadAllText(Repository.PathOf("docs/kubernetes.md")))
            .ToDictionary(match => int.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture), match => (Coordinator: match.Groups[2].Value, Worker: match.Groups[3].Value));
        Assert.Equal(Enum.GetValues<ExitCode>().Select(code => (int)code).Append(137).Order(), rows.Keys.Order());
        foreach ((int code, (string coordinator, string worker)) in rows.Where(row => row.Key != 0))
        {
            Assert.StartsWith(Words(FailurePolicy.ActionOn(run.Coordinator, code), run.Coordinator.Spec.BackoffLimit), coordinator);
            Assert.StartsWith(Words(FailurePolicy.ActionOn(run.Worker, code), run.Worker.Spec.BackoffLimitPerIndex), worker);
        }
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static string Words(string action, int? limit) => action switch
    {
        FailurePolicy.FailJob => "Job fails",
        FailurePolicy.Ignore => "tried again, not counted",
        _ => $"tried again, {limit} times",
    };

    private static string Inside(string command, string entry)
    {
        Assert.StartsWith(entry, command);
        return command[entry.Length..];
    }

    [GeneratedRegex(@"^\| (\d+) \|[^|]*\| ([^|]*) \| ([^|]*) \|$", RegexOptions.Multiline)]
    private static partial Regex Row();
}
