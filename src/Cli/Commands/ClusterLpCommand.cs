using System.CommandLine;
using System.CommandLine.Help;
using ClusterLp.Cli.Demo;

namespace ClusterLp.Cli.Commands;

/// <summary>The whole command line.</summary>
internal static class ClusterLpCommand
{
    private static readonly string[] Examples =
        ["clusterlp inspect model.safetensors", "clusterlp compress model.safetensors --compression 0.28", "clusterlp doctor"];

    private static readonly Entry[] Entries =
    [
        new("compress", terminal => new CompressCommand(terminal).Create(),
            "clusterlp compress model.safetensors --tensor '*word_embeddings.weight' --compression 0.28",
            "clusterlp compress vectors.npy --rank 64 --p 1 --output out --json",
            "clusterlp compress lid.176.ftz --rank 12 --row-weights frequencies.txt"),
        new("plan", terminal => new PlanCommand(terminal).Create(),
            "clusterlp plan model-directory --compression 0.3 --exclude '*position*'", "clusterlp plan model.safetensors --target-error 0.1 --json"),
        new("inspect", terminal => new InspectCommand(terminal).Create(), "clusterlp inspect model.safetensors", "clusterlp inspect vectors.npy --json"),
        new("verify", terminal => new VerifyCommand(terminal).Create(), "clusterlp verify model.clusterlp --against model.safetensors"),
        new("evaluate", terminal => new EvaluateCommand(terminal).Create(),
            "clusterlp evaluate model.clusterlp --against model.safetensors --vocabulary tokenizer.json",
            "clusterlp evaluate out --against model.safetensors --tensor fc1.weight --activations inputs.npy --json"),
        new("report", terminal => new ReportCommand(terminal).Create(),
            "clusterlp report model.clusterlp", "clusterlp report out --against model.safetensors --tensor '*word_embeddings.weight' --output page.html"),
        new("coordinator", terminal => new CoordinatorCommand(terminal).Create(),
            "clusterlp coordinator --job job.json --listen 127.0.0.1:4053",
            """job.json: {"model": "model.safetensors", "compression": 0.28, "output": "out"}"""),
        new("worker", _ => WorkerCommand.Create(), "clusterlp worker --coordinator 127.0.0.1:4053 --threads 2"),
        new("status", terminal => new StatusCommand(terminal).Create(), "clusterlp status --job-dir jobs/embeddings"),
        new("certs", terminal => new CertsCommand(terminal).Create(),
            "clusterlp certs --host coordinator.example --host worker-1.example,10.0.0.2", "clusterlp certs --dir certs --host worker-2.example --days 90"),
        new("doctor", terminal => new DoctorCommand(terminal).Create()),
        new("demo", DemoCommand.Create),
        new("completion", CompletionCommand.Create,
            "source <(clusterlp completion bash)", "clusterlp completion fish > ~/.config/fish/completions/clusterlp.fish"),
    ];

    /// <summary>All commands; or, as making their options takes a while, the one that the first argument names.</summary>
    public static RootCommand Create(Terminal terminal, string? first = null)
    {
        var root = new RootCommand("Robust low-rank compression (entrywise l_p, 1 <= p <= 2) of large embedding matrices, on one machine or a cluster.");
        var examples = new Dictionary<Command, string[]> { [root] = Examples };
        foreach (Entry entry in Array.FindAll(Entries, entry => entry.Name == first) is { Length: > 0 } named ? named : Entries)
        {
            Command command = entry.Make(terminal);
            root.Subcommands.Add(command);
            if (entry.Examples.Length > 0)
                examples.Add(command, entry.Examples);
        }
        root.Options.Add(CommonOptions.Quiet);
        root.Options.Add(CommonOptions.Verbose);
        root.Options.Add(CommonOptions.LogFormat);
        HelpOption help = root.Options.OfType<HelpOption>().Single();
        // Slash forms are another system's habit, and here they look like paths.
        help.Aliases.Remove("/?");
        help.Aliases.Remove("/h");
        help.Action = new HelpWithExamples((HelpAction)help.Action!, examples);
        return root;
    }

    private sealed record Entry(string Name, Func<Terminal, Command> Make, params string[] Examples);
}
