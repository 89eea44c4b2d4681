using System.Diagnostics;
using ClusterLp.Core.Jobs.Blobs;
using ClusterLp.Core.Jobs.State;
using ClusterLp.Core.Jobs.Steps;

namespace ClusterLp.Core.Jobs;

/// <summary>
/// Adds up the Gram matrices of a stage while its later blocks are computed, so that its reduction has only the last ones to read.
/// In block order, as the reduction does: the sum is the same to the last bit. Nothing depends on it: what is not found here, or
/// is of other blobs, the reduction adds up itself. For one thread.
/// </summary>
public sealed class GramsAhead
{
    // Stages that are in work at once, each with a sum of d (d + 1) / 2 numbers: where one tensor's last blocks are computed, the next
    // one's first are.
    private const int MostStages = 2;

    private readonly List<Stage> _stages = [];

    /// <summary>A block of a stage is computed.</summary>
    /// <param name="tensor">Its tensor.</param>
    /// <param name="stage">Its stage.</param>
    /// <param name="collected">What <see cref="IFitPipeline.Collected"/> says of the stage.</param>
    /// <param name="block">Its number.</param>
    /// <param name="blob">What came of it.</param>
    /// <param name="context">Blobs and threads; null: only remember it, there is no time to read now.</param>
    public void Add(int tensor, StageId stage, IReadOnlyList<string> collected, int block, BlobRef blob, StepContext? context)
    {
        Stage? found = _stages.Find(known => known.Tensor == tensor && known.Id == stage);
        if (found is null)
        {
            if (_stages.Count == MostStages)
                _stages.RemoveAt(0);
            _stages.Add(found = new Stage(tensor, stage, collected));
        }
        found.Computed.TryAdd(block, blob);
        if (context is not null)
            Read(found, context);
    }

    /// <summary>How many matrices the reduction under way has got from here, and how long adding them took.</summary>
    public (int Count, TimeSpan Took) Taken { get; private set; }

    /// <summary>The stage is reduced.</summary>
    public void Forget(int tensor, StageId stage)
    {
        _stages.RemoveAll(known => known.Tensor == tensor && known.Id == stage);
        Taken = default;
    }

    /// <summary>A sum of the first of these blobs, and how many they are; null: there is none. It is the caller's.</summary>
    internal (GramSum Sum, int Count)? Take(IReadOnlyList<BlobRef> all)
    {
        Stage? found = _stages.Find(known => known.Sum is not null && known.Added.Count <= all.Count && known.Added.SequenceEqual(all.Take(known.Added.Count)));
        if (found is null)
            return null;
        _stages.Remove(found);
        Taken = (found.Added.Count, found.Took);
        return (found.Sum!, found.Added.Count);
    }

    private static void Read(Stage stage, StepContext context)
    {
        long begin = Stopwatch.GetTimestamp();
        try
        {
            while (!stage.Failed && stage.Computed.TryGetValue(stage.Added.Count, out BlobRef? blob))
            {
                StepData.ReadInOrder(context, [blob], arrays =>
                {
                    stage.Sum ??= new GramSum(arrays.View<double>("gram").Length, stage.Collected);
                    stage.Sum.Add(arrays);
                });
                stage.Added.Add(blob);
            }
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            // Whatever it is, the reduction meets it again, and says so.
            (stage.Failed, stage.Sum) = (true, null);
        }
        stage.Took += Stopwatch.GetElapsedTime(begin);
    }

    private sealed class Stage(int tensor, StageId id, IReadOnlyList<string> collected)
    {
        public int Tensor => tensor;

        public StageId Id => id;

        public IReadOnlyList<string> Collected => collected;

        /// <summary>By block.</summary>
        public Dictionary<int, BlobRef> Computed { get; } = [];

        /// <summary>The first blocks', in their order.</summary>
        public List<BlobRef> Added { get; } = [];

        public GramSum? Sum { get; set; }

        public TimeSpan Took { get; set; }

        public bool Failed { get; set; }
    }
}
