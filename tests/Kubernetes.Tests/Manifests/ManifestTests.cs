using System.Text.Json;
using ClusterLp.Cli.Commands;
using ClusterLp.Core;
using k8s.Models;

namespace ClusterLp.Kubernetes.Tests.Manifests;

/// <summary>Each overlay, rendered: what it holds fits together, and fits the program.</summary>
public sealed class ManifestTests
{
    private static readonly string[] Names = ["batch", "s3", "tls"];

    public static TheoryData<string> Overlays => [.. Names];

    [Fact]
    public void Every_overlay_is_tested() =>
        Assert.Equal(Directory.GetDirectories(Repository.PathOf("k8s/overlays")).Select(Path.GetFileName).Order(), Names);

    [KubectlTheory, MemberData(nameof(Overlays))]
    public void An_overlay_holds_these_objects_and_no_unknown_field(string overlay) => Assert.Equal(
        ["ConfigMap clusterlp-job", "Job clusterlp-coordinator", "Job clusterlp-worker", "NetworkPolicy clusterlp",
            "PodDisruptionBudget clusterlp-worker", "Service clusterlp-coordinator", "Service clusterlp-worker"],
        // The hash of its content ends a generated name: another job file is another ConfigMap.
        Overlay.Of(overlay).Objects.Select(one => $"{one.Kind} {(one is V1ConfigMap ? one.Metadata.Name[..one.Metadata.Name.LastIndexOf('-')] : one.Metadata.Name)}").Order(StringComparer.Ordinal));

    [KubectlFact]
    public void A_misspelt_field_is_noticed()
    {
        string text = Kubectl.Kustomize(Repository.PathOf("k8s/overlays/batch"));
        Assert.Contains("podFailurePolicy:", text);
        Assert.ThrowsAny<Exception>(() => Overlay.Parse(text.Replace("podFailurePolicy:", "podFailurePolcy:", StringComparison.Ordinal)));
    }

    [Fact]
    public void Claim_and_file_pod_of_the_volume_have_no_unknown_field_and_share_it_with_the_run()
    {
        var claim = (V1PersistentVolumeClaim)Assert.Single(Overlay.Parse(File.ReadAllText(Repository.PathOf("k8s/storage/claim.yaml"))));
        var files = (V1Pod)Assert.Single(Overlay.Parse(File.ReadAllText(Repository.PathOf("k8s/storage/files.yaml"))));
        Assert.Equal(["ReadWriteMany"], claim.Spec.AccessModes);
        Assert.Equal(claim.Metadata.Name, Assert.Single(files.Spec.Volumes).PersistentVolumeClaim.ClaimName);
        Assert.Equal("/data", Assert.Single(files.Spec.Containers.Single().VolumeMounts).MountPath);
        PodSecurity.AssertRestricted(files.Spec);
    }

    [KubectlTheory, MemberData(nameof(Overlays))]
    public void Each_command_line_is_one_the_program_takes(string overlay)
    {
        foreach (PodSpec pod in Overlay.Of(overlay).Jobs.SelectMany(PodSpec.Of))
        {
            Assert.Empty(pod.Parse().Errors);
            Assert.Equal(pod.Container.Args[0], pod.Parse().CommandResult.Command.Name);
            Assert.DoesNotContain(pod.Arguments, argument => argument.Contains("$(", StringComparison.Ordinal));
        }
    }

