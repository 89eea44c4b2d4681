using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace ClusterLp.Core.Kernels;

/// <summary>The instruction sets our kernels are written for; all give the same bits.</summary>
public enum KernelSet
{
    /// <summary>No vectors; needs nothing (without hardware fused multiply-add it is slow).</summary>
    Scalar,
    /// <summary>256-bit vectors with FMA3.</summary>
    Avx2,
    /// <summary>512-bit vectors (AVX-512F).</summary>
    Avx512,
}

/// <summary>Chooses the kernel set once per process: the best the machine has, or CLUSTERLP_KERNELS=scalar|avx2|avx512.</summary>
public static class KernelSets
{
    /// <summary>The environment variable that overrides the choice.</summary>
    public const string Variable = "CLUSTERLP_KERNELS";

    private static readonly Lazy<KernelSet> Chosen = new(() => Choose(Environment.GetEnvironmentVariable(Variable)));

    /// <summary>The set in use.</summary>
    /// <exception cref="ClusterLpException">The variable names an unknown set, or one this machine lacks (exit 64).</exception>
    public static KernelSet Active => Chosen.Value;

    /// <summary>Whether this machine can run a set.</summary>
    public static bool IsAvailable(KernelSet set) => set switch
    {
        KernelSet.Scalar => true,
        KernelSet.Avx2 => Avx2.IsSupported && Fma.IsSupported,
        KernelSet.Avx512 => Avx512F.IsSupported && Vector512.IsHardwareAccelerated,
        _ => false,
    };

    /// <summary>The set a value of the variable stands for; null or empty: the best available.</summary>
    /// <exception cref="ClusterLpException">Unknown or unavailable (exit 64).</exception>
    public static KernelSet Choose(string? value)
    {
        if (string.IsNullOrEmpty(value))
            return IsAvailable(KernelSet.Avx512) ? KernelSet.Avx512 : IsAvailable(KernelSet.Avx2) ? KernelSet.Avx2 : KernelSet.Scalar;
        KernelSet set = value switch
        {
            "scalar" => KernelSet.Scalar,
            "avx2" => KernelSet.Avx2,
            "avx512" => KernelSet.Avx512,
            _ => throw ClusterLpException.Usage($"{Variable} is '{value}': use scalar, avx2 or avx512, or leave it unset."),
        };
        return IsAvailable(set)
            ? set
            : throw ClusterLpException.Usage($"{Variable} is '{value}', which this processor does not have: leave it unset.");
    }
}
