using ClusterLp.Core.LinearAlgebra.Managed;

namespace ClusterLp.Core.LinearAlgebra;

/// <summary>
/// Chooses the factoriser once per process: OpenBLAS where its library is found, our own code elsewhere or with
/// CLUSTERLP_OPENBLAS=off.
/// </summary>
public static class LinearAlgebraSetup
{
    /// <summary>The environment variable that turns OpenBLAS off.</summary>
    public const string Variable = "CLUSTERLP_OPENBLAS";

    private static readonly Lazy<IFactoriser> Chosen = new(() => Choose(Environment.GetEnvironmentVariable(Variable)));

    /// <summary>The factoriser in use.</summary>
    /// <exception cref="ClusterLpException">The variable has an unknown value (exit 64).</exception>
    public static IFactoriser Factoriser => Chosen.Value;

    /// <summary>Its name, for <c>doctor</c> and the report: "OpenBLAS 0.3.21 (Haswell, 1 thread)" or "managed".</summary>
    public static string Description => Factoriser.Description;

    private static IFactoriser Choose(string? value)
    {
        if (value is not (null or "" or "on" or "off"))
            throw ClusterLpException.Usage($"{Variable} is '{value}': use on or off, or leave it unset.");
        return value != "off" && Lapack.TryLoad(out Lapack? lapack) ? lapack : new ManagedFactoriser();
    }
}
