using ClusterLp.Core.Formats;
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

    /// <summary>V packed after its k x d entries were rounded to the stored type, in place.</summary>
    public static PackedMatrix<float> Pack(float[] v, int k, int d, ElementType type)
    {
        Apply(type, v, new byte[v.Length * type.Size()]);
        return PackedMatrix<float>.FromRows(v, k, d);
    }
}
