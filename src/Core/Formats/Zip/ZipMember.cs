using System.Buffers;
using System.IO.Compression;
using System.IO.Hashing;
using Microsoft.Win32.SafeHandles;

namespace ClusterLp.Core.Formats.Zip;

/// <summary>What a zip archive's directory says of one member.</summary>
/// <param name="Name">As stored.</param>
/// <param name="Method">0: stored, 8: deflated.</param>
/// <param name="Encrypted">It cannot be read.</param>
/// <param name="Crc">CRC-32 of the contents.</param>
/// <param name="Packed">Bytes it takes in the archive.</param>
/// <param name="Length">Bytes of its contents.</param>
/// <param name="Header">Offset of its local header.</param>
internal sealed record ZipMember(string Name, int Method, bool Encrypted, uint Crc, long Packed, long Length, long Header)
{
    private const int Stored = 0, Deflated = 8;

    // A deflate stream holds at most 258 bytes in two bits (RFC 1951, section 3.2.5), and an empty one a block's header.
    private const long LargestRatio = 1032;
    private const int Chunk = 1 << 16;

    /// <summary>
    /// The contents as a file, the caller's: a part of the archive where they are stored, a nameless temporary file where they
    /// are deflated, their length and CRC-32 checked.
    /// </summary>
    /// <exception cref="ClusterLpException">
    /// The member is damaged, encrypted or packed in another way (exit 65); the temporary folder has no room for it (73).
    /// </exception>
    public InputFile Open(InputFile archive) => Open(archive, Length);

    /// <summary>As <see cref="Open(InputFile)"/>, but of deflated contents at most the first bytes, unchecked.</summary>
    /// <inheritdoc cref="Open(InputFile)"/>
    public InputFile OpenStart(InputFile archive, int most) => Open(archive, Math.Min(most, Length));

    private InputFile Open(InputFile archive, long wanted)
    {
        if (Encrypted)
            throw Bad(archive, "it is encrypted.");
        if (Method is not (Stored or Deflated))
            throw Bad(archive, $"it is packed by method {Method}; expected a stored or a deflated member.");
        if (Method == Stored && Packed != Length)
            throw Bad(archive, $"it is stored, but takes {Packed} bytes for {Length}.");
        if (Length > (Int128)Packed * LargestRatio)
            throw Bad(archive, $"it is said to hold {Length} bytes in {Packed}, which no deflated data can.");
        using InputFile packed = archive.Part(Name, ZipDirectory.DataOffset(archive, this), Packed);
        return Method == Stored ? packed.Share() : Inflate(archive, packed, wanted);
    }

    private InputFile Inflate(InputFile archive, InputFile packed, long wanted)
    {
        string folder = Path.GetTempPath();
        SafeFileHandle? file = null;
        byte[] buffer = ArrayPool<byte>.Shared.Rent(Chunk);
        try
        {
            if (new DriveInfo(folder).AvailableFreeSpace is var free && free < wanted)
                throw ClusterLpException.CannotWrite($"{archive.Path}: {Name} is decompressed to a temporary file of {wanted} bytes, but {folder} has {free} left; "
                    + "set TMPDIR to a larger folder, or save the matrix with compressed=False.");
            file = TemporaryFile.Create("member");
            using var stream = new DeflateStream(new PackedStream(packed), CompressionMode.Decompress);
            var crc = new Crc32();
            long length = 0;
            for (int read; (wanted == Length || length < wanted) && (read = stream.Read(buffer)) > 0; length += read)
            {
                if (read > Length - length)
                    throw Bad(archive, $"it holds more than the {Length} bytes it is said to hold.");
                crc.Append(buffer.AsSpan(0, read));
                RandomAccess.Write(file, buffer.AsSpan(0, read), length);
            }
            if (length < wanted)
                throw Bad(archive, $"it ends after {length} of {Length} bytes.");
            if (wanted == Length && crc.GetCurrentHashAsUInt32() != Crc)
                throw Bad(archive, "its CRC-32 is not that of its contents.");
            InputFile contents = archive.Decoded(Name, file, length);
            file = null;
            return contents;
        }
        catch (InvalidDataException e)
        {
            throw Bad(archive, $"its deflated data is damaged: {e.Message}", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw ClusterLpException.CannotWrite($"{archive.Path}: {Name} cannot be decompressed to a temporary file in {folder}: {e.Message}", e);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
            file?.Dispose();
        }
    }

    private ClusterLpException Bad(InputFile archive, string what, Exception? inner = null) =>
        ClusterLpException.BadInput($"{archive.Path}: {Name}: {what}", inner);

    /// <summary>A file as a stream, for the decompressor.</summary>
    private sealed class PackedStream(InputFile file) : Stream
    {
        private long _position;

        public override int Read(Span<byte> buffer)
        {
            int count = (int)Math.Min(buffer.Length, file.Length - _position);
            file.Read(_position, buffer[..count]);
            _position += count;
            return count;
        }

        public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

        public override bool CanRead => true;
        public override bool CanSeek => false;
        public override bool CanWrite => false;
        public override long Length => file.Length;
        public override long Position { get => _position; set => throw new NotSupportedException(); }
        public override void Flush() { }
        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
        public override void SetLength(long value) => throw new NotSupportedException();
        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
