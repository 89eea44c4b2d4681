using MathNet.Numerics;
using MathNet.Numerics.Providers.LinearAlgebra;

namespace ClusterLp.Core.LinearAlgebra;

/// <summary>
/// Chooses MathNet's provider once per process: OpenBLAS where its library is found, managed code elsewhere or with
/// CLUSTERLP_OPENBLAS=off. Both on the calling thread alone, so that results do not depend on threads.
/// </summary>
public static class LinearAlgebraSetup
{
    /// <summary>The environment variable that turns OpenBLAS off.</summary>
    public const string Variable = "CLUSTERLP_OPENBLAS";

    private static readonly Lazy<string> Chosen = new(() => Choose(Environment.GetEnvironmentVariable(Variable)));

    /// <summary>Idempotent and thread-safe; every factorisation calls it.</summary>
    /// <exception cref="ClusterLpException">The variable has an unknown value (exit 64).</exception>
    public static void Ensure() => _ = Chosen.Value;

    /// <summary>Which library factorises, for <c>doctor</c> and the report, e.g. "OpenBLAS 0.3.21 (1 thread)" or "MathNet managed".</summary>
    public static string Description => Chosen.Value;

    private static string Choose(string? value)
    {
        if (value is not (null or "" or "on" or "off"))
            throw ClusterLpException.Usage($"{Variable} is '{value}': use on or off, or leave it unset.");
        Control.UseSingleThread();
        if (value != "off" && Lapack.TryLoad(out Lapack? lapack))
        {
            LinearAlgebraControl.Provider = OpenBlasProvider.Create(lapack);
            return lapack.Description;
        }
        LinearAlgebraControl.Provider = ManagedLinearAlgebraProvider.Instance;
        return "MathNet managed";
    }
}
