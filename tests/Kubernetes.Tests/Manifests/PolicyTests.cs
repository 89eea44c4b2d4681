using ClusterLp.Core;
using k8s.Models;

namespace ClusterLp.Kubernetes.Tests.Manifests;

/// <summary>What the cluster lets pods do, and does about those that fail.</summary>
public sealed class PolicyTests
{
    public static TheoryData<string> Overlays => ManifestTests.Overlays;

    /// <summary>Every exit code there is, and death by SIGKILL (137).</summary>
    public static TheoryData<int> Failures => [.. Enum.GetValues<ExitCode>().Where(code => code != ExitCode.Done).Select(code => (int)code), 137];

    [KubectlTheory, MemberData(nameof(Failures))]
    public void A_coordinator_is_started_again_where_that_can_help(int exitCode) => Assert.Equal(
        (ExitCode)exitCode switch
        {
            ExitCode.Usage or ExitCode.BadInput or ExitCode.InputMissing or ExitCode.CannotWrite or ExitCode.Refused => FailurePolicy.FailJob,
            ExitCode.Resumable or ExitCode.Interrupted => FailurePolicy.Ignore,
            _ => FailurePolicy.Count,
        },
        FailurePolicy.ActionOn(Overlay.Of("tls").Coordinator, exitCode));

    [KubectlTheory, MemberData(nameof(Failures))]
    public void A_worker_is_started_again_where_that_can_help(int exitCode) => Assert.Equal(
        (ExitCode)exitCode switch
        {
            ExitCode.Usage or ExitCode.BadInput or ExitCode.InputMissing or ExitCode.Refused => FailurePolicy.FailJob,
            ExitCode.Resumable or ExitCode.Interrupted => FailurePolicy.Ignore,
            _ => FailurePolicy.Count,
        },
        FailurePolicy.ActionOn(Overlay.Of("tls").Worker, exitCode));

    [KubectlTheory, MemberData(nameof(Overlays))]
    public void Jobs_keep_the_rules_their_policies_ask_for(string overlay)
    {
        Overlay run = Overlay.Of(overlay);
        foreach (V1Job job in run.Jobs)
        {
            Assert.Equal("Never", job.Spec.Template.Spec.RestartPolicy);
            Assert.Equal("Failed", job.Spec.PodReplacementPolicy);
            Assert.All(job.Spec.PodFailurePolicy.Rules.Where(rule => rule.OnExitCodes is not null),
                rule => Assert.Equal(new PodSpec(job).Container.Name, rule.OnExitCodes.ContainerName));
            V1PodFailurePolicyRule disruption = Assert.Single(job.Spec.PodFailurePolicy.Rules, rule => rule.OnPodConditions is not null);
            Assert.Equal(FailurePolicy.Ignore, disruption.Action);
            V1PodFailurePolicyOnPodConditionsPattern pattern = Assert.Single(disruption.OnPodConditions);
            Assert.Equal(("DisruptionTarget", "True"), (pattern.Type, pattern.Status));
            // Clusters without a queueing operator start it as it is.
            Assert.True(job.Spec.Suspend is not true);
            Assert.DoesNotContain(job.Metadata.Labels.Keys, label => label.Contains("kueue", StringComparison.Ordinal));
        }
        Assert.Equal(("Indexed", run.Worker.Spec.Parallelism), (run.Worker.Spec.CompletionMode, run.Worker.Spec.Completions));
        Assert.Null(run.Coordinator.Spec.CompletionMode);
        PodSpec worker = new(run.Worker, 0);
        Assert.True(worker.Spec.TerminationGracePeriodSeconds >= worker.Parse().GetValue<TimeSpan?>("--drain-timeout")!.Value.TotalSeconds + 15);
    }

    [KubectlTheory, MemberData(nameof(Overlays))]
    public void Pods_have_no_rights_they_do_not_need(string overlay)
    {
        foreach (V1Job job in Overlay.Of(overlay).Jobs)
        {
            PodSecurity.AssertRestricted(job.Spec.Template.Spec);
            V1ResourceRequirements resources = new PodSpec(job).Container.Resources;
            // Alike, so that the threads the program counts are the CPUs it has.
            Assert.All(resources.Requests, request => Assert.Equal(request.Value.CanonicalizeString(), resources.Limits[request.Key].CanonicalizeString()));
        }
    }

    [KubectlTheory, MemberData(nameof(Overlays))]
    public void The_budget_is_a_number_of_workers(string overlay)
    {
        Overlay run = Overlay.Of(overlay);
        V1PodDisruptionBudget budget = run.Named<V1PodDisruptionBudget>("clusterlp-worker");
        Assert.Null(budget.Spec.MaxUnavailable);
        Assert.InRange(int.Parse(budget.Spec.MinAvailable.Value, System.Globalization.CultureInfo.InvariantCulture), 1, run.Worker.Spec.Parallelism!.Value - 1);
        Assert.Equal(run.Worker.Metadata.Name, Assert.Single(run.Jobs, job => Overlay.Selects(budget.Spec.Selector.MatchLabels, job)).Metadata.Name);
    }

    [KubectlTheory, MemberData(nameof(Overlays))]
    public void Pods_reach_one_another_and_dns_and_an_object_store_where_there_is_one_and_nothing_else(string overlay)
    {
        Overlay run = Overlay.Of(overlay);
        V1NetworkPolicySpec policy = Assert.Single(run.Objects.OfType<V1NetworkPolicy>()).Spec;
        Assert.Equal(["Egress", "Ingress"], policy.PolicyTypes.Order());
        Assert.All(run.Jobs, job => Assert.True(Overlay.Selects(policy.PodSelector.MatchLabels, job)));
        int[] akka = [.. run.Jobs.Select(job => new PodSpec(job, 0).EndPoint("--listen").Port).Distinct()];

        V1NetworkPolicyIngressRule ingress = Assert.Single(policy.Ingress);
        Assert.All(run.Jobs, job => Assert.True(Overlay.Selects(OwnPods(Assert.Single(ingress.FromProperty)), job)));
        Assert.Equal(akka.Select(port => $"TCP {port}"), ingress.Ports.Select(Text));

        V1NetworkPolicyEgressRule[] others = [.. policy.Egress.Where(rule => rule.To?.Any(to => to.NamespaceSelector is not null) is not true)];
        V1NetworkPolicyEgressRule dns = Assert.Single(policy.Egress.Except(others)), egress = others[0];
        Assert.All(run.Jobs, job => Assert.True(Overlay.Selects(OwnPods(Assert.Single(egress.To)), job)));
        Assert.Equal(akka.Select(port => $"TCP {port}"), egress.Ports.Select(Text));
        Assert.Equal("kube-system", Assert.Single(dns.To).NamespaceSelector.MatchLabels["kubernetes.io/metadata.name"]);
        Assert.Equal(["TCP 53", "UDP 53"], dns.Ports.Select(Text).Order());
        if (overlay == "s3")
        {
            Assert.Equal("0.0.0.0/0", Assert.Single(others[1].To).IpBlock.Cidr);
            Assert.Equal(["TCP 443"], others[1].Ports.Select(Text));
        }
        Assert.Equal(overlay == "s3" ? 2 : 1, others.Length);
    }

    private static IDictionary<string, string> OwnPods(V1NetworkPolicyPeer peer)
    {
        Assert.True(peer is { NamespaceSelector: null, IpBlock: null });
        return peer.PodSelector.MatchLabels;
    }

    private static string Text(V1NetworkPolicyPort port) => $"{port.Protocol} {port.Port.Value}";
}
