using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace ClusterLp.Core.Kernels;

/// <summary>
/// A vector <typeparamref name="V"/> of <see cref="Count"/> elements <typeparamref name="T"/> as the microkernel sees it.
/// Every operation is exact IEEE per lane, so kernels written over it give the same bits for every implementation.
/// </summary>
internal unsafe interface ILanes<T, V> where T : unmanaged where V : struct
{
    static abstract int Count { get; }

    /// <summary>Rows of a register tile: what the registers hold beside one panel row.</summary>
    static abstract int TileRows { get; }

    static abstract V Load(T* from);
    static abstract V Broadcast(T* from);
    static abstract void Store(T* to, V value);
    static abstract V Add(V x, V y);
    static abstract V Multiply(V x, V y);

    /// <summary>Loads <see cref="Count"/> float32 values and converts them, exactly.</summary>
    static abstract V Convert(float* from);
    static abstract T Convert(float value);

    /// <summary>x y + z, rounded once.</summary>
    static abstract V FusedMultiplyAdd(V x, V y, V z);
}

internal readonly unsafe struct Float512 : ILanes<float, Vector512<float>>
{
    public static int Count => Vector512<float>.Count;
    public static int TileRows => 8;
    public static Vector512<float> Load(float* from) => Vector512.Load(from);
    public static Vector512<float> Broadcast(float* from) => Vector512.Create(*from);
    public static void Store(float* to, Vector512<float> value) => value.Store(to);
    public static Vector512<float> Add(Vector512<float> x, Vector512<float> y) => x + y;
    public static Vector512<float> Multiply(Vector512<float> x, Vector512<float> y) => x * y;
    public static Vector512<float> Convert(float* from) => Vector512.Load(from);
    public static float Convert(float value) => value;
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> FusedMultiplyAdd(Vector512<float> x, Vector512<float> y, Vector512<float> z) => Avx512F.FusedMultiplyAdd(x, y, z);
}

internal readonly unsafe struct Double512 : ILanes<double, Vector512<double>>
{
    public static int Count => Vector512<double>.Count;
    public static int TileRows => 8;
    public static Vector512<double> Load(double* from) => Vector512.Load(from);
    public static Vector512<double> Broadcast(double* from) => Vector512.Create(*from);
    public static void Store(double* to, Vector512<double> value) => value.Store(to);
    public static Vector512<double> Add(Vector512<double> x, Vector512<double> y) => x + y;
    public static Vector512<double> Multiply(Vector512<double> x, Vector512<double> y) => x * y;
    public static Vector512<double> Convert(float* from) => Avx512F.ConvertToVector512Double(Vector256.Load(from));
    public static double Convert(float value) => value;
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<double> FusedMultiplyAdd(Vector512<double> x, Vector512<double> y, Vector512<double> z) => Avx512F.FusedMultiplyAdd(x, y, z);
}

internal readonly unsafe struct Float256 : ILanes<float, Vector256<float>>
{
    public static int Count => Vector256<float>.Count;
    public static int TileRows => 4;
    public static Vector256<float> Load(float* from) => Vector256.Load(from);
    public static Vector256<float> Broadcast(float* from) => Vector256.Create(*from);
    public static void Store(float* to, Vector256<float> value) => value.Store(to);
    public static Vector256<float> Add(Vector256<float> x, Vector256<float> y) => x + y;
    public static Vector256<float> Multiply(Vector256<float> x, Vector256<float> y) => x * y;
    public static Vector256<float> Convert(float* from) => Vector256.Load(from);
    public static float Convert(float value) => value;
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> FusedMultiplyAdd(Vector256<float> x, Vector256<float> y, Vector256<float> z) => Fma.MultiplyAdd(x, y, z);
}

internal readonly unsafe struct Double256 : ILanes<double, Vector256<double>>
{
    public static int Count => Vector256<double>.Count;
    public static int TileRows => 4;
    public static Vector256<double> Load(double* from) => Vector256.Load(from);
    public static Vector256<double> Broadcast(double* from) => Vector256.Create(*from);
    public static void Store(double* to, Vector256<double> value) => value.Store(to);
    public static Vector256<double> Add(Vector256<double> x, Vector256<double> y) => x + y;
    public static Vector256<double> Multiply(Vector256<double> x, Vector256<double> y) => x * y;
    public static Vector256<double> Convert(float* from) => Avx.ConvertToVector256Double(Vector128.Load(from));
    public static double Convert(float value) => value;
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<double> FusedMultiplyAdd(Vector256<double> x, Vector256<double> y, Vector256<double> z) => Fma.MultiplyAdd(x, y, z);
}

internal readonly unsafe struct FloatScalar : ILanes<float, float>
{
    public static int Count => 1;
    public static int TileRows => 4;
    public static float Load(float* from) => *from;
    public static float Broadcast(float* from) => *from;
    public static void Store(float* to, float value) => *to = value;
    public static float Add(float x, float y) => x + y;
    public static float Multiply(float x, float y) => x * y;
    public static float Convert(float* from) => *from;
    public static float Convert(float value) => value;
    public static float FusedMultiplyAdd(float x, float y, float z) => MathF.FusedMultiplyAdd(x, y, z);
}

internal readonly unsafe struct DoubleScalar : ILanes<double, double>
{
    public static int Count => 1;
    public static int TileRows => 4;
    public static double Load(double* from) => *from;
    public static double Broadcast(double* from) => *from;
    public static void Store(double* to, double value) => *to = value;
    public static double Add(double x, double y) => x + y;
    public static double Multiply(double x, double y) => x * y;
    public static double Convert(float* from) => *from;
    public static double Convert(float value) => value;
    public static double FusedMultiplyAdd(double x, double y, double z) => Math.FusedMultiplyAdd(x, y, z);
}
