using System.CommandLine;
using System.Net;
using System.Text.RegularExpressions;
using ClusterLp.Cli;
using ClusterLp.Cli.Commands;
using k8s.Models;
using Spectre.Console;

namespace ClusterLp.Kubernetes.Tests.Manifests;

/// <summary>A pod of a Job, as Kubernetes would start it: its name in DNS, its command line and environment with values put in.</summary>
internal sealed partial class PodSpec
{
    private readonly Dictionary<string, string> _environment = [];

    /// <param name="job">Whose.</param>
    /// <param name="index">Of an indexed Job's pod.</param>
    public PodSpec(V1Job job, int? index = null)
    {
        (Job, Index) = (job, index);
        foreach (V1EnvVar variable in Container.Env ?? [])
            if (variable.Value is { } value)
                _environment[variable.Name] = Expand(value);
        // The Job controller's own.
        if (index is not null)
            _environment["JOB_COMPLETION_INDEX"] = $"{index}";
    }

    public V1Job Job { get; }
    public int? Index { get; }
    public V1PodSpec Spec => Job.Spec.Template.Spec;
    public V1Container Container => Spec.Containers.Single();

    /// <summary>The pods of a Job.</summary>
    public static IEnumerable<PodSpec> Of(V1Job job) => job.Spec.CompletionMode == "Indexed"
        ? Enumerable.Range(0, job.Spec.Completions!.Value).Select(index => new PodSpec(job, index))
        : [new PodSpec(job)];

    /// <summary>Variables with a value in the manifest; those from Secrets are not among them.</summary>
    public IReadOnlyDictionary<string, string> Environment => _environment;

    /// <summary>The container's args, $(VARIABLES) replaced.</summary>
    public string[] Arguments => [.. Container.Args.Select(Expand)];

    /// <summary>How the name of a pod ends that is not an indexed Job's; Kubernetes makes one up for every pod.</summary>
    public string Suffix { get; init; } = "x7k2p";

    /// <summary>The pod's own host name.</summary>
    public string HostName => Index is null ? $"{Job.Metadata.Name}-{Suffix}" : $"{Job.Metadata.Name}-{Index}";

    /// <summary>The name its headless Service gives it alone, or else gives all the Service's pods.</summary>
    public string DnsName => Spec.Subdomain is { } subdomain ? $"{HostName}.{subdomain}" : Job.Metadata.Name;

    /// <summary>The command line as the program reads it.</summary>
    public ParseResult Parse() =>
        ClusterLpCommand.Create(new Terminal(AnsiConsole.Console, AnsiConsole.Console)).Parse(Arguments, new ParserConfiguration { ResponseFileTokenReplacer = null });

    public DnsEndPoint EndPoint(string option) => Parse().GetValue<DnsEndPoint?>(option)!;

    /// <summary>Where a probe asks.</summary>
    public int PortOf(V1Probe probe) => Container.Ports.Single(port => port.Name == probe.HttpGet.Port).ContainerPort;

    // An unknown name stays as it is, as it does in a cluster.
    private string Expand(string text) => Reference().Replace(text, match => _environment.GetValueOrDefault(match.Groups[1].Value) ?? match.Value);

    [GeneratedRegex(@"\$\(([A-Za-z_][A-Za-z0-9_]*)\)")]
    private static partial Regex Reference();
}
