using System.Buffers.Binary;
using ClusterLp.Core.Formats;

namespace ClusterLp.Core.Tests.Formats;

public class ElementConversionTests
{
    private static readonly ushort[] AllPatterns = [.. Enumerable.Range(0, 65536).Select(i => (ushort)i)];

    [Fact]
    public void Every_float16_pattern_converts_as_the_runtime_converts_it()
    {
        var values = new float[AllPatterns.Length];
        ElementConversion.ToFloat32(ElementType.F16, Craft.Bytes(AllPatterns), values);
        for (int i = 0; i < values.Length; i++)
        {
            float expected = (float)BitConverter.UInt16BitsToHalf((ushort)i);
            Assert.True(values[i].Equals(expected) && float.IsNegative(values[i]) == float.IsNegative(expected), $"pattern {i:x4}");
        }
    }

    [Fact]
    public void Every_bfloat16_pattern_is_the_upper_half_of_its_float32_and_comes_back()
    {
        var values = new float[AllPatterns.Length];
        ElementConversion.ToFloat32(ElementType.BF16, Craft.Bytes(AllPatterns), values);
        var back = new byte[2 * values.Length];
        ElementConversion.FromFloat32(ElementType.BF16, values, back);
        for (int i = 0; i < values.Length; i++)
        {
            Assert.Equal((uint)i << 16, BitConverter.SingleToUInt32Bits(values[i]));
            if (!float.IsNaN(values[i]))
                Assert.Equal(i, BinaryPrimitives.ReadUInt16LittleEndian(back.AsSpan(2 * i)));
        }
    }

    [Theory]
    [InlineData(1.00390625f, 1f)] // halfway between 1 and 1.0078125: to the even one
    [InlineData(1.01171875f, 1.015625f)] // halfway: to the even one, above
    [InlineData(1.0039064f, 1.0078125f)] // just above halfway
    [InlineData(3.4028235e38f, float.PositiveInfinity)]
    [InlineData(-0f, -0f)]
    public void Bfloat16_rounds_to_nearest_even(float value, float expected)
    {
        var bytes = new byte[2];
        ElementConversion.FromFloat32(ElementType.BF16, [value], bytes);
        var back = new float[1];
        ElementConversion.ToFloat32(ElementType.BF16, bytes, back);
        Assert.Equal(BitConverter.SingleToUInt32Bits(expected), BitConverter.SingleToUInt32Bits(back[0]));
    }

    [Theory]
    [InlineData(ElementType.F16)]
    [InlineData(ElementType.BF16)]
    public void Nan_stays_nan_even_where_its_payload_does_not_fit(ElementType type)
    {
        var bytes = new byte[2];
        ElementConversion.FromFloat32(type, [BitConverter.UInt32BitsToSingle(0x7f800001)], bytes);
        var back = new float[1];
        ElementConversion.ToFloat32(type, bytes, back);
        Assert.True(float.IsNaN(back[0]));
    }

    [Theory]
    [InlineData(ElementType.F64)]
    [InlineData(ElementType.F32)]
    [InlineData(ElementType.F16)]
    [InlineData(ElementType.BF16)]
    public void Big_endian_reads_as_the_reversed_bytes_of_little_endian(ElementType type)
    {
        // More than one chunk, at an odd address, with a tail shorter than a vector.
        const int count = 1037;
        int size = type.Size();
        var random = new Random(1);
        byte[] little = [.. Enumerable.Range(0, count).SelectMany(_ => Encode(type, random.NextDouble() - 0.5))];
        byte[] big = new byte[1 + little.Length];
        for (int i = 0; i < count; i++)
            for (int b = 0; b < size; b++)
                big[1 + i * size + b] = little[i * size + size - 1 - b];
        float[] expected = new float[count], actual = new float[count];
        ElementConversion.ToFloat32(type, little, expected);
        ElementConversion.ToFloat32(type, big.AsSpan(1), actual, bigEndian: true);
        Assert.Equal(expected, actual);
    }

    [Fact]
    public void Float64_is_rounded_to_the_nearest_float32()
    {
        double[] values = [1.0 / 3, 1e300, -1e300, 1e-46, double.NaN, -0.0, 16777217, Math.PI, -Math.E, 2, 3, 4, 5, 6, 7, 8, 9];
        var converted = new float[values.Length];
        ElementConversion.ToFloat32(ElementType.F64, Craft.Bytes(values), converted);
        Assert.Equal(values.Select(v => (float)v), converted);
    }

    [Fact]
    public void Lengths_that_do_not_agree_are_refused()
    {
        Assert.Throws<ArgumentException>(() => ElementConversion.ToFloat32(ElementType.F32, new byte[8], new float[3]));
        Assert.Throws<ArgumentException>(() => ElementConversion.FromFloat32(ElementType.I32, new float[2], new byte[8]));
    }

    private static byte[] Encode(ElementType type, double value) => type switch
    {
        ElementType.F64 => Craft.Bytes(value),
        ElementType.F32 => Craft.Bytes((float)value),
        ElementType.F16 => Craft.Bytes((Half)value),
        _ => Craft.Bytes((ushort)(BitConverter.SingleToUInt32Bits((float)value) >> 16)),
    };
}
