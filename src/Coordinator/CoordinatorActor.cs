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
public sealed class CoordinatorActor : ReceiveActor
{
    /// <summary>The actor's name under /user.</summary>
    public const string Name = "coordinator";

    /// <param name="ended">Completed with the job's last state; cancelled if the actor stops before.</param>
    public CoordinatorActor(JobPlan plan, JobSettings settings, TaskCompletionSource<JobState> ended)
    {
        ILoggingAdapter log = Context.GetLogger();
        IActorRef job = Context.ActorOf(Akka.Actor.Props.Create(() => new JobActor(plan, settings, ended)), $"job-{plan.Id}");
        Receive<RegisterWorker>(register =>
        {
            if (register.ProtocolVersion == Protocol.Version)
            {
                job.Forward(register);
                return;
            }
            log.Warning("worker {worker} speaks protocol {protocol}, not {expected}: turned away", register.WorkerId, register.ProtocolVersion, Protocol.Version);
            Sender.Tell(new WorkerRejected(
                $"the coordinator speaks protocol {Protocol.Version} and this worker {register.ProtocolVersion}: install the same clusterlp on both."));
        });
        Receive<RequestStatus>(job.Forward);
        Receive<Drain>(job.Forward);
    }

    public static Props Props(JobPlan plan, JobSettings settings, TaskCompletionSource<JobState> ended) =>
        Akka.Actor.Props.Create(() => new CoordinatorActor(plan, settings, ended));

    /// <summary>A job that failed inside cannot be trusted after a restart: it stops, and the process says so.</summary>
    protected override SupervisorStrategy SupervisorStrategy() => new OneForOneStrategy(_ => Directive.Stop);
}
