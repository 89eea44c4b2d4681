using k8s.Models;

namespace ClusterLp.Kubernetes.Tests.Manifests;

/// <summary>What a Job does about a pod that failed: the first rule that fits, else it counts.</summary>
internal static class FailurePolicy
{
    public const string FailJob = "FailJob", Ignore = "Ignore", Count = "Count";

    /// <param name="job">Its policy.</param>
    /// <param name="exitCode">Of its container; 128 and the number of a signal that ended it.</param>
    public static string ActionOn(V1Job job, int exitCode)
    {
        foreach (V1PodFailurePolicyRule rule in job.Spec.PodFailurePolicy.Rules)
            if (rule.OnExitCodes is { } codes && (codes.Values.Contains(exitCode) == (codes.OperatorProperty == "In")))
                return rule.Action;
        return Count;
    }
}
