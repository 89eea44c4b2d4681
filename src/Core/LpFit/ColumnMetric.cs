using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using ClusterLp.Core.Formats;
using ClusterLp.Core.Formats.Npy;

namespace ClusterLp.Core.LpFit;

/// <summary>
/// H, a symmetric positive semi-definite d x d matrix of a float32 or float64 .npy: the Gram matrix X^T X of what a layer
/// reads (Wang et al. 2024, SVD-LLM, arXiv 2403.07378). ||(A - UV) H^(1/2)||_F is then the error of the layer's output on X.
/// </summary>
/// <param name="Values">d x d row-major float64, exactly symmetric.</param>
/// <param name="D">d.</param>
/// <param name="Sha256">Of the file, lower-case hexadecimal.</param>
public sealed record ColumnMetric(double[] Values, int D, string Sha256)
{
    /// <summary>Largest |h_ij - h_ji| taken for rounding, relative to the largest entry.</summary>
    private const double SymmetryTolerance = 1e-5;

    /// <summary>Reads and checks the file but for its eigenvalues. O(d^2).</summary>
    /// <param name="path">The .npy.</param>
    /// <param name="d">Columns of the tensor.</param>
    /// <exception cref="ClusterLpException">
    /// Missing (exit 66); not a d x d float32 or float64 .npy, not finite, not symmetric, or all zero (65).
    /// </exception>
    public static ColumnMetric Read(string path, int d)
    {
        using InputFile file = InputFile.Open(path);
        NpyHeader header = NpyHeader.Read(file);
        if (header.Type is not (ElementType.F32 or ElementType.F64))
            throw file.Bad($"the column metric is {header.Type}; expected float32 or float64.");
        if (header.Shape.Length != 2 || header.Shape[0] != d || header.Shape[1] != d)
            throw file.Bad($"the column metric has shape ({string.Join(", ", header.Shape)}); expected ({d}, {d}), the tensor's columns on both sides.");
        int size = header.Type.Size();
        long bytes = (long)d * d * size;
        if (file.Length - header.DataOffset != bytes)
            throw file.Bad($"a {d} x {d} {header.Type} matrix takes {bytes} bytes from offset {header.DataOffset}, but the file has {file.Length - header.DataOffset}.");

        var values = new double[checked(d * d)];
        var row = new byte[d * size];
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(file.ReadHeader(0, (int)header.DataOffset));
        for (int i = 0; i < d; i++)
        {
            file.Read(header.DataOffset + (long)i * row.Length, row);
            hash.AppendData(row);
            for (int j = 0; j < d; j++)
                values[i * d + j] = Element(row.AsSpan(j * size), header);
        }
        Symmetrise(file, values, d);
        return new ColumnMetric(values, d, Convert.ToHexStringLower(hash.GetHashAndReset()));
    }

    private static double Element(ReadOnlySpan<byte> bytes, NpyHeader header) => (header.Type, header.BigEndian) switch
    {
        (ElementType.F32, false) => BinaryPrimitives.ReadSingleLittleEndian(bytes),
        (ElementType.F32, true) => BinaryPrimitives.ReadSingleBigEndian(bytes),
        (_, false) => BinaryPrimitives.ReadDoubleLittleEndian(bytes),
        _ => BinaryPrimitives.ReadDoubleBigEndian(bytes),
    };

    // A symmetric matrix is the same in C and in Fortran order.
    private static void Symmetrise(InputFile file, double[] values, int d)
    {
        if (Array.FindIndex(values, value => !double.IsFinite(value)) is var bad and >= 0)
            throw file.Bad(string.Create(CultureInfo.InvariantCulture, $"entry ({bad / d}, {bad % d}) of the column metric is {values[bad]}; every entry must be finite."));
        double largest = values.Max(Math.Abs);
        if (largest == 0)
            throw file.Bad("the column metric is zero, so that all factors are equally good; expected the Gram matrix of the layer's inputs.");
        for (int i = 0; i < d; i++)
            for (int j = i + 1; j < d; j++)
            {
                (double upper, double lower) = (values[i * d + j], values[j * d + i]);
                if (!(Math.Abs(upper - lower) <= SymmetryTolerance * largest))
                    throw file.Bad(string.Create(CultureInfo.InvariantCulture,
                        $"the column metric is not symmetric: entry ({i}, {j}) is {upper}, entry ({j}, {i}) is {lower}; expected X^T X."));
                // Halves first: the sum may be out of range.
                values[i * d + j] = values[j * d + i] = upper / 2 + lower / 2;
            }
    }
}
