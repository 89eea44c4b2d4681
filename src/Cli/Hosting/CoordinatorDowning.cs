using Akka.Actor;
using Akka.Cluster;

namespace ClusterLp.Cli.Hosting;

/// <summary>
/// Who is struck off the cluster when nodes lose sight of each other: the coordinator strikes off the workers that it does
/// not see itself, and nobody else strikes off anybody. A worker that has lost the coordinator leaves by itself.
/// </summary>
/// <remarks>
/// Akka's split-brain resolver (<c>keep-oldest</c> for the coordinator's role) came through the same partitions with either
/// setting of <c>down-if-alone</c>. But it decides on every node, and by design strikes off whoever some see and others do
/// not, or everybody where connections come and go for long: here the coordinator must outlast both.
/// </remarks>
internal sealed class CoordinatorDowning : IDowningProvider
{
    /// <summary>Called by Akka.</summary>
    public CoordinatorDowning(ActorSystem system, Cluster cluster) => DowningActorProps = Props.Create(() => new Watcher(cluster));

    public TimeSpan DownRemovalMargin => TimeSpan.Zero;

    public Props DowningActorProps { get; }

    private sealed class Watcher : ReceiveActor, IWithTimers
    {
        private static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(1);
        private const int LooksInVain = 4;

        private readonly Cluster _cluster;
        private Dictionary<UniqueAddress, int> _unseen = [];

        public Watcher(Cluster cluster)
        {
            _cluster = cluster;
            Receive<Look>(_ => LookAround());
        }

        public ITimerScheduler Timers { get; set; } = null!;

        protected override void PreStart() => Timers.StartPeriodicTimer(Look.Instance, Look.Instance, LookEvery);

        private void LookAround()
        {
            var unseen = new Dictionary<UniqueAddress, int>();
            foreach (Member member in _cluster.State.Unreachable.Where(IsUnseen))
            {
                int times = _unseen.GetValueOrDefault(member.UniqueAddress) + 1;
                unseen.Add(member.UniqueAddress, times);
                if (times >= LooksInVain)
                    _cluster.Down(member.Address);
            }
            _unseen = unseen;
        }

        /// <summary>Others may not see a worker that the coordinator sees: that is no reason to do without it.</summary>
        private bool IsUnseen(Member member) =>
            !_cluster.FailureDetector.IsMonitoring(member.Address) || !_cluster.FailureDetector.IsAvailable(member.Address);
    }

    private sealed record Look
    {
        public static readonly Look Instance = new();
    }
}
