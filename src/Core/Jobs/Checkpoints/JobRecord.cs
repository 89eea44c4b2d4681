using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Nodes;
using ClusterLp.Core.Reporting;
using ClusterLp.Core.Storage;

namespace ClusterLp.Core.Jobs.Checkpoints;

/// <summary>
/// The plan every run of a job must agree with: <c>job.json</c> of its directory, for people, and with a hash
/// <c>checkpoints/plan</c>, which counts where both can be read.
/// </summary>
public static class JobRecord
{
    /// <summary>The name of the readable one.</summary>
    public const string Name = "job.json";

    /// <summary>The recorded plan, or null where the directory holds none.</summary>
    /// <exception cref="ClusterLpException">It cannot be read (exit 66) or is not a plan (65).</exception>
    public static JobPlan? Read(string jobDirectory)
    {
        if (JobFiles.Read(HashedCopy(jobDirectory)) is { } hashed && CheckpointLine.Read<JobPlan>(hashed.AsSpan().TrimEnd((byte)'\n')) is { } plan)
            return plan;
        string path = StoredFiles.Combine(jobDirectory, Name);
        try
        {
            return JobFiles.Read(path) is not { } bytes ? null
                : JsonSerializer.Deserialize<JobPlan>(bytes, ReportJson.Options) is { Tensors.IsDefaultOrEmpty: false } read ? read
                : throw new JsonException("it has no tensors");
        }
        catch (Exception e) when (e is JsonException or NotSupportedException or ArgumentException or InvalidOperationException)
        {
            throw ClusterLpException.BadInput(
                $"{path}: not the plan of a job ({e.Message}); name another job directory, or delete this one to start over.", e);
        }
    }

    /// <summary>Whether a recorded plan was made for this request.</summary>
    public static bool Answers(JobPlan known, JobSpec spec) => FirstDifference(known.Spec, Absolute(spec)) is null;

    /// <summary>Records the plan of a new job; of a known one, makes sure that the plan and the inputs are the same.</summary>
    /// <param name="jobDirectory">Exists.</param>
    /// <param name="plan">The job as it is asked for now.</param>
    /// <param name="inputs">The files it reads, as they are now.</param>
    /// <param name="durable">Flush to the device.</param>
    /// <returns>The plan under the job's first name.</returns>
    /// <exception cref="ClusterLpException">They differ, and how (exit 65); the directory cannot be written (73).</exception>
    public static JobPlan Agree(string jobDirectory, JobPlan plan, ImmutableArray<InputStamp> inputs, bool durable)
    {
        plan = plan with { Spec = Absolute(plan.Spec) };
        if (Read(jobDirectory) is { } known)
        {
            plan = plan with { Id = known.Id };
            if (Difference(known, plan) is { } difference)
                throw ClusterLpException.BadInput(
                    $"{jobDirectory}: this directory is of another job: {difference}; name another job directory, or delete this one to start over.");
            InputRecord.EnsureUnchanged(jobDirectory, inputs);
        }
        else
        {
            InputRecord.Write(jobDirectory, inputs, durable);
        }
        JobFiles.Replace(HashedCopy(jobDirectory), CheckpointLine.Write(plan), durable);
        JobFiles.Replace(StoredFiles.Combine(jobDirectory, Name), ReportJson.Write(plan), durable);
        return plan;
    }

    private static string HashedCopy(string jobDirectory) => StoredFiles.Combine(jobDirectory, "checkpoints", "plan");

    private static JobSpec Absolute(JobSpec spec) => spec with
    {
        Input = StoredFiles.Absolute(spec.Input),
        Output = StoredFiles.Absolute(spec.Output),
        RowWeights = spec.RowWeights is null ? null : StoredFiles.Absolute(spec.RowWeights),
        ColumnMetric = spec.ColumnMetric is null ? null : StoredFiles.Absolute(spec.ColumnMetric),
        Vocabulary = spec.Vocabulary is null ? null : Path.GetFullPath(spec.Vocabulary),
        Force = false,
    };

    private static string? Difference(JobPlan known, JobPlan now)
    {
        if (FirstDifference(known.Spec, now.Spec) is { } parameter)
            return parameter;
        if (known.Tensors.Length != now.Tensors.Length)
            return $"it compresses {known.Tensors.Length} tensor(s) of the input, and now there are {now.Tensors.Length} to compress";
        for (int i = 0; i < known.Tensors.Length; i++)
            if (FirstDifference(known.Tensors[i], now.Tensors[i]) is { } part)
                return $"of tensor \"{known.Tensors[i].Name}\" {part}";
        return null;
    }

    private static string? FirstDifference<T>(T known, T now)
    {
        var (before, after) = ((JsonObject)JsonSerializer.SerializeToNode(known, ReportJson.Options)!, (JsonObject)JsonSerializer.SerializeToNode(now, ReportJson.Options)!);
        foreach (string name in before.Select(property => property.Key).Union(after.Select(property => property.Key)))
            if (!JsonNode.DeepEquals(before[name], after[name]))
                return $"{name} is {Text(before[name])} there and {Text(after[name])} here";
        return null;

        static string Text(JsonNode? value) => value?.ToJsonString() ?? "not given";
    }
}
