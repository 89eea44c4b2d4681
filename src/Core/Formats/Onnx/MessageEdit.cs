namespace ClusterLp.Core.Formats.Onnx;

/// <summary>A piece of an output file, of known length.</summary>
internal abstract record Segment(long Length);

/// <summary>Bytes of the input file, as they are.</summary>
internal sealed record CopiedSegment(InputFile File, long Offset, long Length) : Segment(Length);

/// <summary>New bytes.</summary>
internal sealed record NewSegment(byte[] Bytes) : Segment(Bytes.Length);

/// <summary>A tensor's elements.</summary>
/// <param name="Length">Their bytes.</param>
/// <param name="Write">Streams exactly so many.</param>
internal sealed record ElementsSegment(long Length, Action<Stream> Write) : Segment(Length);

/// <summary>Puts <paramref name="Content"/>, whole fields, in the place of the bytes [Start, End), which are whole fields too, or none.</summary>
internal sealed record MessageEdit(long Start, long End, IReadOnlyList<Segment> Content)
{
    public MessageEdit(WireField field, params IReadOnlyList<Segment> content) : this(field.Start, field.End, content) { }

    /// <summary>
    /// The file with all edits made: every byte outside them is copied, but for the lengths of the messages around them.
    /// </summary>
    /// <param name="file">A file that is one message.</param>
    /// <param name="edits">None overlaps another; of those that begin at one place, insertions come first.</param>
    public static List<Segment> Apply(InputFile file, IEnumerable<MessageEdit> edits)
    {
        using var reader = new WireReader(file);
        var pending = new Queue<MessageEdit>(edits.OrderBy(edit => edit.Start).ThenBy(edit => edit.End));
        var segments = new List<Segment>();
        Apply(file, reader, 0, file.Length, pending, segments);
        return pending.Count == 0 ? segments : throw new InvalidOperationException($"the edit at byte {pending.Peek().Start} is not at a field");
    }

    private static void Apply(InputFile file, WireReader reader, long begin, long end, Queue<MessageEdit> edits, List<Segment> segments)
    {
        long copied = begin;
        void CopyTo(long position)
        {
            if (position > copied)
                segments.Add(new CopiedSegment(file, copied, position - copied));
            copied = position;
        }

        foreach (WireField field in reader.Fields(begin, end))
        {
            while (edits.TryPeek(out MessageEdit? edit) && edit.Start == field.Start)
            {
                CopyTo(edit.Start);
                segments.AddRange(edits.Dequeue().Content);
                copied = edit.End;
            }
            if (copied < field.End && edits.TryPeek(out MessageEdit? inner) && inner.Start < field.End)
            {
                CopyTo(field.Start);
                var content = new List<Segment>();
                Apply(file, reader, field.Payload, field.End, edits, content);
                segments.Add(new NewSegment(new WireWriter().Header(field.Number, content.Sum(segment => segment.Length)).ToArray()));
                segments.AddRange(content);
                copied = field.End;
            }
        }
        CopyTo(end);
    }
}
