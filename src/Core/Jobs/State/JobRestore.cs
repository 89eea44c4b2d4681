using ClusterLp.Core.Jobs.Blobs;
using ClusterLp.Core.Jobs.Checkpoints;

namespace ClusterLp.Core.Jobs.State;

/// <summary>A job's state to and from its checkpoint.</summary>
public static class JobRestore
{
    extension(JobState state)
    {
        /// <summary>The state whole, less what another process could not go on with: workers, leases, failures.</summary>
        public Checkpoint ToCheckpoint() => new(state.Id.Value, state.Epoch.Value, state.Committed,
            [.. state.Tensors.Select(tensor => new TensorCheckpoint(tensor.Fit, tensor.Before, tensor.Rewinds, [.. Commits(tensor)]))])
        {
            Timeline = state.Timeline.ToCheckpoint(),
        };

        /// <summary>This state, at its beginning, set to what a checkpoint says; null where that is of another job.</summary>
        public JobState? Restore(Checkpoint checkpoint)
        {
            if (checkpoint.Job != state.Id.Value || checkpoint.Tensors.IsDefault || checkpoint.Tensors.Length != state.Tensors.Length)
                return null;
            JobState restored = state with { Committed = checkpoint.Committed, Timeline = RunTimeline.Of(checkpoint.Timeline) };
            for (int i = 0; i < state.Tensors.Length; i++)
            {
                TensorCheckpoint saved = checkpoint.Tensors[i];
                // The blocks belong to the last stage where the tensor is done.
                TensorState tensor = (state.Tensors[i] with { Rewinds = saved.Rewinds }).Advance(saved.Before ?? saved.Fit);
                foreach (CommitRecord commit in saved.Blocks.IsDefault ? [] : saved.Blocks)
                    tensor = WithCommit(tensor, commit);
                if (saved.Before is not null)
                    tensor = tensor.Advance(saved.Fit);
                restored = restored with { Tensors = restored.Tensors.SetItem(i, tensor) };
            }
            return restored;
        }

        /// <summary>The state after a journal's record; unchanged by one that does not follow.</summary>
        public JobState Replay(CheckpointRecord record) => record switch
        {
            CommitRecord commit => state.At(commit.Tensor, commit.Stage) is { } tensor && WithCommit(tensor, commit) is var with && with != tensor
                ? state.With(with) with { Committed = state.Committed + 1, Timeline = commit.Span is { } span ? state.Timeline.Add(span) : state.Timeline }
                : state,
            ReductionRecord reduction => state.At(reduction.Tensor, reduction.Stage) is { } tensor
                ? state.With(tensor.Advance(reduction.Next)) with { Timeline = reduction.Span is { } span ? state.Timeline.Add(span) : state.Timeline }
                : state,
            RewindRecord rewind when rewind.Tensor >= 0 && rewind.Tensor < state.Tensors.Length => state.With(state.Tensors[rewind.Tensor].Rewind()),
            _ => state,
        };

        /// <summary>Every blob the state counts on.</summary>
        public IEnumerable<BlobRef> Blobs => state.Tensors.SelectMany(tensor => tensor.Blocks.OfType<CommittedBlock>().Select(block => block.Result.Blob)
            .Concat(tensor.Fit.Blobs).Concat(tensor.Before?.Blobs ?? [])).Distinct();

        /// <summary>
        /// The state without blobs that are damaged: their blocks are due again; a tensor whose earlier stages' results are
        /// among them starts over.
        /// </summary>
        public JobState Without(IReadOnlySet<BlobRef> damaged)
        {
            JobState left = state;
            foreach (TensorState saved in state.Tensors)
            {
                TensorState tensor = saved.Blocks.OfType<CommittedBlock>().Any(block => damaged.Contains(block.Result.Blob)) ? saved.Reopen() : saved;
                if (tensor.Fit.Blobs.Any(damaged.Contains))
                {
                    left = left.With(tensor.Rewind()) with { Committed = left.Committed - tensor.Blocks.Committed };
                    continue;
                }
                for (int i = 0; i < tensor.Blocks.Count; i++)
                    if (tensor.Blocks[i] is CommittedBlock block && damaged.Contains(block.Result.Blob))
                    {
                        tensor = tensor.With(i, PendingBlock.First with { Attempts = block.Attempts });
                        left = left with { Committed = left.Committed - 1 };
                    }
                left = left.With(tensor);
            }
            return left;
        }

        private TensorState? At(int tensor, StageId stage) =>
            tensor >= 0 && tensor < state.Tensors.Length && state.Tensors[tensor].Fit.Stage == stage ? state.Tensors[tensor] : null;

        private JobState With(TensorState tensor) => state with { Tensors = state.Tensors.SetItem(tensor.Plan.Index, tensor) };
    }

    private static IEnumerable<CommitRecord> Commits(TensorState tensor)
    {
        StageId stage = (tensor.Before ?? tensor.Fit).Stage;
        int at = 0;
        foreach (BlockState state in tensor.Blocks)
        {
            if (state is CommittedBlock block)
                yield return new CommitRecord(tensor.Plan.Index, stage, at, block.Attempt, block.Result);
            at++;
        }
    }

    private static TensorState WithCommit(TensorState tensor, CommitRecord commit) =>
        commit.Stage == tensor.Fit.Stage && commit.Block >= 0 && commit.Block < tensor.Blocks.Count && tensor.Blocks[commit.Block] is not CommittedBlock
            ? tensor.With(commit.Block, new CommittedBlock(commit.Attempt, 0, [], new WorkerId("before"), commit.Attempt, null, commit.Result))
            : tensor;
}
