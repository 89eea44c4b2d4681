using System.Globalization;
using System.Runtime.Serialization;
using System.Security.Authentication;
using System.Text.RegularExpressions;
using DotNetty.Codecs;
using DotNetty.Handlers.Tls;
using Serilog.Core;
using Serilog.Events;

namespace ClusterLp.Cli.Hosting;

/// <summary>
/// Reads what Akka logs of a connection or a message it refused (two or three lines, with stack traces) and hands it to
/// <see cref="Refusals"/>, which says it in one.
/// </summary>
internal sealed partial class TransportLog : ILogEventSink
{
    private const string Undecodable = "Error while decoding incoming", Unserializable = "Deserialization failed", NoCertificate = "Mutual TLS required",
        NoGreeting = "No response from remote for inbound", NoAnswer = "No response from remote for outbound";

    /// <summary>Whether a line is about what came over one connection: it is said here, or not worth saying.</summary>
    public static bool IsOfConnection(LogEvent line) => IsOfSocket(line) || IsOfEndpoint(line);

    public void Emit(LogEvent line)
    {
        string? reason = IsOfSocket(line) ? SocketReason(line) : IsOfEndpoint(line) ? EndpointReason(line) : null;
        if (reason is not null && Peer(line) is { Length: > 0 } peer)
            Refusals.Report(peer, reason);
    }

    private static bool IsOfSocket(LogEvent line) => Text(line, "LogSource").StartsWith("Tcp", StringComparison.Ordinal);

    private static bool IsOfEndpoint(LogEvent line) => Starts(line, Undecodable) || Starts(line, Unserializable)
        || Starts(line, NoGreeting) || Starts(line, NoAnswer)
        || line.Exception is SerializationException && Text(line, "ActorPath").Contains("/system/endpointManager", StringComparison.Ordinal);

    private static string? SocketReason(LogEvent line) => line.Exception switch
    {
        NotSslRecordException => "it does not speak TLS",
        TooLongFrameException => "it sent a frame that is too large, or bytes that are no frame of this protocol",
        // One without an inner exception is our own verdict, which has been reported with its reason.
        AggregateException { InnerException: AuthenticationException { InnerException: { } tls } } => $"the TLS handshake failed: {FirstSentence(tls.GetBaseException())}",
        _ => Starts(line, NoCertificate) ? "it shows no certificate" : null,
    };

    private static string EndpointReason(LogEvent line) =>
        Starts(line, Undecodable) ? "it sent bytes that are no message of this protocol"
        : Starts(line, NoGreeting) ? "it sent no greeting in time"
        : Starts(line, NoAnswer) ? "it did not answer in time: is it a coordinator, and do both use TLS, or neither?"
        : $"it sent a message that is not accepted here: {FirstSentence(Verdict(line.Exception))}";

    // Each serializer on the way in wraps the refusal of the one it called.
    private static Exception? Verdict(Exception? e)
    {
        while (e?.InnerException is SerializationException inner)
            e = inner;
        return e;
    }

    private static string FirstSentence(Exception? e) => e?.Message.Split(". ")[0].Split('\n')[0].TrimEnd('.') ?? "it cannot be read";

    // A line about a channel names our end first; one about an association has the other end's address in its source.
    private static string Peer(LogEvent line)
    {
        if (IsOfSocket(line))
            return Text(line, line.Properties.ContainsKey("1") ? "1" : "0");
        Match address = AssociationAddress().Match(Uri.UnescapeDataString(Text(line, "LogSource")));
        return address.Success ? address.Groups["peer"].Value : "";
    }

    private static bool Starts(LogEvent line, string text) => line.MessageTemplate.Text.StartsWith(text, StringComparison.Ordinal);

    private static string Text(LogEvent line, string property) =>
        line.Properties.TryGetValue(property, out LogEventPropertyValue? value) && value is ScalarValue { Value: { } scalar }
            ? Convert.ToString(scalar, CultureInfo.InvariantCulture) ?? ""
            : "";

    // "...reliableEndpointWriter-akka.tcp://clusterlp@10.0.0.2:4053-7/endpointWriter", "akkaProtocol-tcp://clusterlp@[::1]:37550-2"
    [GeneratedRegex(@"-(akka\.)?(ssl\.)?tcp://[^@/]*@(?<peer>[^/@]+:\d+)-\d+")]
    private static partial Regex AssociationAddress();
}
