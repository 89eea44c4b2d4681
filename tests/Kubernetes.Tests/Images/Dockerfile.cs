using System.Text.Json;

namespace ClusterLp.Kubernetes.Tests.Images;

/// <summary>A Dockerfile's stages and instructions.</summary>
internal sealed class Dockerfile
{
    private Dockerfile(IReadOnlyList<Stage> stages) => Stages = stages;

    public static Dockerfile OfRepository { get; } = Parse(File.ReadAllText(Repository.PathOf("Dockerfile")));

    public IReadOnlyList<Stage> Stages { get; }

    /// <summary>The last stage: the image.</summary>
    public Stage Final => Stages[^1];

    /// <summary>Command and arguments that a container starts with.</summary>
    public string[] EntryPoint => JsonSerializer.Deserialize<string[]>(Final.Of("ENTRYPOINT").Single())!;

    /// <summary>Variables the image sets.</summary>
    public IEnumerable<KeyValuePair<string, string>> Environment =>
        Final.Of("ENV").Select(text => text.Split('=', 2)).Select(parts => KeyValuePair.Create(parts[0], parts[1]));

    /// <summary>What the image takes from the other stage: path there, path here.</summary>
    public IEnumerable<(string Stage, string Source, string Target)> Taken => Final.Of("COPY").Select(text => text.Split(' '))
        .Where(words => words[0].StartsWith("--from=", StringComparison.Ordinal)).Select(words => (words[0]["--from=".Length..], words[1], words[2]));

    /// <param name="Base">The image it starts from.</param>
    /// <param name="Name">After AS; "" without.</param>
    /// <param name="Instructions">Keyword and the rest of the line.</param>
    internal sealed record Stage(string Base, string Name, IReadOnlyList<(string Keyword, string Text)> Instructions)
    {
        public IEnumerable<string> Of(string keyword) => Instructions.Where(one => one.Keyword == keyword).Select(one => one.Text);
    }

    private static Dockerfile Parse(string text)
    {
        var stages = new List<(string[] From, List<(string, string)> Instructions)>();
        foreach (string line in text.Replace("\\\n", " ", StringComparison.Ordinal).Split('\n').Where(line => line.Length > 0 && line[0] != '#'))
        {
            string[] parts = line.Split(' ', 2);
            if (parts[0] == "FROM")
                stages.Add((parts[1].Split(' '), []));
            else
                stages[^1].Instructions.Add((parts[0], parts[1]));
        }
        return new Dockerfile([.. stages.Select(stage => new Stage(stage.From[0], stage.From.Length == 3 ? stage.From[2] : "", stage.Instructions))]);
    }
}
