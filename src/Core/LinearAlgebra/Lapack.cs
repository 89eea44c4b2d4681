using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using MathNet.Numerics;

namespace ClusterLp.Core.LinearAlgebra;

/// <summary>
/// LAPACK's factorisations from the system's OpenBLAS, by their Fortran names (Debian's build has no LAPACKE). Matrices are
/// column-major float64; sizes are checked by the caller. Runs on the calling thread: OpenBLAS is set to one thread, and
/// we run several factorisations side by side where there are several.
/// </summary>
internal sealed unsafe class Lapack
{
    private static readonly string[] LibraryNames = ["libopenblas.so.0", "libopenblas.so", "libopenblas"];

    // Fortran passes the lengths of character arguments after the others.
    private readonly delegate* unmanaged<byte*, byte*, int*, double*, int*, double*, double*, int*, int*, int*, int*, nint, nint, void> _dsyevd;
    private readonly delegate* unmanaged<byte*, int*, double*, int*, int*, nint, void> _dpotrf;
    private readonly delegate* unmanaged<int*, int*, double*, int*, double*, double*, int*, int*, void> _dgeqrf;
    private readonly delegate* unmanaged<int*, int*, int*, double*, int*, double*, double*, int*, int*, void> _dorgqr;
    private readonly delegate* unmanaged<byte*, int*, int*, double*, int*, double*, double*, int*, double*, int*, double*, int*, int*, int*, nint, void> _dgesdd;

    /// <summary>Name, version and threads, e.g. "OpenBLAS 0.3.21 (1 thread)".</summary>
    public string Description { get; }

    private Lapack(nint library)
    {
        _dsyevd = (delegate* unmanaged<byte*, byte*, int*, double*, int*, double*, double*, int*, int*, int*, int*, nint, nint, void>)NativeLibrary.GetExport(library, "dsyevd_");
        _dpotrf = (delegate* unmanaged<byte*, int*, double*, int*, int*, nint, void>)NativeLibrary.GetExport(library, "dpotrf_");
        _dgeqrf = (delegate* unmanaged<int*, int*, double*, int*, double*, double*, int*, int*, void>)NativeLibrary.GetExport(library, "dgeqrf_");
        _dorgqr = (delegate* unmanaged<int*, int*, int*, double*, int*, double*, double*, int*, int*, void>)NativeLibrary.GetExport(library, "dorgqr_");
        _dgesdd = (delegate* unmanaged<byte*, int*, int*, double*, int*, double*, double*, int*, double*, int*, double*, int*, int*, int*, nint, void>)NativeLibrary.GetExport(library, "dgesdd_");

        ((delegate* unmanaged<int, void>)NativeLibrary.GetExport(library, "openblas_set_num_threads"))(1);
        var config = ((delegate* unmanaged<byte*>)NativeLibrary.GetExport(library, "openblas_get_config"))();
        string[] words = (Marshal.PtrToStringUTF8((nint)config) ?? "").Split(' ', StringSplitOptions.RemoveEmptyEntries);
        Description = $"OpenBLAS {words.FirstOrDefault(w => char.IsAsciiDigit(w[0])) ?? "of unknown version"} (1 thread)";
    }

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

    /// <summary>
    /// Eigenvalues (ascending) of a symmetric n x n matrix, and its eigenvectors as columns in place of it. Reads the lower
    /// triangle. Divide and conquer (dsyevd).
    /// </summary>
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
            fixed (double* work = new double[lwork])
            fixed (int* iwork = new int[liwork])
                _dsyevd(&vectors, &lower, &n, pa, &n, pw, work, &lwork, iwork, &liwork, &info, 1, 1);
        }
        Check(info, "dsyevd");
    }

    /// <summary>L in the lower triangle of a symmetric n x n matrix. False where it is not positive definite (dpotrf).</summary>
    public bool Cholesky(double[] a, int n)
    {
        byte lower = (byte)'L';
        int info;
        fixed (double* pa = a)
            _dpotrf(&lower, &n, pa, &n, &info, 1);
        Check(Math.Min(info, 0), "dpotrf");
        return info == 0;
    }

    /// <summary>
    /// QR of an m x n matrix: R on and above the diagonal, Householder vectors below, their factors in <paramref name="tau"/>
    /// (dgeqrf).
    /// </summary>
    public void HouseholderQr(double[] a, int m, int n, double[] tau)
    {
        int info, lwork = -1;
        double size;
        fixed (double* pa = a, pt = tau)
        {
            _dgeqrf(&m, &n, pa, &m, pt, &size, &lwork, &info);
            lwork = (int)size;
            fixed (double* work = new double[lwork])
                _dgeqrf(&m, &n, pa, &m, pt, work, &lwork, &info);
        }
        Check(info, "dgeqrf");
    }

    /// <summary>The first n columns of Q (m x n, in place) from k Householder vectors (dorgqr).</summary>
    public void FormQ(double[] q, int m, int n, int k, double[] tau)
    {
        int info, lwork = -1;
        double size;
        fixed (double* pq = q, pt = tau)
        {
            _dorgqr(&m, &n, &k, pq, &m, pt, &size, &lwork, &info);
            lwork = (int)size;
            fixed (double* work = new double[lwork])
                _dorgqr(&m, &n, &k, pq, &m, pt, work, &lwork, &info);
        }
        Check(info, "dorgqr");
    }

    /// <summary>
    /// Singular values (descending) of an m x n matrix, which is destroyed; with vectors also U (m x m) and V^T (n x n).
    /// Divide and conquer (dgesdd).
    /// </summary>
    public void Svd(bool vectors, double[] a, int m, int n, double[] s, double[] u, double[] vt)
    {
        byte job = (byte)(vectors ? 'A' : 'N');
        int info, lwork = -1;
        double size;
        fixed (double* pa = a, ps = s, pu = u, pv = vt)
        fixed (int* iwork = new int[8 * Math.Min(m, n)])
        {
            _dgesdd(&job, &m, &n, pa, &m, ps, pu, &m, pv, &n, &size, &lwork, iwork, &info, 1);
            lwork = (int)size;
            fixed (double* work = new double[lwork])
                _dgesdd(&job, &m, &n, pa, &m, ps, pu, &m, pv, &n, work, &lwork, iwork, &info, 1);
        }
        Check(info, "dgesdd");
    }

    private static void Check(int info, string routine)
    {
        if (info < 0)
            throw new ArgumentException($"{routine} refused its argument {-info}");
        if (info > 0)
            throw new NonConvergenceException($"{routine} did not converge ({info})");
    }
}
