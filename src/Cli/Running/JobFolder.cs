using ClusterLp.Core;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Storage;

namespace ClusterLp.Cli.Running;

/// <summary>Where a job's intermediate results lie: the folder the user named, or a hidden one beside the output.</summary>
internal sealed class JobFolder
{
    private readonly bool _hidden;

    private JobFolder(string path, bool hidden) => (Path, _hidden) = (path, hidden);

    /// <summary>Absolute, or an address.</summary>
    public string Path { get; }

    /// <summary>Whether the results are to survive power loss: asked of a folder with a name, too dear for one that is removed.</summary>
    public bool Durable => !_hidden;

    /// <param name="plan">Names the hidden folder, so that the same command finds it again.</param>
    /// <param name="asked">The folder the user named, or null: the output's sibling <c>.OUT.job-ID</c>.</param>
    public static JobFolder For(JobPlan plan, string? asked)
    {
        string output = StoredFiles.Absolute(plan.Spec.Output);
        return new JobFolder(
            StoredFiles.Absolute(asked
                ?? StoredFiles.Combine(StoredFiles.Parent(output) ?? output, $".{System.IO.Path.GetFileName(output)}.job-{plan.Id}")),
            asked is null);
    }

    /// <summary>After the job: a hidden folder goes, unless the same command can go on from it.</summary>
    /// <returns>Whether something was kept to go on from.</returns>
    public bool Leave(ExitCode code)
    {
        bool resumable = code is ExitCode.Resumable or ExitCode.Interrupted or ExitCode.CannotWrite or ExitCode.Internal;
        if (_hidden && !resumable)
            Remove();
        return resumable && HasCheckpoint();
    }

    private bool HasCheckpoint()
    {
        try
        {
            return StoredFiles.FolderExists(StoredFiles.Combine(Path, "checkpoints"));
        }
        catch (ClusterLpException)
        {
            // A store that cannot be asked now.
            return false;
        }
    }

    private void Remove()
    {
        try
        {
            StoredFiles.DeleteFolder(Path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ClusterLpException)
        {
            // Only space is lost.
        }
    }
}
