using System.Globalization;
using System.Text.RegularExpressions;
using ClusterLp.Core;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Jobs.Blobs;
using Microsoft.AspNetCore.Http;

namespace ClusterLp.Coordinator.Blobs;

/// <summary>What the blob endpoint answers. Paths: <c>/JOB/NAME</c>.</summary>
/// <remarks>
/// <list type="bullet">
/// <item><c>GET</c>, with <c>Range: bytes=N-</c>: a complete blob, from byte N on.</item>
/// <item><c>PUT ?upload=ID&amp;offset=N</c>: the next part of an upload; 409 unless it then ends with that part.</item>
/// <item><c>HEAD ?upload=ID</c>: where it stands, in the header <c>Upload-Offset</c>; 423 while a part is being taken, if only from a connection that broke.</item>
/// <item><c>POST ?upload=ID&amp;length=L&amp;checksum=H</c>: length and checksum are compared, then the blob gets its name; may be repeated.</item>
/// </list>
/// Only blobs of blocks of the current epoch can be written, nothing can be deleted.
/// </remarks>
internal sealed partial class BlobRequests(FileBlobStore store, UploadFolder uploads, JobId job, Epoch epoch)
{
    /// <summary>Largest body of one request.</summary>
    public const long MostPartBytes = 8 << 20;

    /// <summary>Largest blob; a block's is some tens of MiB, a Gram of 8192 columns 256 MiB.</summary>
    private const long MostBlobBytes = 2L << 30;

    private const string UploadOffset = "Upload-Offset";

    public async Task HandleAsync(HttpContext context)
    {
        try
        {
            await DispatchAsync(context);
        }
        catch (ClusterLpException e) when (e.Code == ExitCode.CannotWrite)
        {
            await AnswerAsync(context, StatusCodes.Status507InsufficientStorage, e.Message);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            // The connection broke: what has come stays, and the worker comes back.
            context.Abort();
        }
    }

    private Task DispatchAsync(HttpContext context)
    {
        string prefix = $"/{job.Value}/", path = context.Request.Path.Value ?? "";
        string name = path.StartsWith(prefix, StringComparison.Ordinal) ? path[prefix.Length..] : "";
        if (store.Resolve(name) is not { } file || name.Contains(BlobNames.TemporaryMark, StringComparison.Ordinal))
            return AnswerAsync(context, StatusCodes.Status404NotFound, "no such blob of this job.");
        string method = context.Request.Method;
        if (method == HttpMethods.Get)
            return GetAsync(context, file);
        if (method != HttpMethods.Put && method != HttpMethods.Head && method != HttpMethods.Post)
            return AnswerAsync(context, StatusCodes.Status405MethodNotAllowed, "blobs are read and written here, nothing else.");
        Match block = BlockName().Match(name);
        if (!block.Success || block.Groups["epoch"].Value != epoch.ToString())
            return AnswerAsync(context, StatusCodes.Status403Forbidden,
                $"\"{name}\" is not a block's blob of epoch {epoch}; this worker belongs to an earlier coordinator.");
        string id = context.Request.Query["upload"].ToString();
        if (!Digits().IsMatch(id))
            return AnswerAsync(context, StatusCodes.Status400BadRequest, "upload must be 32 hexadecimal digits.");
        if (method == HttpMethods.Head)
        {
            long? length = uploads.Length(file, id);
            context.Response.StatusCode = length is null ? StatusCodes.Status423Locked : StatusCodes.Status200OK;
            context.Response.Headers[UploadOffset] = length?.ToString(CultureInfo.InvariantCulture);
            return Task.CompletedTask;
        }
        return method == HttpMethods.Put ? PutAsync(context, name, file, id) : CommitAsync(context, file, id);
    }

