using ClusterLp.Core.Jobs;
using ClusterLp.Core.Jobs.State;
using ClusterLp.Core.Reporting;
using ClusterLp.Core.Tests.Jobs.Checkpoints;

namespace ClusterLp.Core.Tests.Jobs.State;

public sealed class RunTimelineTests
{
    private static readonly StageId Scan = new(StageKind.Scan, 0);

    [Fact]
    public void Blocks_that_follow_on_one_another_are_one_stretch_and_a_pause_or_another_stage_begins_a_new_one()
    {
        RunTimeline timeline = Add(RunTimeline.Empty, "a", Scan, 0, 1);
        timeline = Add(timeline, "b", Scan, 0, 1.5);
        timeline = Add(timeline, "a", Scan, 0.5, 2);
        timeline = Add(timeline, "a", Scan, 9, 10);
        timeline = Add(timeline, "a", new(StageKind.Refine, 0), 10, 11);
        timeline = Add(timeline, "a", new(StageKind.Refine, 0), 10.1, 12, WorkKind.Lost);
        Assert.Equal(
        [
            new WorkSpan("a", 0, "scan", WorkKind.Blocks, 0, 2, 2, 2.5), new WorkSpan("b", 0, "scan", WorkKind.Blocks, 0, 1.5, 1, 1.5),
            new WorkSpan("a", 0, "scan", WorkKind.Blocks, 9, 10, 1, 1), new WorkSpan("a", 0, "refine-0", WorkKind.Blocks, 10, 11, 1, 1),
            new WorkSpan("a", 0, "refine-0", WorkKind.Lost, 10.1, 12, 1, 1.9),
        ], timeline.Spans.AsEnumerable());
    }

    [Fact]
    public void It_stays_small_and_loses_no_block()
    {
        RunTimeline timeline = RunTimeline.Empty;
        for (int round = 0; round < 1000; round++)
            for (int worker = 0; worker < 10; worker++)
                timeline = Add(timeline, $"w{worker}", new(StageKind.Joint, round), 3 * round, 3 * round + 1);
        Assert.InRange(timeline.Spans.Length, 10, 2000);
        Assert.Equal(10_000, timeline.Spans.Sum(span => span.Blocks));
        Assert.Equal((0, 2998), (timeline.Spans.Min(span => span.From), timeline.Spans.Max(span => span.To)));
    }

    [Fact]
    public void A_later_run_goes_on_where_the_one_before_was_left_and_its_restart_is_marked()
    {
        using var job = new SerialJob();
        JobState first = job.Run(7, out int computed);
        Assert.Equal(first.Committed, first.Timeline.Spans.Where(span => span.Kind == WorkKind.Blocks).Sum(span => span.Blocks));
        Assert.InRange(first.Committed, 1, computed);
        JobState last = job.Run(int.MaxValue, out _);
        Assert.Equal(last.Committed, last.Timeline.Spans.Where(span => span.Kind == WorkKind.Blocks).Sum(span => span.Blocks));
        Assert.Single(last.Timeline.Restarts);
        Assert.Empty(first.Timeline.Restarts);

        RunTimeline resumed = Add(Add(RunTimeline.Empty, "a", Scan, 0, 4).Restarted(), "a", Scan, 1, 2);
        Assert.Equal(4, Assert.Single(resumed.Restarts));
        Assert.Equal([(0.0, 4.0), (5.0, 6.0)], resumed.Spans.Select(span => (span.From, span.To)));
    }

    [Fact]
    public void A_reports_stretch_is_one_line_of_json_and_comes_back()
    {
        var report = new TimelineReport(Add(RunTimeline.Empty, "host-1", Scan, 0, 1).Spans, [0.5]);
        string json = System.Text.Encoding.UTF8.GetString(ReportJson.Write(report));
        Assert.Contains("\n" + """      {"worker":"host-1","tensor":0,"stage":"scan","kind":"blocks","from":0,"to":1,"blocks":1,"busy":1}""", json);
        TimelineReport read = System.Text.Json.JsonSerializer.Deserialize<TimelineReport>(json, ReportJson.Options)!;
        Assert.Equal(report.Spans.AsEnumerable(), read.Spans.AsEnumerable());
    }

    private static RunTimeline Add(RunTimeline timeline, string worker, StageId stage, double from, double to, WorkKind kind = WorkKind.Blocks) =>
        timeline.Add(timeline.Span(worker, new BlockAddress(0, stage, 0), kind, TimeSpan.FromSeconds(from), TimeSpan.FromSeconds(to)));
}
