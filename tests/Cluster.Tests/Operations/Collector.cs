using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using Google.Protobuf;

namespace ClusterLp.Cluster.Tests.Operations;

/// <summary>A receiver of OTLP traces (protobuf over HTTP) on loopback, read field by field from the published numbers.</summary>
internal sealed class Collector : IDisposable
{
    private readonly HttpListener _listener = new();
    private readonly ConcurrentQueue<Span> _spans = [];
    private readonly Task _serving;

    public Collector()
    {
        Address = string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{ClusterLpProcess.FreePort()}");
        _listener.Prefixes.Add(Address + "/");
        _listener.Start();
        _serving = ServeAsync();
    }

    public string Address { get; }

    public IReadOnlyCollection<Span> Spans => _spans;

    public void Dispose()
    {
        _listener.Close();
        _serving.Wait();
    }

    private async Task ServeAsync()
    {
        while (true)
        {
            HttpListenerContext context;
            try
            {
                context = await _listener.GetContextAsync();
            }
            catch (Exception e) when (e is HttpListenerException or ObjectDisposedException)
            {
                return;
            }
            bool traces = context.Request is { HttpMethod: "POST", Url.AbsolutePath: "/v1/traces", ContentType: "application/x-protobuf" };
            if (traces)
                Read(new CodedInputStream(context.Request.InputStream));
            context.Response.StatusCode = traces ? 200 : 404;
            context.Response.ContentType = "application/x-protobuf";
            context.Response.Close();
        }
    }

    // ExportTraceServiceRequest.resource_spans 1 > ResourceSpans.scope_spans 2 > ScopeSpans.spans 2.
    private void Read(CodedInputStream request) =>
        Fields(request, 1, resource => Fields(resource, 2, scope => Fields(scope, 2, span => _spans.Enqueue(ReadSpan(span)))));

    private static Span ReadSpan(CodedInputStream message)
    {
        string trace = "", id = "", parent = "", name = "";
        ulong start = 0, end = 0;
        bool failed = false;
        var attributes = new Dictionary<string, string>();
        for (uint tag = message.ReadTag(); tag != 0; tag = message.ReadTag())
            switch (WireFormat.GetTagFieldNumber(tag))
            {
                case 1: trace = Hex(message); break;
                case 2: id = Hex(message); break;
                case 4: parent = Hex(message); break;
                case 5: name = message.ReadString(); break;
                case 7: start = message.ReadFixed64(); break;
                case 8: end = message.ReadFixed64(); break;
                case 9:
                    (string key, string value) = ReadAttribute(message.ReadBytes().CreateCodedInput());
                    attributes.Add(key, value);
                    break;
                case 15:
                    CodedInputStream status = message.ReadBytes().CreateCodedInput();
                    for (uint field = status.ReadTag(); field != 0; field = status.ReadTag())
                        if (WireFormat.GetTagFieldNumber(field) == 3)
                            failed = status.ReadEnum() == 2;
                        else
                            status.SkipLastField();
                    break;
                default: message.SkipLastField(); break;
            }
        return new Span(trace, id, parent, name, start, end, failed, attributes);
    }

    // KeyValue: key 1, value 2; AnyValue: string 1, int 3.
    private static (string Key, string Value) ReadAttribute(CodedInputStream message)
    {
        (string key, string value) = ("", "");
        for (uint tag = message.ReadTag(); tag != 0; tag = message.ReadTag())
            if (WireFormat.GetTagFieldNumber(tag) == 1)
                key = message.ReadString();
            else
            {
                CodedInputStream any = message.ReadBytes().CreateCodedInput();
                value = WireFormat.GetTagFieldNumber(any.ReadTag()) == 1 ? any.ReadString() : any.ReadInt64().ToString(CultureInfo.InvariantCulture);
            }
        return (key, value);
    }

    private static void Fields(CodedInputStream message, int number, Action<CodedInputStream> read)
    {
        for (uint tag = message.ReadTag(); tag != 0; tag = message.ReadTag())
            if (WireFormat.GetTagFieldNumber(tag) == number)
                read(message.ReadBytes().CreateCodedInput());
            else
                message.SkipLastField();
    }

    private static string Hex(CodedInputStream message) => Convert.ToHexStringLower(message.ReadBytes().Span);
}

/// <summary>A span as it arrived; times in nanoseconds.</summary>
internal sealed record Span(
    string Trace, string Id, string Parent, string Name, ulong Start, ulong End, bool Failed, IReadOnlyDictionary<string, string> Attributes)
{
    public string this[string attribute] => Attributes["clusterlp." + attribute];
}