    private static async Task GetAsync(HttpContext context, string path)
    {
        FileStream file;
        try
        {
            file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, bufferSize: 0);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            await AnswerAsync(context, StatusCodes.Status404NotFound, $"the blob cannot be opened: {e.Message}");
            return;
        }
        await using FileStream opened = file;
        string range = context.Request.Headers.Range.ToString();
        Match asked = FromByte().Match(range);
        long from = asked.Success ? long.Parse(asked.Groups[1].ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture) : 0;
        if (range.Length > 0 && !asked.Success || from > 0 && from >= file.Length)
        {
            await AnswerAsync(context, StatusCodes.Status416RangeNotSatisfiable, $"the blob has {file.Length} bytes.");
            return;
        }
        if (asked.Success)
        {
            context.Response.StatusCode = StatusCodes.Status206PartialContent;
            context.Response.Headers.ContentRange = string.Create(CultureInfo.InvariantCulture, $"bytes {from}-{file.Length - 1}/{file.Length}");
        }
        context.Response.ContentType = "application/octet-stream";
        context.Response.ContentLength = file.Length - from;
        file.Position = from;
        await file.CopyToAsync(context.Response.Body, 1 << 16, context.RequestAborted);
    }

    private async Task PutAsync(HttpContext context, string name, string path, string id)
    {
        if (!long.TryParse(context.Request.Query["offset"], NumberStyles.None, CultureInfo.InvariantCulture, out long offset))
        {
            await AnswerAsync(context, StatusCodes.Status400BadRequest, "offset must be a whole number.");
            return;
        }
        if (context.Request.ContentLength is not { } length || length > MostPartBytes || offset + length > MostBlobBytes)
        {
            await AnswerAsync(context, StatusCodes.Status413PayloadTooLarge, $"a part has at most {MostPartBytes} bytes, a blob {MostBlobBytes}.");
            return;
        }
        using UploadFolder.Upload? upload = uploads.Enter(path, id);
        if (upload is null)
        {
            await AnswerAsync(context, StatusCodes.Status423Locked, "the upload has another request, or there are too many uploads.");
            return;
        }
        if (upload.Length == offset)
            await upload.AppendAsync(name, context.Request.Body, context.RequestAborted);
        context.Response.Headers[UploadOffset] = upload.Length.ToString(CultureInfo.InvariantCulture);
        context.Response.StatusCode = upload.Length == offset + length ? StatusCodes.Status204NoContent : StatusCodes.Status409Conflict;
    }

    private async Task CommitAsync(HttpContext context, string path, string id)
    {
        string checksum = context.Request.Query["checksum"].ToString();
        bool plain = long.TryParse(context.Request.Query["length"], NumberStyles.None, CultureInfo.InvariantCulture, out long length);
        if (!plain || !Digits().IsMatch(checksum))
        {
            await AnswerAsync(context, StatusCodes.Status400BadRequest, "length must be a whole number and checksum 32 hexadecimal digits.");
            return;
        }
        using UploadFolder.Upload? upload = uploads.Enter(path, id);
        if (upload is null)
        {
            await AnswerAsync(context, StatusCodes.Status423Locked, "the upload has another request.");
            return;
        }
        bool same = uploads.Commit(upload, path, length, checksum) || IsThere(path, length, checksum);
        await AnswerAsync(context, same ? StatusCodes.Status201Created : StatusCodes.Status422UnprocessableEntity,
            same ? "" : "length or checksum are not those of what arrived.");
    }

    // The answer to the first commit may have been lost.
    private static bool IsThere(string path, long length, string checksum) =>
        new FileInfo(path) is { Exists: true } file && file.Length == length && BlobChecksum.OfFile(path) == checksum;

    private static Task AnswerAsync(HttpContext context, int status, string text)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = "text/plain; charset=utf-8";
        return context.Response.WriteAsync(text, context.RequestAborted);
    }

    [GeneratedRegex(@"^t[0-9]{1,9}/[a-z]{1,20}(-[0-9]{1,9})?/[0-9]{5,10}\.(?<epoch>[0-9]{1,19})\.[0-9]{1,9}\z")]
    private static partial Regex BlockName();

    [GeneratedRegex(@"^[0-9a-f]{32}\z")]
    private static partial Regex Digits();

    [GeneratedRegex(@"^bytes=([0-9]{1,18})-\z")]
    private static partial Regex FromByte();
}
