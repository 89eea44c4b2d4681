using System.Text;
using ClusterLp.Core.Formats.FastText;

namespace ClusterLp.Cli.Tests.Demo;

/// <summary>Writes a small dense supervised fastText model, field by field as the format has it.</summary>
internal sealed record FastTextFile
{
    public required string[] Words { get; init; }
    public required (string Name, long Count)[] Labels { get; init; }
    /// <summary>Rows x dim, words first.</summary>
    public required float[][] Input { get; init; }
    public required float[][] Output { get; init; }
    public FastTextLoss Loss { get; init; } = FastTextLoss.Softmax;
    public int WordNgrams { get; init; } = 1;
    public int Bucket { get; init; }
    public int MinN { get; init; }
    public int MaxN { get; init; }
    /// <summary>Kept buckets, in row order; null: not pruned.</summary>
    public int[]? Pruned { get; init; }

    /// <summary>Writes it to a temporary file, opens it, and deletes the file when the test is done with it.</summary>
    public T Use<T>(Func<FastTextModel, T> action)
    {
        string path = Path.Combine(Path.GetTempPath(), $"clusterlp-{Guid.NewGuid():N}.bin");
        try
        {
            File.WriteAllBytes(path, Bytes());
            using FastTextModel model = FastTextModel.Open(path);
            return action(model);
        }
        finally
        {
            File.Delete(path);
        }
    }

    private byte[] Bytes()
    {
        using var stream = new MemoryStream();
        using var writer = new BinaryWriter(stream);
        int[] arguments = [FastTextModel.Magic, 12, Output[0].Length, 5, 5, 1, 5, WordNgrams, (int)Loss, (int)FastTextKind.Supervised, Bucket, MinN, MaxN, 100];
        Array.ForEach(arguments, writer.Write);
        writer.Write(1e-4);
        Array.ForEach([Words.Length + Labels.Length, Words.Length, Labels.Length], writer.Write);
        writer.Write(100L);
        writer.Write(Pruned?.LongLength ?? -1L);
        foreach (string word in Words)
            WriteEntry(word, 1, 0);
        foreach ((string name, long count) in Labels)
            WriteEntry("__label__" + name, count, 1);
        for (int i = 0; i < (Pruned?.Length ?? 0); i++)
        {
            writer.Write(Pruned![i]);
            writer.Write(i);
        }
        WriteMatrix(Input);
        WriteMatrix(Output);
        return stream.ToArray();

        void WriteEntry(string text, long count, byte type)
        {
            writer.Write(Encoding.UTF8.GetBytes(text + '\0'));
            writer.Write(count);
            writer.Write(type);
        }

        void WriteMatrix(float[][] rows)
        {
            writer.Write(false);
            writer.Write(rows.LongLength);
            writer.Write(rows[0].LongLength);
            foreach (float value in rows.SelectMany(row => row))
                writer.Write(value);
        }
    }
}
