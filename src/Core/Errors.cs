namespace ClusterLp.Core;

/// <summary>Process exit codes, after sysexits(3).</summary>
public enum ExitCode
{
    Done = 0,
    Usage = 64,
    BadInput = 65,
    InputMissing = 66,
    Internal = 70,
    CannotWrite = 73,
    Resumable = 75,
    Refused = 77,
    Interrupted = 130,
}

/// <summary>
/// A failure a person can act on. The message is one sentence that says what was wrong, where, and what was expected;
/// <see cref="Code"/> is what the process exits with.
/// </summary>
public class ClusterLpException(ExitCode code, string message, Exception? inner = null) : Exception(message, inner)
{
    public ExitCode Code { get; } = code;

    /// <summary>The input exists but cannot be used (exit 65).</summary>
    public static ClusterLpException BadInput(string message, Exception? inner = null) => new(ExitCode.BadInput, message, inner);

    /// <summary>The command line or job file is wrong (exit 64).</summary>
    public static ClusterLpException Usage(string message) => new(ExitCode.Usage, message);

    /// <summary>A named input does not exist or cannot be opened (exit 66).</summary>
    public static ClusterLpException InputMissing(string message, Exception? inner = null) => new(ExitCode.InputMissing, message, inner);

    /// <summary>The output cannot be created or must not be replaced (exit 73).</summary>
    public static ClusterLpException CannotWrite(string message, Exception? inner = null) => new(ExitCode.CannotWrite, message, inner);
}
