using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using ClusterLp.Core.Kernels;

namespace ClusterLp.Core.LinearAlgebra;

/// <summary>
/// LAPACK's factorisations from the system's OpenBLAS, by their Fortran names (Debian's build has no LAPACKE). Sizes are
/// checked by the caller. Runs on the calling thread: OpenBLAS is set to one thread, and we run several factorisations
/// side by side where there are several.
/// </summary>
internal sealed unsafe class Lapack : IFactoriser
{
    private static readonly string[] LibraryNames = ["libopenblas.so.0", "libopenblas.so", "libopenblas"];

    [ThreadStatic] private static double[]? _work;
    [ThreadStatic] private static int[]? _integerWork;

    // Fortran passes the lengths of character arguments after the others.
    private readonly delegate* unmanaged<byte*, byte*, int*, double*, int*, double*, double*, int*, int*, int*, int*, nint, nint, void> _dsyevd;
    private readonly delegate* unmanaged<byte*, int*, double*, int*, int*, nint, void> _dpotrf;

    /// <summary>Name, version, the processor it computes for (the last bits depend on it), and threads, e.g. "OpenBLAS 0.3.21 (Haswell, 1 thread)".</summary>
    public string Description { get; }

    private Lapack(nint library)
    {
        _dsyevd = (delegate* unmanaged<byte*, byte*, int*, double*, int*, double*, double*, int*, int*, int*, int*, nint, nint, void>)NativeLibrary.GetExport(library, "dsyevd_");
        _dpotrf = (delegate* unmanaged<byte*, int*, double*, int*, int*, nint, void>)NativeLibrary.GetExport(library, "dpotrf_");

        ((delegate* unmanaged<int, void>)NativeLibrary.GetExport(library, "openblas_set_num_threads"))(1);
        string[] words = Said(library, "openblas_get_config").Split(' ', StringSplitOptions.RemoveEmptyEntries);
        Description = $"OpenBLAS {words.FirstOrDefault(w => char.IsAsciiDigit(w[0])) ?? "of unknown version"} ({Said(library, "openblas_get_corename")}, 1 thread)";
    }

    private static string Said(nint library, string function) =>
        Marshal.PtrToStringUTF8((nint)((delegate* unmanaged<byte*>)NativeLibrary.GetExport(library, function))()) ?? "";

    /// <summary>Loads the library; false where it is absent or lacks a routine.</summary>
    public static bool TryLoad([NotNullWhen(true)] out Lapack? lapack)
    {
        lapack = null;
        foreach (string name in LibraryNames)
            if (NativeLibrary.TryLoad(name, out nint library))
            {
                try
                {
                    lapack = new Lapack(library);
                    return true;
                }
                catch (EntryPointNotFoundException)
                {
                    NativeLibrary.Free(library);
                }
            }
        return false;
    }

    /// <summary>Divide and conquer (dsyevd). Its columns, Fortran's way, are our rows.</summary>
    /// <inheritdoc/>
    public void SymmetricEigen(double[] a, int n, double[] values)
    {
        byte vectors = (byte)'V', lower = (byte)'L';
        int info, lwork = -1, liwork = -1, iworkSize;
        double workSize;
        fixed (double* pa = a, pw = values)
        {
            _dsyevd(&vectors, &lower, &n, pa, &n, pw, &workSize, &lwork, &iworkSize, &liwork, &info, 1, 1);
            lwork = (int)workSize;
            liwork = iworkSize;
            fixed (double* work = KeptArray.Of(ref _work, lwork))
            fixed (int* iwork = KeptArray.Of(ref _integerWork, liwork))
                _dsyevd(&vectors, &lower, &n, pa, &n, pw, work, &lwork, iwork, &liwork, &info, 1, 1);
        }
        Check(info, "dsyevd");
    }

    /// <summary>dpotrf. Its lower triangle, Fortran's way, is our upper one, and is copied down.</summary>
    /// <inheritdoc/>
    public bool Cholesky(double[] a, int n)
    {
        byte lower = (byte)'L';
        int info;
        fixed (double* pa = a)
            _dpotrf(&lower, &n, pa, &n, &info, 1);
        Check(Math.Min(info, 0), "dpotrf");
        for (int i = 1; i < n; i++)
            for (int j = 0; j < i; j++)
                a[i * n + j] = a[j * n + i];
        return info == 0;
    }

    private static void Check(int info, string routine)
    {
        if (info < 0)
            throw new ArgumentException($"{routine} refused its argument {-info}");
        if (info > 0)
            throw new InvalidOperationException($"{routine} did not converge ({info})");
    }
}
