using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace ClusterLp.Core.Formats;

/// <summary>Raw tensor elements to float32 and back; to a narrower type by round-to-nearest-even. NaN stays NaN.</summary>
public static class ElementConversion
{
    /// <summary>
    /// Converts <c>destination.Length</c> elements. float64 beyond float32's range becomes infinite; every float16 and
    /// bfloat16 value is exact.
    /// </summary>
    /// <param name="type">F64, F32, F16 or BF16.</param>
    /// <param name="bytes">Exactly destination.Length elements; no alignment is needed.</param>
    /// <param name="destination">Receives the values.</param>
    /// <param name="bigEndian">Byte order of <paramref name="bytes"/>.</param>
    /// <exception cref="ArgumentException">Another type, or lengths that do not agree.</exception>
    public static void ToFloat32(ElementType type, ReadOnlySpan<byte> bytes, Span<float> destination, bool bigEndian = false)
    {
        if (!IsPlainFloat(type) || bytes.Length != (long)destination.Length * type.Size())
            throw new ArgumentException($"{bytes.Length} bytes of {type} for {destination.Length} values");
        if (bigEndian)
            SwapAndConvert(type, bytes, destination);
        else if (type == ElementType.F32)
            bytes.CopyTo(MemoryMarshal.AsBytes(destination));
        else if (type == ElementType.F64)
            Narrow(MemoryMarshal.Cast<byte, double>(bytes), destination);
        else if (type == ElementType.BF16)
            WidenBFloat16(MemoryMarshal.Cast<byte, ushort>(bytes), destination);
        else
            WidenHalf(MemoryMarshal.Cast<byte, ushort>(bytes), destination);
    }

    /// <summary>Converts float32 values to little-endian elements; values beyond float16's range become infinite.</summary>
    /// <param name="type">F32, F16 or BF16.</param>
    /// <param name="values">The values.</param>
    /// <param name="bytes">Receives exactly values.Length elements.</param>
    /// <exception cref="ArgumentException">Another type, or lengths that do not agree.</exception>
    public static void FromFloat32(ElementType type, ReadOnlySpan<float> values, Span<byte> bytes)
    {
        if (!IsPlainFloat(type) || type == ElementType.F64 || bytes.Length != (long)values.Length * type.Size())
            throw new ArgumentException($"{values.Length} values for {bytes.Length} bytes of {type}");
        if (type == ElementType.F32)
        {
            MemoryMarshal.AsBytes(values).CopyTo(bytes);
            return;
        }
        Span<ushort> halves = MemoryMarshal.Cast<byte, ushort>(bytes);
        for (int i = 0; i < values.Length; i++)
            halves[i] = type == ElementType.F16 ? BitConverter.HalfToUInt16Bits((Half)values[i]) : ToBFloat16(values[i]);
    }

    private static bool IsPlainFloat(ElementType type) => type is ElementType.F64 or ElementType.F32 or ElementType.F16 or ElementType.BF16;

    private static void SwapAndConvert(ElementType type, ReadOnlySpan<byte> bytes, Span<float> destination)
    {
        const int chunk = 512;
        int size = type.Size();
        Span<byte> swapped = stackalloc byte[chunk * sizeof(double)];
        for (int i = 0; i < destination.Length; i += chunk)
        {
            int count = Math.Min(chunk, destination.Length - i);
            ReadOnlySpan<byte> from = bytes.Slice(i * size, count * size);
            Span<byte> to = swapped[..(count * size)];
            if (size == 8)
                BinaryPrimitives.ReverseEndianness(MemoryMarshal.Cast<byte, long>(from), MemoryMarshal.Cast<byte, long>(to));
            else if (size == 4)
                BinaryPrimitives.ReverseEndianness(MemoryMarshal.Cast<byte, int>(from), MemoryMarshal.Cast<byte, int>(to));
            else
                BinaryPrimitives.ReverseEndianness(MemoryMarshal.Cast<byte, short>(from), MemoryMarshal.Cast<byte, short>(to));
            ToFloat32(type, to, destination.Slice(i, count));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Narrow(ReadOnlySpan<double> from, Span<float> to)
    {
        int i = 0, width = Vector<double>.Count;
        for (; i <= from.Length - 2 * width; i += 2 * width)
            Vector.Narrow(new Vector<double>(from[i..]), new Vector<double>(from[(i + width)..])).CopyTo(to[i..]);
        for (; i < from.Length; i++)
            to[i] = (float)from[i];
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void WidenBFloat16(ReadOnlySpan<ushort> from, Span<float> to)
    {
        int i = 0, width = Vector<ushort>.Count;
        for (; i <= from.Length - width; i += width)
        {
            Vector.Widen(new Vector<ushort>(from[i..]), out Vector<uint> low, out Vector<uint> high);
            Vector.AsVectorSingle(low << 16).CopyTo(to[i..]);
            Vector.AsVectorSingle(high << 16).CopyTo(to[(i + width / 2)..]);
        }
        for (; i < from.Length; i++)
            to[i] = BitConverter.UInt32BitsToSingle((uint)from[i] << 16);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void WidenHalf(ReadOnlySpan<ushort> from, Span<float> to)
    {
        int i = 0, width = Vector<ushort>.Count;
        for (; i <= from.Length - width; i += width)
        {
            Vector.Widen(new Vector<ushort>(from[i..]), out Vector<uint> low, out Vector<uint> high);
            HalfBitsToSingle(low).CopyTo(to[i..]);
            HalfBitsToSingle(high).CopyTo(to[(i + width / 2)..]);
        }
        for (; i < from.Length; i++)
            to[i] = (float)BitConverter.UInt16BitsToHalf(from[i]);
    }

    // Exponent and fraction moved to float32's place are the value times 2^-112, subnormals included; what then is 2^16 or
    // more had the exponent of infinity or NaN.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector<float> HalfBitsToSingle(Vector<uint> half)
    {
        Vector<uint> magnitude = (half & new Vector<uint>(0x7fff)) << 13;
        Vector<float> value = Vector.AsVectorSingle(magnitude) * new Vector<float>(TwoTo112);
        Vector<uint> notFinite = Vector.AsVectorUInt32(Vector.GreaterThanOrEqual(value, new Vector<float>(65536f)));
        Vector<uint> bits = Vector.AsVectorUInt32(value) | (notFinite & new Vector<uint>(0x7f800000));
        return Vector.AsVectorSingle(bits | ((half & new Vector<uint>(0x8000)) << 16));
    }

    private static readonly float TwoTo112 = MathF.ScaleB(1, 112);

    private static ushort ToBFloat16(float value)
    {
        uint bits = BitConverter.SingleToUInt32Bits(value);
        if (float.IsNaN(value))
            return (ushort)((bits >> 16) | 0x40);
        return (ushort)((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
    }
}
