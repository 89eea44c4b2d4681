using System.Collections.Immutable;
using Akka.Actor;
using Akka.Event;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Jobs.State;
using ClusterLp.Messages;

namespace ClusterLp.Coordinator;

/// <summary>Asks the coordinator to answer <see cref="Drained"/> once every worker in contact has left.</summary>
public sealed record Drain
{
    public static readonly Drain Instance = new();
}

/// <summary>No worker is left but those whose connection broke.</summary>
/// <param name="Lost">The addresses of these.</param>
public sealed record Drained(ImmutableArray<Address> Lost);

/// <summary>/user/coordinator: the address workers know; lets those in that speak its protocol and hands them to the job.</summary>
public sealed class CoordinatorActor : UntypedActor
{
    /// <summary>The actor's name under /user.</summary>
    public const string Name = "coordinator";

    private readonly ILoggingAdapter _log = Context.GetLogger();
    private readonly IActorRef _job;

    /// <param name="ended">Completed with the job's last state; cancelled if the actor stops before.</param>
    public CoordinatorActor(JobPlan plan, JobSettings settings, TaskCompletionSource<JobState> ended) =>
        _job = Context.ActorOf(Akka.Actor.Props.Create<JobActor>(plan, settings, ended), $"job-{plan.Id}");

    protected override void OnReceive(object message)
    {
        switch (message)
        {
            case RegisterWorker register when register.ProtocolVersion != Protocol.Version:
                _log.Warning("worker {worker} speaks protocol {protocol}, not {expected}: turned away", register.WorkerId, register.ProtocolVersion, Protocol.Version);
                Sender.Tell(new WorkerRejected(
                    $"the coordinator speaks protocol {Protocol.Version} and this worker {register.ProtocolVersion}: install the same clusterlp on both."));
                break;
            case RegisterWorker or RequestStatus or Drain:
                _job.Forward(message);
                break;
            default:
                Unhandled(message);
                break;
        }
    }

    public static Props Props(JobPlan plan, JobSettings settings, TaskCompletionSource<JobState> ended) =>
        Akka.Actor.Props.Create<CoordinatorActor>(plan, settings, ended);

    /// <summary>A job that failed inside cannot be trusted after a restart: it stops, and the process says so.</summary>
    protected override SupervisorStrategy SupervisorStrategy() => new OneForOneStrategy(_ => Directive.Stop);
}
