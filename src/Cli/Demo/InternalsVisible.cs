using System.Runtime.CompilerServices;

[assembly: InternalsVisibleTo("ClusterLp.Cli.Tests")]
