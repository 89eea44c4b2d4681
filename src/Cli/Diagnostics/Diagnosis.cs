using System.Globalization;
using System.Runtime.InteropServices;
using ClusterLp.Cli.Rendering;
using ClusterLp.Core.Kernels;
using ClusterLp.Core.LinearAlgebra;

namespace ClusterLp.Cli.Diagnostics;

internal enum Verdict
{
    Ok,
    /// <summary>Works, but not as well as it could.</summary>
    Slow,
    Failed,
}

/// <summary>One line of <c>doctor</c>.</summary>
/// <param name="Subject">What was looked at.</param>
/// <param name="Verdict">How it is.</param>
/// <param name="Found">What was found.</param>
/// <param name="Advice">What to do about it, or null.</param>
internal sealed record Finding(string Subject, Verdict Verdict, string Found, string? Advice = null);

/// <summary>Looks at everything a job depends on.</summary>
internal static class Diagnosis
{
    private const long LittleSpace = 1L << 30;

    public static async Task<IReadOnlyList<Finding>> RunAsync(CancellationToken cancellation) =>
    [
        new Finding("runtime", Verdict.Ok, $"{RuntimeInformation.FrameworkDescription}, {RuntimeInformation.RuntimeIdentifier}"),
        new Finding("cores", Verdict.Ok, Environment.ProcessorCount.ToString(CultureInfo.InvariantCulture)),
        new Finding("memory", Verdict.Ok, Machine.MemoryBytes() is long bytes ? $"{Figures.Bytes(bytes)} for this process" : "unknown"),
        Kernels(),
        Factorisations(),
        TemporarySpace(),
        await TlsCheck.RunAsync(cancellation),
        await SelfCheck.RunAsync(cancellation),
    ];

    private static Finding Kernels()
    {
        KernelSet active = KernelSets.Active;
        string found = active.ToString().ToLowerInvariant();
        return active switch
        {
            KernelSet.Scalar when KernelSets.IsAvailable(KernelSet.Avx2) =>
                new Finding("kernels", Verdict.Slow, found, $"the processor has AVX2: unset {KernelSets.Variable}"),
            KernelSet.Scalar => new Finding("kernels", Verdict.Slow, found, "the processor has neither AVX2 with FMA nor AVX-512; everything works, many times slower"),
            _ => new Finding("kernels", Verdict.Ok, found),
        };
    }

    private static Finding Factorisations()
    {
        string found = LinearAlgebraSetup.Description;
        bool blas = found.StartsWith("OpenBLAS", StringComparison.Ordinal);
        return new Finding("factorisations", blas ? Verdict.Ok : Verdict.Slow, found, blas ? null
            : Environment.GetEnvironmentVariable(LinearAlgebraSetup.Variable) == "off" ? $"OpenBLAS is turned off: unset {LinearAlgebraSetup.Variable}"
            : "slower than OpenBLAS, some seconds a job at 1024 columns: apt-get install libopenblas0");
    }

    private static Finding TemporarySpace()
    {
        long free = Machine.TemporarySpace();
        return new Finding("temporary space", free < LittleSpace ? Verdict.Slow : Verdict.Ok, $"{Figures.Bytes(free)} in {Path.GetTempPath()}",
            free < LittleSpace ? "point TMPDIR at a larger disk if the demo or the tests run out of it" : null);
    }
}
