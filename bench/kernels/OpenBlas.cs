using System.Reflection;
using System.Runtime.InteropServices;

namespace ClusterLp.KernelBench;

/// <summary>The peer: OpenBLAS' C interface in the same process.</summary>
internal static unsafe partial class OpenBlas
{
    private const int RowMajor = 101, NoTranspose = 111, Transpose = 112, Upper = 121;

    static OpenBlas() => NativeLibrary.SetDllImportResolver(Assembly.GetExecutingAssembly(), (name, assembly, path) =>
        name != "openblas" ? 0
        : NativeLibrary.TryLoad("libopenblas.so.0", out nint handle) || NativeLibrary.TryLoad("libopenblas.so", out handle) ? handle
        : throw new DllNotFoundException("no libopenblas.so.0: install libopenblas0"));

    [LibraryImport("openblas", EntryPoint = "openblas_set_num_threads")]
    public static partial void SetThreads(int threads);

    [LibraryImport("openblas", EntryPoint = "openblas_get_config")]
    private static partial nint GetConfig();

    [LibraryImport("openblas")]
    private static partial void cblas_sgemm(int order, int transA, int transB, int m, int n, int k,
        float alpha, float* a, int lda, float* b, int ldb, float beta, float* c, int ldc);

    [LibraryImport("openblas")]
    private static partial void cblas_dgemm(int order, int transA, int transB, int m, int n, int k,
        double alpha, double* a, int lda, double* b, int ldb, double beta, double* c, int ldc);

    [LibraryImport("openblas")]
    private static partial void cblas_dsyrk(int order, int uplo, int trans, int n, int k,
        double alpha, double* a, int lda, double beta, double* c, int ldc);

    public static string Config => Marshal.PtrToStringUTF8(GetConfig())!;

    /// <summary>C (m x n) = A (m x k) B (k x n), row-major.</summary>
    public static void Multiply(float[] a, float[] b, float[] c, int m, int n, int k)
    {
        fixed (float* pa = a, pb = b, pc = c)
            cblas_sgemm(RowMajor, NoTranspose, NoTranspose, m, n, k, 1, pa, k, pb, n, 0, pc, n);
    }

    /// <summary>As above in float64.</summary>
    public static void Multiply(double[] a, double[] b, double[] c, int m, int n, int k)
    {
        fixed (double* pa = a, pb = b, pc = c)
            cblas_dgemm(RowMajor, NoTranspose, NoTranspose, m, n, k, 1, pa, k, pb, n, 0, pc, n);
    }

    /// <summary>Upper triangle of A^T A, A rows x d row-major.</summary>
    public static void Gram(double[] a, double[] gram, int rows, int d)
    {
        fixed (double* pa = a, pg = gram)
            cblas_dsyrk(RowMajor, Upper, Transpose, d, rows, 1, pa, d, 0, pg, d);
    }
}
