using System.Text.RegularExpressions;
using System.Xml.Linq;
using ClusterLp.Kubernetes.Tests.Manifests;

namespace ClusterLp.Kubernetes.Tests.Images;

/// <summary>The Dockerfile fits the sources, and the manifests fit the image.</summary>
public sealed partial class DockerfileTests
{
    private static readonly Dockerfile File = Dockerfile.OfRepository;

    [Fact]
    public void Both_stages_are_of_the_frameworks_version_and_of_one_distribution()
    {
        string framework = XDocument.Load(Repository.PathOf("Directory.Build.props")).Descendants("TargetFramework").Single().Value;
        Match build = Tag().Match(File.Stages[0].Base), final = Tag().Match(File.Final.Base);
        Assert.Equal(("sdk", "", 2), (build.Groups["kind"].Value, build.Groups["chiselled"].Value, File.Stages.Count));
        // The web server is part of the program.
        Assert.Equal(("aspnet", "-chiseled"), (final.Groups["kind"].Value, final.Groups["chiselled"].Value));
        Assert.Equal(framework, "net" + build.Groups["version"].Value);
        Assert.Equal(framework, "net" + final.Groups["version"].Value);
        Assert.Equal(build.Groups["distribution"].Value, final.Groups["distribution"].Value);
    }

    [Fact]
    public void What_the_image_takes_was_made_by_the_build_and_what_the_build_copies_is_in_its_context()
    {
        foreach ((string stage, string source, _) in File.Taken)
        {
            Assert.Equal(File.Stages[0].Name, stage);
            Assert.Contains(File.Stages[0].Of("RUN"), run => run.Split(' ').Contains(source));
        }
        Assert.Equal([". ."], File.Stages[0].Of("COPY"));
        Assert.All(File.Final.Of("COPY").Where(text => !text.StartsWith("--", StringComparison.Ordinal)), text => Assert.True(BuildContext.Includes(text.Split(' ')[0])));
        Assert.All(File.Stages[0].Of("RUN").SelectMany(run => Named().Matches(run)).Select(match => match.Value), path => Assert.Contains(BuildContext.Files(), file => file == path || file.StartsWith(path + "/", StringComparison.Ordinal)));
    }

    [Fact]
    public void The_context_is_the_sources_and_no_more()
    {
        string[] files = [.. BuildContext.Files()];
        Assert.Contains("src/Cli/Program.cs", files);
        Assert.Contains("Directory.Packages.props", files);
        Assert.Contains("global.json", files);
        Assert.All(files, file => Assert.DoesNotMatch(@"(^|/)(bin|obj|tests|bench|docs|certs|\.git)/", file));
        Assert.False(BuildContext.Includes("certs/ca.key") || BuildContext.Includes("src/Cli/obj/project.assets.json") || BuildContext.Includes("k8s/base/worker.yaml"));
    }

    [Fact]
    public void A_container_starts_the_program_as_the_user_the_manifests_name()
    {
        Assert.Equal(PodSecurity.User.ToString(System.Globalization.CultureInfo.InvariantCulture), Assert.Single(File.Final.Of("USER")));
        Assert.Equal(["dotnet", "/app/clusterlp.dll"], File.EntryPoint);
        Assert.Contains(File.Taken, taken => taken.Target == "/app");
        Assert.Contains(File.Taken, taken => taken.Target == File.Environment.Single(one => one.Key == "LD_LIBRARY_PATH").Value);
        Assert.Empty(File.Final.Of("RUN"));
    }

    [KubectlTheory, MemberData(nameof(ManifestTests.Overlays), MemberType = typeof(ManifestTests))]
    public void Pods_leave_the_images_command_and_environment_alone(string overlay)
    {
        foreach (PodSpec pod in Overlay.Of(overlay).Jobs.SelectMany(PodSpec.Of))
        {
            Assert.Null(pod.Container.Command);
            Assert.Equal("clusterlp", pod.Container.Image);
            Assert.DoesNotContain(pod.Container.Env, one => File.Environment.Any(set => set.Key == one.Name));
            // What is mounted hides nothing of the image.
            Assert.DoesNotContain(pod.Container.VolumeMounts, mount => File.Taken.Any(taken => (taken.Target + "/").StartsWith(mount.MountPath + "/", StringComparison.Ordinal)));
        }
    }

    [GeneratedRegex(@"/dotnet/(?<kind>\w+):(?<version>\d+\.\d+)-(?<distribution>[a-z]+)(?<chiselled>-chiseled)?$")]
    private static partial Regex Tag();

    [GeneratedRegex(@"\b(src|k8s)/[\w./-]+")]
    private static partial Regex Named();
}
