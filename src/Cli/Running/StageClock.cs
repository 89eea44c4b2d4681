using System.Globalization;
using ClusterLp.Cli.Rendering;
using ClusterLp.Core.Jobs;

namespace ClusterLp.Cli.Running;

/// <summary>
/// Turns job snapshots into rates and a remaining time: rows a second of the stage at hand, and the time since work began
/// scaled by the share of the work done in it (<see cref="WorkEstimate"/>).
/// </summary>
internal sealed class StageClock(JobPlan plan, TimeProvider time)
{
    // Before this share of the work, an extrapolation would only mislead.
    private const double LeastShare = 0.03;

    private readonly long _start = time.GetTimestamp();
    private readonly (StageId Stage, long Since, double Share)?[] _stages = new (StageId, long, double)?[plan.Tensors.Length];
    private readonly WorkEstimate _work = new(plan);
    private (long At, double Share) _begun;
    private bool _observed;

    public TimeSpan Elapsed => time.GetElapsedTime(_start);

    /// <summary>All of it in figures; the rate is that of the tensors at work, together.</summary>
    public JobPace Pace(JobProgress progress)
    {
        double[] rates = [.. progress.Tensors.Select((tensor, index) => Rate(index, tensor)).OfType<double>()];
        return new JobPace(_work.ShareDone(progress), rates.Length == 0 ? null : rates.Sum(), Remaining(progress)?.TotalSeconds);
    }

    /// <summary>Notes when each tensor's stage was first seen.</summary>
    public void Observe(JobProgress progress)
    {
        // What an earlier run did, and the time without workers, say nothing of the pace.
        if (!_observed || progress.Workers == 0)
            (_observed, _begun) = (true, (time.GetTimestamp(), _work.ShareDone(progress)));
        for (int i = 0; i < progress.Tensors.Length; i++)
            if (_stages[i]?.Stage != progress.Tensors[i].Stage)
                _stages[i] = (progress.Tensors[i].Stage, time.GetTimestamp(), progress.Tensors[i].StageShare);
    }

    /// <summary>Estimated time to the end of the fit; null while too little is done to tell, or nobody works.</summary>
    public TimeSpan? Remaining(JobProgress progress)
    {
        double share = _work.ShareDone(progress), done = share - _begun.Share;
        return done < LeastShare || progress.Workers == 0 ? null : time.GetElapsedTime(_begun.At) * ((1 - share) / done);
    }

    /// <summary>One row a tensor at work, and one for the job.</summary>
    public IReadOnlyList<ProgressRow> Rows(JobProgress progress)
    {
        var rows = new List<ProgressRow>();
        for (int i = 0; i < progress.Tensors.Length; i++)
        {
            TensorProgress tensor = progress.Tensors[i];
            bool waiting = tensor is { Stage: { Kind: StageKind.Scan }, BlocksDone: 0, StageShare: 0 };
            bool idle = tensor is { Stage.Kind: StageKind.Allot, Reducing: false };
            if (tensor.Stage.Kind != StageKind.Done && !idle && !(waiting && rows.Count > 0))
                rows.Add(new ProgressRow(tensor.Name, tensor.StageShare, Detail(i, tensor)));
        }
        int finished = progress.Tensors.Count(tensor => tensor.Stage.Kind == StageKind.Done);
        string left = Remaining(progress) is { } remaining ? $", about {Figures.Duration(remaining)} left" : "";
        string workers = progress.Workers == 0 ? "waiting for workers" : Figures.Count(progress.Workers, "worker", "workers");
        string tensors = progress.Tensors.Length == 1 ? "" : $"{finished}/{progress.Tensors.Length} tensors, ";
        string retries = progress.Retries == 0 ? "" : ", " + Figures.Count(progress.Retries, "retry", "retries");
        rows.Add(new ProgressRow("all", _work.ShareDone(progress), $"{tensors}{workers}{retries}{left}"));
        return rows;
    }

    private string Detail(int index, TensorProgress tensor)
    {
        string stage = Figures.Stage(tensor.Stage);
        if (tensor.Reducing)
            return tensor.Stage.Kind switch
            {
                StageKind.Coreset => "merging the coresets",
                StageKind.Allot => "allotting the ranks",
                _ => $"{stage}: reducing",
            };
        string blocks = string.Create(CultureInfo.InvariantCulture, $"{stage} {tensor.BlocksDone}/{tensor.Blocks}");
        return Rate(index, tensor) is { } rate ? $"{blocks}, {Figures.Count(rate)} rows/s" : blocks;
    }

    private double? Rate(int index, TensorProgress tensor)
    {
        if (_stages[index] is not { } seen || tensor.Reducing || tensor.Stage.Kind == StageKind.Done)
            return null;
        double seconds = time.GetElapsedTime(seen.Since).TotalSeconds;
        double rows = (tensor.StageShare - seen.Share) * plan.Tensors[index].Rows;
        return seconds > 0.2 && rows > 0 ? rows / seconds : null;
    }
}
