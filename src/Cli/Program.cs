using ClusterLp.Cli;
using ClusterLp.Core.Kernels;

// Beside the start: it looks through the process' memory map.
_ = OwnThread.Run(HeapPages.Advise);
using var signals = new StopSignals();
return await Application.RunAsync(args, Terminal.OfProcess(), signals.Token);
