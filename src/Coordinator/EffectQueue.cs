using System.Collections.Immutable;
using Akka.Actor;
using ClusterLp.Core.Jobs.State;

namespace ClusterLp.Coordinator;

/// <summary>
/// Effects in order, each that relies on it held back until everything recorded before it is durable. While one write is
/// under way the next records gather, and are written together.
/// </summary>
internal sealed class EffectQueue(IActorRef checkpoint, Action<JobEffect> perform)
{
    private readonly Queue<(long After, JobEffect Effect)> _held = [];
    private readonly List<CheckpointActor.Entry> _unwritten = [];
    private long _recorded, _written;
    private bool _writing;

    /// <summary>Takes the effects of one transition.</summary>
    /// <param name="effects">In order.</param>
    /// <param name="state">The state after it.</param>
    public void Add(ImmutableArray<JobEffect> effects, JobState state)
    {
        foreach (JobEffect effect in effects)
            switch (effect)
            {
                case RecordEffect e:
                    Record(new CheckpointActor.Entry(e.Record, null, []));
                    break;
                case SnapshotEffect e:
                    Record(new CheckpointActor.Entry(null, state, e.Superseded));
                    break;
                // What a worker computes meanwhile counts only once it is recorded itself.
                case AssignEffect or CancelEffect or NoWorkEffect:
                    perform(effect);
                    break;
                default:
                    _held.Enqueue((_recorded, effect));
                    break;
            }
        Go();
    }

    /// <summary>So many more entries are durable.</summary>
    public void Written(int entries)
    {
        _written += entries;
        _writing = false;
        Go();
    }

    /// <summary>Nothing can be recorded any more, so that what is held back must not happen.</summary>
    public void Fail()
    {
        _held.Clear();
        _unwritten.Clear();
        _written = _recorded;
    }

    private void Record(CheckpointActor.Entry entry)
    {
        _recorded++;
        _unwritten.Add(entry);
    }

    private void Go()
    {
        if (!_writing && _unwritten.Count > 0)
        {
            _writing = true;
            checkpoint.Tell(new CheckpointActor.Write([.. _unwritten]));
            _unwritten.Clear();
        }
        while (_held.TryPeek(out var next) && next.After <= _written)
            perform(_held.Dequeue().Effect);
    }
}
