using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Jobs.Checkpoints;

namespace ClusterLp.Core.Reporting;

/// <summary>
/// What every job writes, described when the program is built: finding it out by reflection took a tenth of a second of a
/// small job. For writing: read this way, a value left out is zero instead of its record's default.
/// </summary>
[JsonSourceGenerationOptions(GenerationMode = JsonSourceGenerationMode.Metadata)]
[JsonSerializable(typeof(JobPlan))]
[JsonSerializable(typeof(JobReport))]
[JsonSerializable(typeof(JobStatus))]
[JsonSerializable(typeof(Checkpoint))]
[JsonSerializable(typeof(CheckpointRecord))]
[JsonSerializable(typeof(InputRecord.Stamps))]
internal sealed partial class WrittenJson : JsonSerializerContext
{
    /// <summary>The same options; types that are not listed are still described by reflection.</summary>
    public static JsonSerializerOptions Of(JsonSerializerOptions options) =>
        new(options) { TypeInfoResolver = JsonTypeInfoResolver.Combine(Default, new DefaultJsonTypeInfoResolver()) };
}
