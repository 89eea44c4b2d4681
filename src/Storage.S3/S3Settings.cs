using System.Globalization;
using Amazon;
using Amazon.Runtime;
using Amazon.S3;
using ClusterLp.Core;
using ClusterLp.Core.Networking;

namespace ClusterLp.Storage.S3;

/// <summary>
/// How the store is reached. Credentials, region and endpoint come from where every AWS tool has them: environment, profile
/// files, or the role of a container or machine.
/// </summary>
internal static class S3Settings
{
    /// <summary>Of a request until its answer begins, and of every read of an answer.</summary>
    public static readonly TimeSpan Timeout = TimeSpan.FromSeconds(60);

    private const int StandardTries = 9;

    /// <summary>Times a request is tried: <c>AWS_MAX_ATTEMPTS</c>.</summary>
    public static int Tries { get; } = Number("AWS_MAX_ATTEMPTS", StandardTries, 1, 100);

    /// <summary>Requests at once of this process, each way.</summary>
    public static int Requests { get; } = Number("CLUSTERLP_S3_REQUESTS", 16, 1, 1024);

    /// <summary>Bytes of a part of an upload. A store takes at least 5 MiB, and 10,000 parts.</summary>
    public static int PartBytes { get; } = Number("CLUSTERLP_S3_PART_MIB", 16, 5, 512) << 20;

    /// <param name="endpoint">Instead of the configured one.</param>
    public static AmazonS3Client Client(string? endpoint)
    {
        var config = new AmazonS3Config
        {
            RetryMode = RequestRetryMode.Standard,
            MaxErrorRetry = Tries - 1,
            // Many requests may be told to come later at once: none of them is given up for the others' sake.
            ThrottleRetries = false,
            Timeout = Timeout,
            // The payload's SHA-256 is part of what is signed, which every store understands.
            RequestChecksumCalculation = RequestChecksumCalculation.WHEN_REQUIRED,
            ResponseChecksumValidation = ResponseChecksumValidation.WHEN_REQUIRED,
            MaxConnectionsPerServer = 2 * Requests + 8,
        };
        // Where credentials of a machine's or a container's role come from, in the clear.
        foreach (string metadata in (string[])["http://169.254.169.254", "http://169.254.170.2", "http://169.254.170.23"])
            NamedAddresses.Add(new Uri(metadata));
        if ((endpoint ?? Variable("AWS_ENDPOINT_URL_S3") ?? Variable("AWS_ENDPOINT_URL")) is { } url)
        {
            config.ServiceURL = Uri.TryCreate(url, UriKind.Absolute, out Uri? address) && (address.Scheme is "http" or "https")
                ? url
                : throw ClusterLpException.Usage($"AWS_ENDPOINT_URL is '{url}'; expected a URL such as https://storage.example:9000.");
            NamedAddresses.Add(address);
            // Other stores than Amazon's rarely have a host name for each bucket.
            config.ForcePathStyle = true;
            config.AuthenticationRegion = Variable("AWS_REGION") ?? Variable("AWS_DEFAULT_REGION") ?? "us-east-1";
        }
        else if (Variable("AWS_REGION") is null && Variable("AWS_DEFAULT_REGION") is { } region)
        {
            // The SDK knows only the other.
            config.RegionEndpoint = RegionEndpoint.GetBySystemName(region);
        }
        return new AmazonS3Client(config);
    }

    private static string? Variable(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;

    private static int Number(string variable, int otherwise, int least, int most) =>
        int.TryParse(Environment.GetEnvironmentVariable(variable), NumberStyles.None, CultureInfo.InvariantCulture, out int value)
            ? Math.Clamp(value, least, most)
            : otherwise;
}
