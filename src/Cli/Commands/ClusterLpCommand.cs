using System.CommandLine;
using System.CommandLine.Help;
using ClusterLp.Cli.Demo;

namespace ClusterLp.Cli.Commands;

/// <summary>The whole command line.</summary>
internal static class ClusterLpCommand
{
    public static RootCommand Create(Terminal terminal)
    {
        Command compress = new CompressCommand(terminal).Create(), inspect = new InspectCommand(terminal).Create(), plan = new PlanCommand(terminal).Create(),
            verify = new VerifyCommand(terminal).Create(), coordinator = new CoordinatorCommand(terminal).Create(),
            worker = WorkerCommand.Create(), status = new StatusCommand(terminal).Create(), doctor = new DoctorCommand(terminal).Create(),
            completion = CompletionCommand.Create(terminal), certs = new CertsCommand(terminal).Create(),
            evaluate = new EvaluateCommand(terminal).Create(), report = new ReportCommand(terminal).Create();
        var root = new RootCommand("Robust low-rank compression (entrywise l_p, 1 <= p <= 2) of large embedding matrices, on one machine or a cluster.")
        {
            compress, plan, inspect, verify, evaluate, report, coordinator, worker, status, certs, doctor, DemoCommand.Create(), completion,
            CommonOptions.Quiet, CommonOptions.Verbose, CommonOptions.LogFormat,
        };
        var examples = new Dictionary<Command, string[]>
        {
            [root] = ["clusterlp inspect model.safetensors", "clusterlp compress model.safetensors --compression 0.28", "clusterlp doctor"],
            [compress] =
            [
                "clusterlp compress model.safetensors --tensor '*word_embeddings.weight' --compression 0.28",
                "clusterlp compress vectors.npy --rank 64 --p 1 --output out --json",
                "clusterlp compress lid.176.ftz --rank 12 --row-weights frequencies.txt",
            ],
            [plan] = ["clusterlp plan model-directory --compression 0.3 --exclude '*position*'", "clusterlp plan model.safetensors --target-error 0.1 --json"],
            [inspect] = ["clusterlp inspect model.safetensors", "clusterlp inspect vectors.npy --json"],
            [verify] = ["clusterlp verify model.clusterlp --against model.safetensors"],
            [evaluate] =
            [
                "clusterlp evaluate model.clusterlp --against model.safetensors --vocabulary tokenizer.json",
                "clusterlp evaluate out --against model.safetensors --tensor fc1.weight --activations inputs.npy --json",
            ],
            [report] = ["clusterlp report model.clusterlp", "clusterlp report out --against model.safetensors --tensor '*word_embeddings.weight' --output page.html"],
            [coordinator] = ["clusterlp coordinator --job job.json --listen 127.0.0.1:4053",
                """job.json: {"model": "model.safetensors", "compression": 0.28, "output": "out"}"""],
            [worker] = ["clusterlp worker --coordinator 127.0.0.1:4053 --threads 2"],
            [certs] = ["clusterlp certs --host coordinator.example --host worker-1.example,10.0.0.2", "clusterlp certs --dir certs --host worker-2.example --days 90"],
            [status] = ["clusterlp status --job-dir jobs/embeddings"],
            [completion] = ["source <(clusterlp completion bash)", "clusterlp completion fish > ~/.config/fish/completions/clusterlp.fish"],
        };
        HelpOption help = root.Options.OfType<HelpOption>().Single();
        // Slash forms are another system's habit, and here they look like paths.
        help.Aliases.Remove("/?");
        help.Aliases.Remove("/h");
        help.Action = new HelpWithExamples((HelpAction)help.Action!, examples);
        return root;
    }
}
