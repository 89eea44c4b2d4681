namespace ClusterLp.Core.Formats.Onnx;

/// <summary>Field numbers of onnx.proto, as published; what is not listed is copied unread.</summary>
internal static class OnnxFields
{
    public const int ModelIrVersion = 1, ModelGraph = 7, ModelOpset = 8, ModelTraining = 20, ModelFunction = 25;
    public const int OpsetDomain = 1, OpsetVersion = 2;
    public const int GraphNode = 1, GraphInitializer = 5, GraphInput = 11, GraphOutput = 12, GraphValue = 13, GraphAnnotation = 14, GraphSparse = 15;
    public const int NodeInput = 1, NodeOutput = 2, NodeName = 3, NodeOperator = 4, NodeAttribute = 5, NodeDomain = 7;
    public const int AttributeName = 1, AttributeInteger = 3, AttributeTensor = 5, AttributeGraph = 6, AttributeIntegers = 8, AttributeTensors = 10,
        AttributeGraphs = 11, AttributeType = 20, AttributeSparse = 22, AttributeSparses = 23;
    public const int FunctionNode = 7;
    public const int SparseValues = 1, SparseIndices = 2;
    public const int TensorDimensions = 1, TensorType = 2, TensorSegment = 3, TensorFloats = 4, TensorName = 8, TensorRaw = 9, TensorDoubles = 10,
        TensorExternal = 13, TensorLocation = 14;
    public const int EntryKey = 1, EntryValue = 2;
    /// <summary>Of ValueInfoProto and TensorAnnotation alike.</summary>
    public const int ValueName = 1, ValueTyping = 2;
}

/// <summary>Element types by their numbers in <c>TensorProto.DataType</c>.</summary>
internal static class OnnxTypes
{
    private static readonly Dictionary<long, ElementType> Types = new()
    {
        [1] = ElementType.F32, [2] = ElementType.U8, [3] = ElementType.I8, [4] = ElementType.U16, [5] = ElementType.I16, [6] = ElementType.I32,
        [7] = ElementType.I64, [9] = ElementType.Bool, [10] = ElementType.F16, [11] = ElementType.F64, [12] = ElementType.U32,
        [13] = ElementType.U64, [16] = ElementType.BF16, [17] = ElementType.F8E4M3, [19] = ElementType.F8E5M2,
    };

    /// <summary>False for strings, complex numbers and types of less than a byte.</summary>
    public static bool TryParse(long number, out ElementType type) => Types.TryGetValue(number, out type);

    public static int NumberOf(ElementType type) => (int)Types.First(pair => pair.Value == type).Key;
}
