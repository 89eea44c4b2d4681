using System.Globalization;

namespace ClusterLp.Core.Formats.WordVectors;

/// <summary>Decimal text to float32, correctly rounded; the short numbers of word vector files take a fast path.</summary>
internal static class DecimalParser
{
    private static readonly double[] PowersOfTen = [.. Enumerable.Range(0, 23).Select(e => double.Parse("1e" + e, CultureInfo.InvariantCulture))];

    /// <summary>Parses all of <paramref name="text"/> (ASCII; "nan" is accepted, the scan reports it).</summary>
    public static bool TryParse(ReadOnlySpan<byte> text, out float value) =>
        TryParsePlain(text, out value) || float.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out value);

    // Digits with at most one point, at most 15 of them: the integer and the power of ten are exact in float64, so the
    // quotient is rounded once; rounding it again to float32 differs from a single rounding only at a midpoint of float32.
    private static bool TryParsePlain(ReadOnlySpan<byte> text, out float value)
    {
        value = 0;
        int i = text.Length > 0 && text[0] == '-' ? 1 : 0;
        if (text.Length - i is 0 or > 16)
            return false;
        long digits = 0;
        int count = 0, decimals = -1;
        for (; i < text.Length; i++)
        {
            if (text[i] == '.' && decimals < 0)
            {
                decimals = 0;
                continue;
            }
            uint digit = (uint)text[i] - '0';
            if (digit > 9)
                return false;
            digits = digits * 10 + digit;
            count++;
            if (decimals >= 0)
                decimals++;
        }
        if (count is 0 or > 15)
            return false;
        double exact = digits / PowersOfTen[Math.Max(0, decimals)];
        if ((BitConverter.DoubleToInt64Bits(exact) & 0x1fffffff) == 0x10000000)
            return false;
        value = (float)(text[0] == '-' ? -exact : exact);
        return true;
    }
}
