using System.Globalization;
using System.Net;
using Amazon.Runtime;
using Amazon.S3;
using ClusterLp.Core;

namespace ClusterLp.Storage.S3;

/// <summary>What a failed request means for whoever runs the program.</summary>
internal static class S3Errors
{
    private static readonly string[] Full = ["QuotaExceeded", "InsufficientStorage", "XMinioStorageFull", "InsufficientCapacity"];

    public static bool IsMissingObject(AmazonS3Exception e) => e.StatusCode == HttpStatusCode.NotFound && e.ErrorCode is not "NoSuchBucket" and not "NoSuchUpload";

    /// <summary>The network, or an answer that broke off.</summary>
    public static bool IsBroken(Exception e) => e is IOException or HttpRequestException or OperationCanceledException or TimeoutException;

    /// <summary>The error as a person can act on it.</summary>
    /// <param name="e">What the request ended in, after all repetitions.</param>
    /// <param name="address">The object.</param>
    /// <param name="writing">Whether it was to be written, not read.</param>
    public static ClusterLpException Meaning(Exception e, S3Address address, bool writing)
    {
        string where = $"{address} (bucket \"{address.Bucket}\", key \"{address.Key}\")";
        if (e is ClusterLpException known)
            return known;
        if (e is not AmazonServiceException answer)
            return e is AmazonClientException && !IsBroken(e.GetBaseException())
                ? new ClusterLpException(ExitCode.Refused, $"{where}: no usable credentials or settings: {OneLine(e.Message.Split(". ")[0])}; "
                    + "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, or run under a role, and AWS_REGION or AWS_ENDPOINT_URL.", e)
                : Unreachable(where, e);
        string said = string.Create(CultureInfo.InvariantCulture, $"{(int)answer.StatusCode} {answer.ErrorCode}: {OneLine(answer.Message)}");
        return answer switch
        {
            { ErrorCode: "NoSuchBucket" } => Wrong(writing, $"{where}: there is no bucket \"{address.Bucket}\" at this endpoint; check its name, AWS_ENDPOINT_URL and AWS_REGION.", e),
            { StatusCode: HttpStatusCode.Forbidden or HttpStatusCode.Unauthorized } => new ClusterLpException(ExitCode.Refused,
                $"{where}: access denied ({said}); check the credentials and that they allow {(writing ? "s3:PutObject, s3:DeleteObject and s3:AbortMultipartUpload" : "s3:GetObject and s3:ListBucket")} there.", e),
            { StatusCode: HttpStatusCode.InsufficientStorage } => ClusterLpException.CannotWrite($"{where}: the store is full ({said}); make room, and run the same command again.", e),
            { ErrorCode: { } code } when Full.Contains(code) => ClusterLpException.CannotWrite($"{where}: the store is full ({said}); make room, and run the same command again.", e),
            { StatusCode: >= HttpStatusCode.InternalServerError or HttpStatusCode.TooManyRequests or HttpStatusCode.RequestTimeout or HttpStatusCode.Conflict or 0 } => Unreachable(where, e),
            { StatusCode: HttpStatusCode.MovedPermanently or HttpStatusCode.TemporaryRedirect } => Wrong(writing, $"{where}: the bucket lies in another region ({said}); set AWS_REGION to it.", e),
            _ => Wrong(writing, $"{where}: the store refused the request ({said}).", e),
        };
    }

    private static ClusterLpException Unreachable(string where, Exception e) => new(ExitCode.Resumable,
        string.Create(CultureInfo.InvariantCulture, $"{where}: the store does not answer as it should ({S3Settings.Tries} tries): {OneLine(e.GetBaseException().Message)}; check network and AWS_ENDPOINT_URL, and run the same command again."), e);

    private static ClusterLpException Wrong(bool writing, string message, Exception e) =>
        writing ? ClusterLpException.CannotWrite(message, e) : ClusterLpException.InputMissing(message, e);

    private static string OneLine(string text) => string.Join(' ', text.Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)).TrimEnd('.');
}
