using ClusterLp.Cluster.Tests;
using ClusterLp.Core;
using ClusterLp.Core.Storage;
using ClusterLp.Kubernetes.Tests.Images;
using ClusterLp.Kubernetes.Tests.Manifests;

namespace ClusterLp.Kubernetes.Tests.Running;

/// <summary>Whole runs of the manifests: the image's program, the pods' command lines, environment, files, names and rights.</summary>
public sealed class PodRunTests(BuiltImage image) : IClassFixture<BuiltImage>
{
    /// <summary>Long enough for a test to interfere.</summary>
    private const string SlowBlocks = "CLUSTERLP_FAILPOINTS=worker.block=delay:150";

    private const string Alive = "HTTP/1.1 200 OK", NotYet = "HTTP/1.1 503 Service Unavailable";

    [ImageFact]
    public async Task Pods_that_are_killed_stopped_and_moved_end_with_the_bytes_of_one_process()
    {
        await using PodRun run = await PodRun.CreateAsync("tls", image);
        string reference = await run.ReferenceAsync();
        PodSpec coordinator = new(run.Overlay.Coordinator);
        PodSpec[] workers = [.. PodSpec.Of(run.Overlay.Worker)];
        Assert.Equal(2, workers.Length);

        // Workers come first, and find no such name.
        ClusterLpProcess[] running = [.. workers.Select(worker => run.Start(worker, SlowBlocks))];
        foreach (ClusterLpProcess worker in running)
            await worker.UntilItSaysAsync("health and metrics at");
        Assert.Equal(Alive, run.Probe(running[1], workers[1], container => container.LivenessProbe));
        Assert.Equal(NotYet, run.Probe(running[1], workers[1], container => container.ReadinessProbe));
        ClusterLpProcess first = run.Start(coordinator);
        await first.UntilItSaysAsync("listening on clusterlp-coordinator:4053");
        await first.UntilItSaysAsync("joined with", 2);
        await run.StageBeganAsync("lewis-0");
        Assert.Equal(Alive, run.Probe(running[1], workers[1], container => container.ReadinessProbe));
        Assert.Equal(Alive, run.Probe(first, coordinator, container => container.ReadinessProbe));
        Assert.Equal(Alive, run.Probe(first, coordinator, container => container.LivenessProbe));

        running[0].Kill();
        running[0].WaitForEnd();
        Assert.Equal(128 + 9, running[0].EndedWith);
        Assert.Equal(FailurePolicy.Count, FailurePolicy.ActionOn(workers[0].Job, running[0].EndedWith));
        running[0] = run.Start(workers[0], SlowBlocks);
        await first.UntilItSaysAsync("joined with", 3);

        first.Signal(ClusterLpProcess.Terminate);
        await first.ExpectAsync(ExitCode.Interrupted);
        Assert.Equal(FailurePolicy.Ignore, FailurePolicy.ActionOn(coordinator.Job, first.EndedWith));
        Assert.False(run.IsComplete("out"));
        // Its successor has another address under the same name.
        ClusterLpProcess second = run.Start(coordinator);
        string output = await second.ExpectAsync(ExitCode.Done);
        Assert.Contains("matrix", output);
        Assert.Contains("resuming: ", await second.ErrorAsync());
        foreach (ClusterLpProcess worker in running)
            await worker.ExpectAsync(ExitCode.Done);
        Assert.Equal(reference, run.Digest("out"));
    }

