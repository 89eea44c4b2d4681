namespace ClusterLp.Cli.Operations;

/// <summary>Where traces go: OpenTelemetry's own environment variables, and <c>--otlp</c> before them.</summary>
/// <param name="Endpoint">The collector.</param>
/// <param name="IsGrpc">gRPC instead of protobuf over HTTP.</param>
/// <param name="IsWhole">The address is that of traces itself, not of the collector.</param>
internal sealed record OtlpSettings(Uri Endpoint, bool IsGrpc, bool IsWhole)
{
    public const string EndpointVariable = "OTEL_EXPORTER_OTLP_ENDPOINT";

    private const string TracesEndpointVariable = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
    private const string TracesPath = "v1/traces";

    /// <param name="given">What the command line says; null: nothing.</param>
    /// <returns>Null where nothing is to be sent.</returns>
    public static OtlpSettings? Of(Uri? given)
    {
        if (Variable("OTEL_SDK_DISABLED") == "true" || Variable("OTEL_TRACES_EXPORTER") == "none")
            return null;
        // The specification's default; the library's is gRPC.
        bool grpc = (Variable("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL") ?? Variable("OTEL_EXPORTER_OTLP_PROTOCOL")) == "grpc";
        if (given is not null)
            return new OtlpSettings(given, grpc, IsWhole: false);
        return Address(TracesEndpointVariable) is { } whole ? new OtlpSettings(whole, grpc, IsWhole: true)
            : Address(EndpointVariable) is { } collector ? new OtlpSettings(collector, grpc, IsWhole: false)
            : null;
    }

    /// <summary>What requests are sent to.</summary>
    public Uri Target => IsGrpc || IsWhole || Endpoint.AbsolutePath.EndsWith(TracesPath, StringComparison.Ordinal)
        ? Endpoint
        : new Uri(Endpoint.AbsoluteUri.TrimEnd('/') + "/" + TracesPath);

    private static Uri? Address(string variable) => Variable(variable) is { } text
        ? Uri.TryCreate(text, UriKind.Absolute, out Uri? address) && address.Scheme is "http" or "https"
            ? address
            : throw Core.ClusterLpException.Usage($"${variable} is '{text}'; expected the http or https address of a collector.")
        : null;

    private static string? Variable(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;
}
