using System.Buffers.Binary;

namespace ClusterLp.Fuzz;

/// <summary>Makes inputs from inputs; the same seed makes the same ones.</summary>
internal sealed class Mutator(int seed, byte[][] tokens)
{
    private const int LongestInput = 1 << 16;

    private static readonly long[] Integers =
    [
        0, 1, -1, 2, 7, 8, 16, 127, 128, 255, 256, 32767, 65535, 65536, 1 << 20, 100_000_000, int.MaxValue, int.MinValue, uint.MaxValue,
        1L << 32, 1L << 40, 1L << 62, long.MaxValue, long.MinValue,
    ];

    private static readonly byte[][] Texts =
        [.. Integers.Select(n => System.Text.Encoding.ASCII.GetBytes(n.ToString(System.Globalization.CultureInfo.InvariantCulture))),
         "NaN"u8.ToArray(), "1e999"u8.ToArray(), "\\ud800"u8.ToArray(), "\\u0000"u8.ToArray(), "null"u8.ToArray(), "[]"u8.ToArray(), "{}"u8.ToArray(),
         "\""u8.ToArray(), ","u8.ToArray(), [0xff, 0xfe], [0], "../"u8.ToArray()];

    private readonly Random _random = new(seed);

    /// <summary>One to eight changes of an input of the corpus.</summary>
    public byte[] Next(IReadOnlyList<byte[]> corpus)
    {
        byte[] input = [.. corpus[_random.Next(corpus.Count)]];
        for (int changes = 1 << _random.Next(4); changes > 0; changes--)
            input = Change(input, corpus);
        return input.Length <= LongestInput ? input : input[..LongestInput];
    }

    // Headers are short beside the data; most changes go there.
    private int Place(int length) => _random.Next(_random.Next(3) == 0 ? length : Math.Min(length, 200));

    private byte[] Change(byte[] input, IReadOnlyList<byte[]> corpus)
    {
        if (input.Length == 0)
            return Token();
        int at = Place(input.Length);
        switch (_random.Next(10))
        {
            case 0:
                input[at] ^= (byte)(1 << _random.Next(8));
                return input;
            case 1:
                input[at] = (byte)_random.Next(256);
                return input;
            case 2:
                input[at] += (byte)_random.Next(-16, 17);
                return input;
            case 3:
                return Number(input, at);
            case 4:
                return input[..at];
            case 5:
                return [.. input[..at], .. input[Math.Min(input.Length, at + 1 + _random.Next(16))..]];
            case 6:
                byte[] chunk = input[at..Math.Min(input.Length, at + 1 + _random.Next(64))];
                int to = Place(input.Length);
                return [.. input[..to], .. chunk, .. input[to..]];
            case 7:
                byte[] other = corpus[_random.Next(corpus.Count)];
                return other.Length == 0 ? input : [.. input[..at], .. other[Place(other.Length)..]];
            case 8:
                return [.. input[..at], .. Token(), .. input[at..]];
            default:
                byte[] token = Token();
                return [.. input[..at], .. token, .. input[Math.Min(input.Length, at + token.Length)..]];
        }
    }

    private byte[] Number(byte[] input, int at)
    {
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, Integers[_random.Next(Integers.Length)]);
        bytes = bytes[..(1 << _random.Next(4))];
        bytes[..Math.Min(bytes.Length, input.Length - at)].CopyTo(input.AsSpan(at));
        return input;
    }

    private byte[] Token() => tokens.Length > 0 && _random.Next(2) == 0 ? tokens[_random.Next(tokens.Length)] : Texts[_random.Next(Texts.Length)];
}