    [KubectlTheory, MemberData(nameof(Overlays))]
    public void Pods_are_found_by_the_names_they_go_by(string overlay)
    {
        Overlay run = Overlay.Of(overlay);
        V1Service coordinators = run.Named<V1Service>("clusterlp-coordinator"), workers = run.Named<V1Service>("clusterlp-worker");
        foreach (V1Service service in (V1Service[])[coordinators, workers])
        {
            Assert.Equal("None", service.Spec.ClusterIP);
            Assert.True(service.Spec.PublishNotReadyAddresses);
            V1Job served = Assert.Single(run.Jobs, job => Overlay.Selects(service.Spec.Selector, job));
            Assert.Equal(service.Metadata.Name, served.Metadata.Name);
            V1ServicePort port = Assert.Single(service.Spec.Ports);
            V1ContainerPort target = Assert.Single(new PodSpec(served, 0).Container.Ports, one => one.Name == port.TargetPort);
            // Headless: what is dialled is the container's own port.
            Assert.Equal(port.Port, target.ContainerPort);
            Assert.Equal(new PodSpec(served, 0).EndPoint("--listen").Port, target.ContainerPort);
        }
        PodSpec coordinator = new(run.Coordinator);
        Assert.Equal(coordinators.Metadata.Name, coordinator.Parse().GetValue<string?>("--host"));
        foreach (PodSpec worker in PodSpec.Of(run.Worker))
        {
            Assert.Equal(worker.DnsName, worker.Parse().GetValue<string?>("--host"));
            Assert.Equal(workers.Metadata.Name, worker.Spec.Subdomain);
            Assert.Equal(coordinators.Metadata.Name, worker.EndPoint("--coordinator").Host);
            Assert.Equal(coordinator.EndPoint("--listen").Port, worker.EndPoint("--coordinator").Port);
            Assert.All((PodSpec[])[coordinator, worker], pod => Assert.Equal("0.0.0.0", pod.EndPoint("--listen").Host));
        }
    }

    [KubectlTheory, MemberData(nameof(Overlays))]
    public void Environment_variables_are_ones_the_program_reads(string overlay)
    {
        foreach (PodSpec pod in Overlay.Of(overlay).Jobs.SelectMany(PodSpec.Of))
        {
            string help = Help(pod.Parse().CommandResult.Command);
            Assert.All((pod.Container.Env ?? []).Where(one => one.Name.StartsWith("CLUSTERLP_", StringComparison.Ordinal)), one => Assert.Contains("$" + one.Name, help));
            Assert.Equal("0", pod.Environment["DOTNET_EnableDiagnostics"]);
            // Without a home .NET checks no certificate, and a user may be in no list of users.
            Assert.Equal("/tmp", pod.Environment["HOME"]);
        }
    }

    [KubectlTheory, MemberData(nameof(Overlays))]
    public void Probes_ask_where_the_program_answers(string overlay)
    {
        foreach (PodSpec pod in Overlay.Of(overlay).Jobs.SelectMany(PodSpec.Of))
        {
            Assert.Equal("/healthz/live", pod.Container.LivenessProbe.HttpGet.Path);
            Assert.Equal("/healthz/ready", pod.Container.ReadinessProbe.HttpGet.Path);
            Assert.All((V1Probe[])[pod.Container.LivenessProbe, pod.Container.ReadinessProbe], probe => Assert.Equal(pod.EndPoint("--http").Port, pod.PortOf(probe)));
            Assert.Equal("0.0.0.0", pod.EndPoint("--http").Host);
        }
    }

    [KubectlTheory, MemberData(nameof(Overlays))]
    public void Files_the_program_names_are_mounted_from_volumes_that_exist(string overlay)
    {
        Overlay run = Overlay.Of(overlay);
        foreach (PodSpec pod in run.Jobs.SelectMany(PodSpec.Of))
        {
            Assert.Equal(pod.Container.VolumeMounts.Select(mount => mount.Name).Order(), pod.Spec.Volumes.Select(volume => volume.Name).Order());
            Assert.All(
                pod.Environment.Values.Concat(pod.Arguments.Select(argument => argument[(argument.IndexOf('=') + 1)..])).Where(Path.IsPathRooted),
                path => Assert.Contains(pod.Container.VolumeMounts, mount => path == mount.MountPath || path.StartsWith(mount.MountPath + "/", StringComparison.Ordinal)));
            Assert.NotNull(Assert.Single(pod.Spec.Volumes, volume => volume.Name == pod.Container.VolumeMounts.Single(mount => mount.MountPath == "/tmp").Name).EmptyDir);
        }
    }

