using System.Text;
using ClusterLp.Core.Tests.Formats;

namespace ClusterLp.Fuzz.Tests;

/// <summary>Inputs that once ended in an undocumented exception, or passed where they should not.</summary>
public sealed class FoundTests : IDisposable
{
    private readonly Scratch _scratch = new();

    public void Dispose() => _scratch.Dispose();

    private void Refused(string target, byte[] input) =>
        Assert.Equal((Verdict.Refused, null), Case.Run(AllTargets.In(_scratch).Single(t => t.Name == target), input));

    [Theory]
    [InlineData("[0]")]
    [InlineData("[]")]
    public void A_blob_with_fewer_than_two_offsets_is_refused(string offsets) =>
        Refused("array-blob", Craft.Safetensors($"{{\"a\":{{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":{offsets}}}}}"));

    [Theory]
    [InlineData("{\"model\":\"\\ud800\"}")]
    [InlineData("{\"model\":\"m\",\"\\ud800\":1}")]
    [InlineData("{\"model\":\"m\",\"tensor\":[\"\\ud800\"]}")]
    [InlineData("{\"model\":\"m\",\"fit\":\"\\ud800\"}")]
    [InlineData("{\"model\":\"m\\u0000\"}")]
    public void A_job_file_with_text_no_path_or_name_can_hold_is_refused(string json) => Refused("job-file", Encoding.UTF8.GetBytes(json));

    [Fact]
    public void A_job_file_that_is_not_UTF8_is_refused() =>
        Refused("job-file", [.. "{\"model\":\"m\",\"fit\":\""u8, 0xff, .. "\"}"u8]);

    [Theory]
    [InlineData("F32", "999")]
    [InlineData("Coreset", "9999999")]
    public void A_task_of_an_unknown_type_is_refused(string name, string number)
    {
        Target wire = AllTargets.In(_scratch).Single(t => t.Name == "wire");
        byte[] task = [.. wire.Seeds.First(seed => seed.AsSpan().IndexOf("Coreset"u8) >= 0)];
        Encoding.ASCII.GetBytes(number).CopyTo(task.AsSpan(task.AsSpan().IndexOf(Encoding.ASCII.GetBytes(name))));
        Assert.Equal((Verdict.Refused, null), Case.Run(wire, task));
    }
}
