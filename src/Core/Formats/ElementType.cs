namespace ClusterLp.Core.Formats;

/// <summary>Element types a model file can hold; only the floating ones can be compressed.</summary>
public enum ElementType
{
    F64, F32, F16, BF16,
    F8E4M3, F8E5M2,
    I64, I32, I16, I8,
    U64, U32, U16, U8,
    Bool,
    /// <summary>Product-quantised rows (fastText .ftz).</summary>
    Quantised,
}

public static class ElementTypes
{
    /// <summary>True for the types that <c>compress</c> accepts as input.</summary>
    public static bool IsCompressible(this ElementType type) =>
        type is ElementType.F64 or ElementType.F32 or ElementType.F16 or ElementType.BF16 or ElementType.Quantised;

    /// <summary>Bytes of one element; 0 for <see cref="ElementType.Quantised"/>, whose rows have no fixed element size.</summary>
    public static int Size(this ElementType type) => type switch
    {
        ElementType.F64 or ElementType.I64 or ElementType.U64 => 8,
        ElementType.F32 or ElementType.I32 or ElementType.U32 => 4,
        ElementType.F16 or ElementType.BF16 or ElementType.I16 or ElementType.U16 => 2,
        ElementType.Quantised => 0,
        _ => 1,
    };

    /// <summary>
    /// The element type of the factors when the user names none: the input's, except float64 and quantised inputs,
    /// whose factors are float32.
    /// </summary>
    public static ElementType DefaultFactorType(this ElementType input) =>
        input is ElementType.F16 or ElementType.BF16 ? input : ElementType.F32;
}
