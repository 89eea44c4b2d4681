using ClusterLp.Core.Formats;
using ClusterLp.Core.Jobs.Steps;
using ClusterLp.Core.Kernels;

namespace ClusterLp.Core.FactorModels;

/// <summary>Rounding of factors to the element type they are stored in.</summary>
internal static class StoredRounding
{
    /// <summary>Rounds to the stored type, keeps the bytes, and gives back what a reader of them will see.</summary>
    public static void Apply(ElementType type, Span<float> values, Span<byte> bytes)
    {
        ElementConversion.FromFloat32(type, values, bytes);
        ElementConversion.ToFloat32(type, bytes, values);
    }

    /// <summary>
    /// Rounds rows (scaled) to what is stored of them in the matrix' own units: the bytes kept, and the values, scaled again, as a reader
    /// will see them. A power of two lies between the units, so that scaling rounds nothing.
    /// </summary>
    /// <param name="type">Element type of what is stored.</param>
    /// <param name="values">The rows, rounded in place.</param>
    /// <param name="bytes">Receives what is stored.</param>
    /// <param name="scale">What the values were multiplied by.</param>
    /// <param name="refusal">What to throw where the entry of this number is beyond the type's range.</param>
    public static void InOwnUnits(ElementType type, Span<float> values, Span<byte> bytes, double scale, Func<int, ClusterLpException> refusal)
    {
        StepData.Multiply(values, (float)(1 / scale));
        Apply(type, values, bytes);
        if (PowerSums.FirstNonFinite(values) is var bad and >= 0)
            throw refusal(bad);
        StepData.Multiply(values, (float)scale);
    }

    /// <summary>V packed after its k x d entries were rounded to the stored type, in place.</summary>
    public static PackedMatrix<float> Pack(float[] v, int k, int d, ElementType type)
    {
        Apply(type, v, new byte[v.Length * type.Size()]);
        return PackedMatrix<float>.FromRows(v, k, d);
    }
}
