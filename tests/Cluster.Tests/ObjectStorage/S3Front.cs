using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Security;
using System.Text;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace ClusterLp.Cluster.Tests.ObjectStorage;

/// <summary>What becomes of a request.</summary>
internal enum S3Fault
{
    None,
    /// <summary>503, as a store says it under load; nothing is done.</summary>
    SlowDown,
    /// <summary>The connection breaks: half of the answer's body has come, or nothing has been done.</summary>
    Reset,
    /// <summary>It is done, and the connection breaks before the answer.</summary>
    LostAnswer,
    /// <summary>The answer comes late.</summary>
    Slow,
    /// <summary>507: no room.</summary>
    Full,
    /// <summary>403.</summary>
    Denied,
}

/// <param name="Key">Without the bucket.</param>
/// <param name="Range">The header, or empty.</param>
internal sealed record S3Request(string Method, string Key, string Query, string Range, int Number);

/// <summary>
/// Stands before s3rver and gives it what S3 has and it lacks: writes that are atomic and kept in order with reads,
/// <c>If-None-Match: *</c> and <c>If-Match</c>, aborted and listed multipart uploads. Counts requests, and misbehaves as told.
/// </summary>
internal sealed partial class S3Front : IAsyncDisposable
{
    private const int Readers = 64;

    private readonly HttpClient _upstream = new(new SocketsHttpHandler { UseProxy = false, AllowAutoRedirect = false });
    private readonly SemaphoreSlim _reading = new(Readers), _writing = new(1);
    private readonly ConcurrentDictionary<string, string> _uploads = new();
    private readonly List<WebApplication> _listeners = [];
    private readonly string _folder;
    private readonly int _target;
    private int _number;

    private S3Front(string folder, int target) => (_folder, _target) = (folder, target);

    /// <summary>Where this machine's processes reach it.</summary>
    public string Endpoint => _listeners[0].Urls.First();

    /// <summary>Asked of every request.</summary>
    public Func<S3Request, S3Fault> Misbehave { get; set; } = _ => S3Fault.None;

    /// <summary>Every request so far.</summary>
    public ConcurrentQueue<S3Request> Requests { get; } = new();

    /// <summary>Keys of multipart uploads that are neither complete nor aborted.</summary>
    public IEnumerable<string> OpenUploads => _uploads.Values.Order();

    /// <param name="folder">Where s3rver keeps its objects.</param>
    /// <param name="target">Its port.</param>
    public static async Task<S3Front> StartAsync(string folder, int target)
    {
        var front = new S3Front(folder, target);
        await front.ListenAsync(new IPEndPoint(IPAddress.Loopback, 0), SocketTransportOptions.CreateDefaultBoundListenSocket);
        return front;
    }

