using System.Collections.Concurrent;
using k8s;
using k8s.Models;

namespace ClusterLp.Kubernetes.Tests.Manifests;

/// <summary>An overlay as a cluster would get it: rendered by kubectl, every field one that Kubernetes knows.</summary>
internal sealed class Overlay
{
    private static readonly ConcurrentDictionary<string, Overlay> Loaded = new();

    private Overlay(string text) => Objects = Parse(text);

    public IReadOnlyList<IKubernetesObject<V1ObjectMeta>> Objects { get; }

    public V1Job Coordinator => Named<V1Job>("clusterlp-coordinator");

    public V1Job Worker => Named<V1Job>("clusterlp-worker");

    public IEnumerable<V1Job> Jobs => Objects.OfType<V1Job>();

    /// <param name="name">A folder of k8s/overlays.</param>
    public static Overlay Of(string name) => Loaded.GetOrAdd(name, _ => At(Repository.PathOf("k8s/overlays/" + name)));

    public static Overlay At(string folder) => new(Kubectl.Kustomize(folder));

    /// <summary>Rejects fields that Kubernetes does not know.</summary>
    public static IReadOnlyList<IKubernetesObject<V1ObjectMeta>> Parse(string text) =>
        [.. KubernetesYaml.LoadAllFromString(text, null, strict: true).Cast<IKubernetesObject<V1ObjectMeta>>()];

    public T Named<T>(string name) where T : IKubernetesObject<V1ObjectMeta> => Objects.OfType<T>().Single(one => one.Metadata.Name == name);

    /// <summary>Whether labels have all that a selector asks for; one that asks for nothing selects nothing here.</summary>
    public static bool Selects(IDictionary<string, string>? selector, V1Job job) =>
        selector is { Count: > 0 } && selector.All(wanted => job.Spec.Template.Metadata.Labels.TryGetValue(wanted.Key, out string? value) && value == wanted.Value);
}
