using Akka.Event;

namespace ClusterLp.Cli.Hosting;

/// <summary>Stands in for Akka's console logger, which speaks up past ours while an actor system stops.</summary>
internal sealed class SilentLogger : MinimalLogger
{
    protected override void Log(object message)
    {
    }
}
