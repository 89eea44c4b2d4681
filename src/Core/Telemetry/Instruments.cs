using System.Diagnostics.Metrics;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Kernels;

namespace ClusterLp.Core.Telemetry;

/// <summary>
/// What a process counts and times, whatever its part in a job; docs/operations.md names each as Prometheus sees it. They
/// cost next to nothing while nobody listens. Figures of a job as a whole belong to meters of its own, which end with it.
/// </summary>
public static class Instruments
{
    /// <summary>Name of every meter of ours.</summary>
    public const string MeterName = "ClusterLp";

    private static readonly Meter Meter = new(MeterName);

    // From a block of a small matrix to one of 8192 columns, and a reduction of it on one core.
    private static readonly InstrumentAdvice<double> Durations =
        new() { HistogramBucketBoundaries = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300] };

    private static readonly Counter<long> Committed = Meter.CreateCounter<long>("clusterlp.blocks.committed", "{block}", "Blocks whose result counts, by stage.");
    private static readonly Counter<long> Rows = Meter.CreateCounter<long>("clusterlp.rows.committed", "{row}", "Rows of these blocks, by stage.");
    private static readonly Counter<long> Handouts = Meter.CreateCounter<long>("clusterlp.blocks.assigned", "{block}", "Blocks handed out to workers, by stage.");
    private static readonly Counter<long> Retried = Meter.CreateCounter<long>("clusterlp.retries", "{block}", "Blocks that had to be handed out again.");
    private static readonly Counter<long> Speculated = Meter.CreateCounter<long>("clusterlp.speculative", "{block}", "Slow blocks that were handed out to a second worker too.");
    private static readonly Histogram<double> Lease = Histogram("clusterlp.lease", "From handing a block out to its result's arrival, by stage.");
    private static readonly Histogram<double> Reduction = Histogram("clusterlp.reduction", "Reducing a stage whose blocks are all committed, by stage.");
    private static readonly Histogram<double> Checkpoint = Histogram("clusterlp.checkpoint", "Making what was committed durable.");
    private static readonly Histogram<double> Block = Histogram("clusterlp.block", "Computing a block, by stage and outcome.");
    private static readonly UpDownCounter<int> Computing = Meter.CreateUpDownCounter<int>("clusterlp.worker.blocks", "{block}", "Blocks in work in this process.");
    private static readonly UpDownCounter<int> Slots = Meter.CreateUpDownCounter<int>("clusterlp.worker.slots", "{slot}", "Blocks this process computes at once, while a coordinator has let it in.");
    private static readonly Counter<long> Input = Meter.CreateCounter<long>("clusterlp.input", "By", "Matrix entries read, as float32.");
    private static readonly Counter<long> Blobs = Meter.CreateCounter<long>("clusterlp.blob", "By", "Intermediate results read and written, by direction.");

    private static readonly KeyValuePair<string, object?> Read = new("direction", "read"), Written = new("direction", "written");

    static Instruments() => Meter.CreateObservableCounter("clusterlp.kernel", KernelSeconds, "s", "Time of all threads in numerical kernels, by kind.");

    /// <summary>How computing a block ended.</summary>
    public enum Outcome
    {
        Computed,
        Failed,
        Cancelled,
    }

    /// <summary>
    /// Makes every counter appear at zero before anything has happened: a series that begins with its first event hides it
    /// from rates. To be called once somebody listens.
    /// </summary>
    public static void AppearAtZero()
    {
        foreach (StageKind stage in Enum.GetValues<StageKind>().Where(stage => stage != StageKind.Done))
        {
            Committed.Add(0, Of(stage));
            Rows.Add(0, Of(stage));
            Handouts.Add(0, Of(stage));
        }
        Retried.Add(0);
        Speculated.Add(0);
        Computing.Add(0);
        Slots.Add(0);
        Input.Add(0);
        Blobs.Add(0, Read);
        Blobs.Add(0, Written);
    }

    public static void BlockAssigned(StageKind stage) => Handouts.Add(1, Of(stage));

    /// <param name="stage">Whose block.</param>
    /// <param name="rows">How many it has.</param>
    /// <param name="took">Since it was handed out; null where that is not known.</param>
    public static void BlockCommitted(StageKind stage, int rows, TimeSpan? took)
    {
        Committed.Add(1, Of(stage));
        Rows.Add(rows, Of(stage));
        if (took is { } time)
            Lease.Record(time.TotalSeconds, Of(stage));
    }

    public static void BlocksRetried(int blocks) => Retried.Add(blocks);

    public static void BlocksCopied(int blocks) => Speculated.Add(blocks);

    public static void StageReduced(StageKind stage, TimeSpan took) => Reduction.Record(took.TotalSeconds, Of(stage));

    public static void CheckpointWritten(TimeSpan took) => Checkpoint.Record(took.TotalSeconds);

    public static void BlockBegun() => Computing.Add(1);

    public static void BlockEnded(StageKind stage, TimeSpan took, Outcome outcome)
    {
        Computing.Add(-1);
        Block.Record(took.TotalSeconds, Of(stage), new("outcome", outcome.ToString().ToLowerInvariant()));
    }

    /// <summary>A coordinator has let this process in; with a negative number it has ended its work there.</summary>
    public static void SlotsOffered(int slots) => Slots.Add(slots);

    public static void InputRead(long bytes) => Input.Add(bytes);

    public static void BlobRead(long bytes) => Blobs.Add(bytes, Read);

    public static void BlobWritten(long bytes) => Blobs.Add(bytes, Written);

    /// <summary>The label by which a stage is told from others: <c>scan</c>, <c>lewis</c>, ...; rounds are not told apart.</summary>
    public static KeyValuePair<string, object?> Of(StageKind stage) => new("stage", stage.ToString().ToLowerInvariant());

    private static Histogram<double> Histogram(string name, string description) => Meter.CreateHistogram(name, "s", description, advice: Durations);

    private static IEnumerable<Measurement<double>> KernelSeconds()
    {
        KernelTimes times = KernelClock.Read();
        Measurement<double> Kind(double seconds, string kind) => new(seconds, new KeyValuePair<string, object?>("kind", kind));
        return [Kind(times.Products, "product"), Kind(times.Grams, "gram"), Kind(times.Factorisations, "factorisation"), Kind(times.Elementwise, "elementwise")];
    }
}
