using ClusterLp.Cli;

using var signals = new StopSignals();
return await Application.RunAsync(args, Terminal.OfProcess(), signals.Token);