    [KubectlTheory]
    [InlineData("batch", "/data")]
    [InlineData("tls", "/data")]
    [InlineData("s3", "s3://clusterlp")]
    public void The_job_files_paths_lie_where_pods_may_read_and_write(string overlay, string root)
    {
        Overlay run = Overlay.Of(overlay);
        PodSpec coordinator = new(run.Coordinator);
        string path = coordinator.Parse().GetValue<string>("--job")!;
        V1VolumeMount mount = coordinator.Container.VolumeMounts.Single(one => Path.GetDirectoryName(path) == one.MountPath);
        V1ConfigMap map = run.Named<V1ConfigMap>(coordinator.Spec.Volumes.Single(volume => volume.Name == mount.Name).ConfigMap.Name);
        string text = map.Data[Path.GetFileName(path)], copy = Path.GetTempFileName();
        try
        {
            File.WriteAllText(copy, text);
            Assert.NotNull(JobFile.Read(copy).JobDirectory);
        }
        finally
        {
            File.Delete(copy);
        }
        using JsonDocument job = JsonDocument.Parse(text);
        Assert.All((string[])["model", "output", "job-dir"], key => Assert.StartsWith(root + "/", job.RootElement.GetProperty(key).GetString()));
        Assert.All(run.Jobs.SelectMany(PodSpec.Of), pod => Assert.Equal(root, pod.Environment["CLUSTERLP_ROOTS"]));
    }

    [KubectlTheory]
    [InlineData("batch")]
    [InlineData("tls")]
    public void All_pods_share_one_volume_and_may_write_there(string overlay)
    {
        foreach (PodSpec pod in Overlay.Of(overlay).Jobs.SelectMany(PodSpec.Of))
        {
            string volume = pod.Container.VolumeMounts.Single(one => one.MountPath == "/data" && one.ReadOnlyProperty is not true).Name;
            Assert.Equal("clusterlp-data", pod.Spec.Volumes.Single(one => one.Name == volume).PersistentVolumeClaim.ClaimName);
        }
    }

    [KubectlFact]
    public void In_a_bucket_no_volume_is_shared_and_the_stores_variables_come_from_a_secret()
    {
        foreach (PodSpec pod in Overlay.Of("s3").Jobs.SelectMany(PodSpec.Of))
        {
            Assert.DoesNotContain(pod.Spec.Volumes, volume => volume.PersistentVolumeClaim is not null);
            V1EnvFromSource from = Assert.Single(pod.Container.EnvFrom);
            Assert.Equal("clusterlp-s3", from.SecretRef.Name);
            Assert.Null(from.Prefix);
            Assert.DoesNotContain(pod.Container.Env, one => one.Name.StartsWith("AWS_", StringComparison.Ordinal));
        }
        string[] keys = [.. Documentation.Secrets["clusterlp-s3"].Keys];
        Assert.Contains("AWS_ACCESS_KEY_ID", keys);
        // The SDK's, or ours.
        string reads = string.Concat(new[] { "AWSSDK.Core.dll", "ClusterLp.Storage.S3.dll" }.Select(file => System.Text.Encoding.Unicode.GetString(File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, file)).AsSpan())
            + System.Text.Encoding.Unicode.GetString(File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, file)).AsSpan(1))));
        Assert.All(keys, key => Assert.Contains(key, reads));
    }

    [KubectlFact]
    public void Only_the_plain_overlay_is_insecure_and_the_others_mount_a_secret_for_each_side()
    {
        Assert.All(Overlay.Of("batch").Jobs.SelectMany(PodSpec.Of), pod => Assert.Contains("--insecure", pod.Arguments));
        foreach (PodSpec pod in Names.Except(["batch"]).SelectMany(name => Overlay.Of(name).Jobs).SelectMany(PodSpec.Of))
        {
            Assert.DoesNotContain("--insecure", pod.Arguments);
            V1VolumeMount mount = pod.Container.VolumeMounts.Single(one => one.MountPath == "/etc/clusterlp-tls");
            V1SecretVolumeSource secret = pod.Spec.Volumes.Single(one => one.Name == mount.Name).Secret;
            Assert.Equal(pod.Job.Metadata.Name + "-tls", secret.SecretName);
            // For the group that fsGroup gives the files, and nobody else.
            Assert.Equal(0b100_100_000, secret.DefaultMode);
            Assert.Equal(["ca.crt", "tls.crt", "tls.key"],
                new[] { "CLUSTERLP_TLS_CERT", "CLUSTERLP_TLS_KEY", "CLUSTERLP_TLS_CA" }.Select(name => Path.GetRelativePath(mount.MountPath, pod.Environment[name])).Order());
        }
    }

    private static string Help(System.CommandLine.Command command) => string.Join(' ', command.Options.Select(option => option.Description));
}
