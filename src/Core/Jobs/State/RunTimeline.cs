using System.Collections.Immutable;

namespace ClusterLp.Core.Jobs.State;

/// <summary>What a stretch of a job's time was spent on.</summary>
public enum WorkKind
{
    /// <summary>Blocks whose results count.</summary>
    Blocks = 0,
    /// <summary>Blocks that came to nothing: their worker was lost, failed, or was overtaken.</summary>
    Lost = 1,
    /// <summary>A stage's reduction, by the coordinator.</summary>
    Reduction = 2,
}

/// <summary>A stretch of time in which one worker computed blocks of one stage without a pause.</summary>
/// <param name="Worker">Its id; <see cref="RunTimeline.Coordinator"/> for reductions.</param>
/// <param name="Tensor">Index of the tensor in the job.</param>
/// <param name="Stage">As <see cref="StageId.ToString"/> spells it; without its round where stretches had to be joined.</param>
/// <param name="Kind">What came of it.</param>
/// <param name="From">Seconds since the job began, the time between two runs left out.</param>
/// <param name="To">When the last block was committed.</param>
/// <param name="Blocks">How many.</param>
/// <param name="Busy">Seconds of all of them, from hand-out to commit: more than To - From where several are computed at once.</param>
public sealed record WorkSpan(string Worker, int Tensor, string Stage, WorkKind Kind, double From, double To, int Blocks, double Busy);

/// <summary>
/// Who did what when, for people: no decision and no byte of the factors depends on it. Immutable; bounded, however many
/// blocks, stages and workers a job has.
/// </summary>
public sealed record RunTimeline
{
    /// <summary>The name reductions are under.</summary>
    public const string Coordinator = "coordinator";

    /// <summary>A timeline of nothing.</summary>
    public static readonly RunTimeline Empty = new();

    private const int MostSpans = 2000;
    private const double ShortestPause = 0.5;

    /// <summary>Stretches that ended.</summary>
    private ImmutableList<WorkSpan> Ended { get; init; } = [];

    /// <summary>The last stretch of each worker at each tensor, which may go on.</summary>
    private ImmutableSortedDictionary<(string Worker, int Tensor, WorkKind Kind), WorkSpan> Open { get; init; } =
        ImmutableSortedDictionary<(string Worker, int Tensor, WorkKind Kind), WorkSpan>.Empty;

    /// <summary>Seconds without a block after which a new stretch begins.</summary>
    private double Pause { get; init; } = ShortestPause;

    /// <summary>Where this run's clock begins.</summary>
    private double Origin { get; init; }

    /// <summary>When each later run went on with the job.</summary>
    public ImmutableArray<double> Restarts { get; private init; } = [];

    /// <summary>All stretches, by their beginnings.</summary>
    public ImmutableArray<WorkSpan> Spans => [.. Ended.Concat(Open.Values).OrderBy(span => span.From).ThenBy(span => span.Worker, StringComparer.Ordinal).ThenBy(span => span.Tensor).ThenBy(span => span.Kind)];

    /// <summary>One block, or one reduction, as a stretch of its own.</summary>
    /// <param name="worker">Who.</param>
    /// <param name="block">Which.</param>
    /// <param name="kind">What came of it.</param>
    /// <param name="since">When it was handed out, on this run's clock.</param>
    /// <param name="now">When it ended.</param>
    public WorkSpan Span(string worker, BlockAddress block, WorkKind kind, TimeSpan since, TimeSpan now)
    {
        double from = Math.Round(Origin + since.TotalSeconds, 4), to = Math.Round(Origin + now.TotalSeconds, 4);
        return new(worker, block.Tensor, block.Stage.ToString(), kind, from, to, 1, Math.Round(to - from, 4));
    }

    /// <summary>With one more stretch, joined to its worker's last where it follows on it.</summary>
    public RunTimeline Add(WorkSpan span)
    {
        var key = Key(span);
        RunTimeline added = !Open.TryGetValue(key, out WorkSpan? last) ? this with { Open = Open.Add(key, span) }
            : Follows(last, span, Pause) ? this with { Open = Open.SetItem(key, Join(last, span)) }
            : this with { Ended = Ended.Add(last), Open = Open.SetItem(key, span) };
        return added.Ended.Count + added.Open.Count > MostSpans ? added.Coarser() : added;
    }

    /// <summary>As another run takes it up: its clock goes on from the last thing known.</summary>
    public RunTimeline Restarted()
    {
        if (Ended.IsEmpty && Open.IsEmpty)
            return this;
        double end = Spans.Max(span => span.To);
        return this with { Origin = end, Restarts = Restarts.Add(end) };
    }

    /// <summary>What a checkpoint holds of it.</summary>
    public TimelineCheckpoint ToCheckpoint() => new(Spans, Restarts, Pause);

    /// <summary>The timeline a checkpoint holds; empty for one of before there were any.</summary>
    public static RunTimeline Of(TimelineCheckpoint? checkpoint)
    {
        if (checkpoint is null || checkpoint.Spans.IsDefault || checkpoint.Restarts.IsDefault)
            return Empty;
        WorkSpan[] last = [.. checkpoint.Spans.Where(span => span is not null).GroupBy(Key).Select(group => group.Last())];
        return new RunTimeline
        {
            Ended = [.. checkpoint.Spans.Where(span => span is not null && !last.Contains(span, ReferenceEqualityComparer.Instance))],
            Open = ImmutableSortedDictionary.CreateRange(last.Select(span => KeyValuePair.Create(Key(span), span))),
            Restarts = checkpoint.Restarts,
            Pause = checkpoint.Pause,
        };
    }

    // Longer pauses, and rounds of one stage together, until half the room is free.
    private RunTimeline Coarser()
    {
        ImmutableArray<WorkSpan> spans = Spans;
        double pause = Pause;
        while (spans.Length > MostSpans / 2 && pause < 1e9)
        {
            pause *= 4;
            var joined = new List<WorkSpan>();
            foreach (var group in spans.Select(span => span with { Stage = span.Stage.Split('-')[0] }).GroupBy(Key))
            {
                int first = joined.Count;
                foreach (WorkSpan span in group)
                    if (joined.Count > first && Follows(joined[^1], span, pause))
                        joined[^1] = Join(joined[^1], span);
                    else
                        joined.Add(span);
            }
            spans = [.. joined.OrderBy(span => span.From)];
        }
        return this with { Ended = [.. spans], Open = Open.Clear(), Pause = pause };
    }

    private static (string Worker, int Tensor, WorkKind Kind) Key(WorkSpan span) => (span.Worker, span.Tensor, span.Kind);

    private static bool Follows(WorkSpan last, WorkSpan next, double pause) => last.Stage == next.Stage && next.From - last.To <= pause;

    private static WorkSpan Join(WorkSpan a, WorkSpan b) => a with
    {
        From = Math.Min(a.From, b.From),
        To = Math.Max(a.To, b.To),
        Blocks = a.Blocks + b.Blocks,
        Busy = Math.Round(a.Busy + b.Busy, 4),
    };
}

/// <param name="Spans">All stretches.</param>
/// <param name="Restarts">As <see cref="RunTimeline.Restarts"/>.</param>
/// <param name="Pause">Seconds of pause that stretches were joined over.</param>
public sealed record TimelineCheckpoint(ImmutableArray<WorkSpan> Spans, ImmutableArray<double> Restarts, double Pause);
