using ClusterLp.Cli;
using ClusterLp.Core.Kernels;

HeapPages.Advise();
using var signals = new StopSignals();
return await Application.RunAsync(args, Terminal.OfProcess(), signals.Token);
