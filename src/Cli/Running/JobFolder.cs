using ClusterLp.Core;
using ClusterLp.Core.Jobs;

namespace ClusterLp.Cli.Running;

/// <summary>Where a job's intermediate results lie; a folder nobody asked for is removed at the end.</summary>
internal sealed class JobFolder : IDisposable
{
    private readonly bool _temporary;

    private JobFolder(string path, bool temporary) => (Path, _temporary) = (path, temporary);

    /// <summary>Absolute.</summary>
    public string Path { get; }

    /// <param name="plan">Names the temporary folder.</param>
    /// <param name="output">The output's absolute path; the temporary folder is its sibling <c>.OUT.job-ID</c>.</param>
    /// <param name="asked">The folder the user named, or null.</param>
    /// <exception cref="ClusterLpException">It cannot be created (exit 73).</exception>
    public static JobFolder Prepare(JobPlan plan, string output, string? asked)
    {
        string path = System.IO.Path.GetFullPath(
            asked ?? System.IO.Path.Combine(System.IO.Path.GetDirectoryName(output)!, $".{System.IO.Path.GetFileName(output)}.job-{plan.Id}"));
        try
        {
            // The output's lock is held, so a folder of this name is what a killed run left.
            if (asked is null && Directory.Exists(path))
                Directory.Delete(path, recursive: true);
            Directory.CreateDirectory(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw ClusterLpException.CannotWrite($"{path}: the job directory cannot be created: {e.Message}", e);
        }
        return new JobFolder(path, asked is null);
    }

    public void Dispose()
    {
        if (!_temporary)
            return;
        try
        {
            Directory.Delete(Path, recursive: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The next run of this job removes it.
        }
    }
}
