using System.Net;

namespace ClusterLp.Core.Jobs.Blobs;

/// <summary>How a request to the blob endpoint is repeated when the network or the other side fails it.</summary>
/// <param name="Tries">Tries without a byte of progress, 1 or more.</param>
/// <param name="FirstPause">Before the second try; each later pause is twice as long.</param>
/// <param name="Timeout">Of a request until its answer begins, and of every read of an answer.</param>
public sealed record HttpRetry(int Tries, TimeSpan FirstPause, TimeSpan Timeout)
{
    /// <summary>About six seconds of pauses: a coordinator that needs longer is lost.</summary>
    public static HttpRetry Standard { get; } = new(7, TimeSpan.FromMilliseconds(100), TimeSpan.FromSeconds(60));

    /// <summary>Runs an action until it succeeds or fails for a reason that repeating cannot cure.</summary>
    /// <exception cref="ClusterLpException">The last try failed (exit 75).</exception>
    public T Run<T>(Uri address, Func<T> action)
    {
        TimeSpan pause = FirstPause;
        for (int attempt = 1; ; attempt++, pause *= 2)
            try
            {
                return action();
            }
            catch (Exception e) when (IsTransient(e))
            {
                if (attempt >= Tries)
                    throw Unreachable(address, attempt, e);
                Thread.Sleep(pause);
            }
    }

    /// <summary>The network, or an answer that says "later".</summary>
    public static bool IsTransient(Exception e) => e is IOException or HttpRequestException or OperationCanceledException;

    /// <summary>The error of the last try.</summary>
    public static ClusterLpException Unreachable(Uri address, int tries, Exception last) => new(ExitCode.Resumable,
        $"{address}: the coordinator's blobs cannot be reached ({tries} tries): {last.Message}; check the network and that the coordinator runs.", last);

    /// <summary>Turns an answer that is no success into the exception it means.</summary>
    /// <exception cref="HttpRequestException">Worth another try.</exception>
    /// <exception cref="ClusterLpException">No space (exit 73), refused (77), or not understood (75).</exception>
    public static void ThrowUnlessSuccess(Uri address, HttpResponseMessage response)
    {
        if (response.IsSuccessStatusCode)
            return;
        HttpStatusCode status = response.StatusCode;
        using var reader = new StreamReader(response.Content.ReadAsStream());
        string detail = reader.ReadToEnd().Trim();
        throw status switch
        {
            HttpStatusCode.InsufficientStorage => ClusterLpException.CannotWrite($"{address}: {detail}"),
            HttpStatusCode.Forbidden => new ClusterLpException(ExitCode.Refused, $"{address}: {detail}"),
            HttpStatusCode.Locked or HttpStatusCode.ServiceUnavailable or HttpStatusCode.InternalServerError =>
                new HttpRequestException($"{(int)status} {detail}", null, status),
            _ => new ClusterLpException(ExitCode.Resumable, $"{address}: the blob endpoint answered {(int)status}: {detail}"),
        };
    }
}
