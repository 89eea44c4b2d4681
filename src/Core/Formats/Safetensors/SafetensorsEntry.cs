namespace ClusterLp.Core.Formats.Safetensors;

/// <summary>One tensor of a safetensors file: what its header says, the offset being from the start of the file.</summary>
internal sealed record SafetensorsEntry(string Name, ElementType Type, long[] Shape, long Offset, long Length)
{
    public TensorInfo Info => new(Name, Type, Shape, Length);
}

/// <summary>The names safetensors gives to element types.</summary>
internal static class SafetensorsTypes
{
    private static readonly Dictionary<string, ElementType> ByName = new()
    {
        ["F64"] = ElementType.F64, ["F32"] = ElementType.F32, ["F16"] = ElementType.F16, ["BF16"] = ElementType.BF16,
        ["F8_E4M3"] = ElementType.F8E4M3, ["F8_E5M2"] = ElementType.F8E5M2,
        ["I64"] = ElementType.I64, ["I32"] = ElementType.I32, ["I16"] = ElementType.I16, ["I8"] = ElementType.I8,
        ["U64"] = ElementType.U64, ["U32"] = ElementType.U32, ["U16"] = ElementType.U16, ["U8"] = ElementType.U8,
        ["BOOL"] = ElementType.Bool,
    };

    private static readonly Dictionary<ElementType, string> ByType = ByName.ToDictionary(pair => pair.Value, pair => pair.Key);

    public static IEnumerable<string> Names => ByName.Keys;

    public static bool TryParse(string name, out ElementType type) => ByName.TryGetValue(name, out type);

    public static string NameOf(ElementType type) => ByType[type];
}