    /// <summary>Answers on one more socket.</summary>
    /// <param name="at">Where.</param>
    /// <param name="bind">Makes the socket: it decides whose network <paramref name="at"/> is an address of.</param>
    public async Task ListenAsync(IPEndPoint at, Func<EndPoint, Socket> bind)
    {
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.Listen(at);
            kestrel.Limits.MaxRequestBodySize = null;
        });
        builder.Services.Configure<SocketTransportOptions>(transport => transport.CreateBoundListenSocket = bind);
        WebApplication application = builder.Build();
        ((IApplicationBuilder)application).Run(HandleAsync);
        await application.StartAsync();
        _listeners.Add(application);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (WebApplication listener in _listeners)
            await listener.DisposeAsync();
        _upstream.Dispose();
    }

    private async Task HandleAsync(HttpContext context)
    {
        string path = context.Request.Path.Value!.TrimStart('/');
        string key = path.Contains('/') ? path[(path.IndexOf('/') + 1)..] : "";
        var request = new S3Request(context.Request.Method, key, context.Request.QueryString.Value ?? "", context.Request.Headers.Range.ToString(), Interlocked.Increment(ref _number));
        Requests.Enqueue(request);
        var body = new MemoryStream();
        await context.Request.Body.CopyToAsync(body);
        S3Fault fault = Misbehave(request);
        if (fault == S3Fault.Reset && request.Method != "GET")
            context.Abort();
        else if (fault is S3Fault.SlowDown or S3Fault.Full or S3Fault.Denied)
            await Answer.Error(fault switch { S3Fault.Full => 507, S3Fault.Denied => 403, _ => 503 }, fault switch
            {
                S3Fault.Full => "InsufficientStorage", S3Fault.Denied => "AccessDenied", _ => "SlowDown",
            }).SendAsync(context, part: 1);
        else
        {
            Answer answer = await PerformAsync(context, request, path, body.ToArray());
            if (fault == S3Fault.Slow)
                await Task.Delay(300);
            if (fault == S3Fault.LostAnswer)
                context.Abort();
            else
                await answer.SendAsync(context, fault == S3Fault.Reset ? 0.5 : 1);
        }
    }

    private async Task<Answer> PerformAsync(HttpContext context, S3Request request, string path, byte[] body)
    {
        bool writes = request.Method is "PUT" or "POST" or "DELETE";
        if (writes)
            await _writing.WaitAsync();
        int slots = writes ? Readers : 1;
        for (int i = 0; i < slots; i++)
            await _reading.WaitAsync();
        if (writes)
            _writing.Release();
        try
        {
            return writes ? await WriteAsync(context, request, path, body) : await ReadAsync(context, request, body);
        }
        finally
        {
            _reading.Release(slots);
        }
    }

    private async Task<Answer> ReadAsync(HttpContext context, S3Request request, byte[] body)
    {
        if (context.Request.Query.ContainsKey("uploads"))
            return ListUploads(context.Request.Query["prefix"].ToString());
        Answer answer = await ForwardAsync(context, body);
        string match = context.Request.Headers.IfMatch.ToString();
        return match.Length > 0 && answer.Status < 300 && answer.Headers.GetValueOrDefault("ETag") != match ? Answer.Error(412, "PreconditionFailed") : answer;
    }

    private async Task<Answer> WriteAsync(HttpContext context, S3Request request, string path, byte[] body)
    {
        string file = Path.Combine(_folder, path + "._S3rver_object"), upload = context.Request.Query["uploadId"].ToString();
        if (upload.Length > 0 && !_uploads.ContainsKey(upload))
            return Answer.Error(404, "NoSuchUpload");
        if (upload.Length > 0 && request.Method == "DELETE")
            return _uploads.TryRemove(upload, out _) ? new Answer(204, [], []) : Answer.Error(404, "NoSuchUpload");
        if (context.Request.Headers.IfNoneMatch == "*" && File.Exists(file))
            return Answer.Error(412, "PreconditionFailed");
        Answer answer = await ForwardAsync(context, body);
        if (answer.Status >= 300)
            return answer;
        if (context.Request.Query.ContainsKey("uploads"))
            _uploads[UploadId().Match(Encoding.UTF8.GetString(answer.Body)).Groups[1].Value] = request.Key;
        else if (request.Method == "POST" && upload.Length > 0)
            _uploads.TryRemove(upload, out _);
        // s3rver answers before the last bytes are in its file.
        if (request.Method == "PUT" && upload.Length == 0)
            await JobPaths.UntilAsync(() => new FileInfo(file) is { Exists: true } written && written.Length == body.Length, file);
        return answer;
    }

    private Answer ListUploads(string prefix)
    {
        string items = string.Concat(_uploads.Where(upload => upload.Value.StartsWith(prefix, StringComparison.Ordinal))
            .Select(upload => $"<Upload><Key>{SecurityElement.Escape(upload.Value)}</Key><UploadId>{upload.Key}</UploadId></Upload>"));
        string xml = $"<ListMultipartUploadsResult><IsTruncated>false</IsTruncated>{items}</ListMultipartUploadsResult>";
        return new Answer(200, new Dictionary<string, string> { ["Content-Type"] = "application/xml" }, Encoding.UTF8.GetBytes(xml));
    }

    private async Task<Answer> ForwardAsync(HttpContext context, byte[] body)
    {
        string target = context.Features.Get<IHttpRequestFeature>()!.RawTarget;
        using var request = new HttpRequestMessage(new HttpMethod(context.Request.Method), $"http://127.0.0.1:{_target}{target}") { Content = new ByteArrayContent(body) };
        foreach ((string name, var values) in context.Request.Headers)
            if (name is not ("If-None-Match" or "If-Match" or "Content-Length" or "Expect" or "Connection") && !request.Headers.TryAddWithoutValidation(name, [.. values]))
                request.Content.Headers.TryAddWithoutValidation(name, [.. values]);
        using HttpResponseMessage response = await _upstream.SendAsync(request);
        var headers = response.Headers.Concat(response.Content.Headers)
            .Where(header => header.Key is not ("Transfer-Encoding" or "Connection" or "Keep-Alive" or "Date"))
            .ToDictionary(header => header.Key, header => string.Join(",", header.Value));
        return new Answer((int)response.StatusCode, headers, await response.Content.ReadAsByteArrayAsync());
    }

    [GeneratedRegex("<UploadId>([^<]+)</UploadId>")]
    private static partial Regex UploadId();

    private sealed record Answer(int Status, Dictionary<string, string> Headers, byte[] Body)
    {
        public static Answer Error(int status, string code) => new(status, new Dictionary<string, string> { ["Content-Type"] = "application/xml" },
            Encoding.UTF8.GetBytes($"<Error><Code>{code}</Code><Message>as the test has it</Message></Error>"));

        /// <param name="context">Whose answer it is.</param>
        /// <param name="part">Of the body; the connection is closed then.</param>
        public async Task SendAsync(HttpContext context, double part)
        {
            context.Response.StatusCode = Status;
            foreach ((string name, string value) in Headers)
                context.Response.Headers[name] = value;
            bool isHead = context.Request.Method == "HEAD";
            if (!isHead && Status != 204)
                context.Response.ContentLength = Body.Length;
            if (isHead || Status == 204)
                return;
            await context.Response.Body.WriteAsync(Body.AsMemory(0, (int)(part * Body.Length)));
            if (part == 1)
                return;
            await context.Response.Body.FlushAsync();
            context.Abort();
        }
    }
}