    [ImageAndStoreFact]
    public async Task In_a_bucket_pods_that_are_killed_end_with_the_bytes_of_one_process()
    {
        await using PodRun run = await PodRun.CreateAsync("s3", image);
        string reference = await run.ReferenceAsync();
        PodSpec coordinator = new(run.Overlay.Coordinator), successor = new(run.Overlay.Coordinator) { Suffix = "q4m9z" };
        PodSpec[] workers = [.. PodSpec.Of(run.Overlay.Worker)];
        ClusterLpProcess[] running = [.. workers.Select(worker => run.Start(worker, SlowBlocks))];
        foreach (ClusterLpProcess worker in running)
            await worker.UntilItSaysAsync("health and metrics at");
        // It comes so far, and no further.
        ClusterLpProcess first = run.Start(coordinator, "CLUSTERLP_FAILPOINTS=coordinator.reduce/refine=hold", "CLUSTERLP_FAILPOINTS_DIR=/tmp");
        await first.UntilItSaysAsync("joined with", workers.Length);
        await run.StageBeganAsync("lewis-0");

        running[0].Kill();
        running[0].WaitForEnd();
        running[0] = run.Start(workers[0], SlowBlocks);
        await first.UntilItSaysAsync("joined with", workers.Length + 1);
        await run.StageBeganAsync("refine-0");
        first.Kill();
        first.WaitForEnd();
        Assert.Equal(FailurePolicy.Count, FailurePolicy.ActionOn(coordinator.Job, first.EndedWith));
        Assert.False(run.IsComplete("out"));
        // The first has said no goodbye, and may live where the second cannot look: its sign of life in the bucket is watched.
        ClusterLpProcess second = run.Start(successor);
        Assert.Contains("matrix", await second.ExpectAsync(ExitCode.Done));
        Assert.Matches(@"resuming: [1-9]\d* committed blocks kept \(epoch 2\)", await second.ErrorAsync());
        foreach (ClusterLpProcess worker in running)
            await worker.ExpectAsync(ExitCode.Done);
        Assert.Equal(reference, run.Digest("out"));
        Assert.Equal(["clusterlp.json", "clusterlp.md", "model.safetensors"], StoredFiles.Names(run.Bucket.Root + "/out"));
        Assert.Equal(["job", "model", "out"], StoredFiles.Names(run.Bucket.Root));
        Assert.Empty(run.Bucket.OpenUploads);
    }

    [ImageFact]
    public async Task The_plain_overlay_runs_and_its_pods_find_openblas()
    {
        await using PodRun run = await PodRun.CreateAsync("batch", image);
        string reference = await run.ReferenceAsync();
        PodSpec coordinator = new(run.Overlay.Coordinator);
        // The coordinator comes last, and blocks are slow: a worker that comes after the job would look for it in vain.
        ClusterLpProcess[] workers = [.. PodSpec.Of(run.Overlay.Worker).Select(worker => run.Start(worker, SlowBlocks))];
        foreach (ClusterLpProcess worker in workers)
            await worker.UntilItSaysAsync("health and metrics at");
        ClusterLpProcess first = run.Start(coordinator);
        await first.UntilItSaysAsync("joined with", workers.Length);
        await first.ExpectAsync(ExitCode.Done);
        foreach (ClusterLpProcess worker in workers)
            await worker.ExpectAsync(ExitCode.Done);
        Assert.Equal(reference, run.Digest("out"));
        Assert.StartsWith("OpenBLAS", run.Report("out").Factorisations);
        // Started again, as after a death between its last two steps: the Job completes.
        Assert.Contains("matrix", await run.Start(coordinator).ExpectAsync(ExitCode.Done));
    }

    [ImageFact]
    public async Task A_worker_whose_coordinator_never_gets_a_name_ends_and_is_started_again_uncounted()
    {
        await using PodRun run = await PodRun.CreateAsync("batch", image);
        PodSpec pod = PodSpec.Of(run.Overlay.Worker).First();
        Assert.Contains("--rejoin-timeout=5m", pod.Arguments);
        ClusterLpProcess worker = run.Start(pod, "--rejoin-timeout=3s");
        await worker.ExpectAsync(ExitCode.Resumable);
        Assert.Contains("no coordinator let this worker in at clusterlp-coordinator:4053 within 3 s", await worker.ErrorAsync());
        Assert.Equal(FailurePolicy.Ignore, FailurePolicy.ActionOn(pod.Job, worker.EndedWith));
    }

    [ImageFact]
    public async Task A_worker_cannot_pass_for_the_coordinator()
    {
        await using PodRun run = await PodRun.CreateAsync("tls", image);
        PodSpec impostor = new(run.Overlay.Coordinator);
        // The coordinator's command line and job, with the Secret a worker has.
        impostor.Spec.Volumes.Single(volume => volume.Name == "tls").Secret.SecretName = "clusterlp-worker-tls";
        try
        {
            ClusterLpProcess process = run.Start(impostor);
            await process.ExpectAsync(ExitCode.Usage);
            Assert.Contains("certificate does not name clusterlp-coordinator", await process.ErrorAsync());
        }
        finally
        {
            impostor.Spec.Volumes.Single(volume => volume.Name == "tls").Secret.SecretName = "clusterlp-coordinator-tls";
        }
    }
}
