using ClusterLp.Core.Formats;
using ClusterLp.Core.Formats.Output;
using ClusterLp.Core.Formats.Safetensors;
using ClusterLp.Core.Reporting;

namespace ClusterLp.Core.FactorModels.Subspaces;

/// <summary>Rows u_i V_j, j being the row's subspace. Holds the ids and the factors; U is read. Thread-safe.</summary>
internal sealed class SubspacesDecoder : IRowDecoder
{
    private const int TileRows = 256;

    private readonly IMatrixSource _u;
    private readonly byte[] _ids;
    private readonly StackedFactors _factors;

    private SubspacesDecoder(IMatrixSource u, byte[] ids, StackedFactors factors) => (_u, _ids, _factors) = (u, ids, factors);

    public long Rows => _u.Rows;

    public int Columns => _factors.Columns;

    public int Rank => _factors.Rank;

    /// <exception cref="ClusterLpException">A part is missing, or has another shape or type, or an id is of no subspace (exit 65).</exception>
    public static SubspacesDecoder Open(IModel output, FactorNames names, TensorReport report)
    {
        if (output is not SafetensorsModel model)
            throw ClusterLpException.BadInput($"{output.Path}: subspaces are read from safetensors files alone.");
        (SafetensorsFile file, SafetensorsEntry entry) = model.Find(names.V);
        (SafetensorsFile idFile, SafetensorsEntry idEntry) = model.Find(names.Part(SubspacesModel.Ids));
        IMatrixSource u = output.OpenMatrix(names.U);
        try
        {
            if (u.Rows != report.Rows || u.Rows > Array.MaxLength || idEntry.Type != ElementType.U8 || !idEntry.Shape.AsSpan().SequenceEqual([u.Rows])
                || entry.Type is not (ElementType.F32 or ElementType.F16 or ElementType.BF16) || entry.Shape is not [>= 1 and <= 256, _, _]
                || entry.Shape[1] != report.Columns || entry.Shape[2] != u.Columns || entry.Length > Array.MaxLength)
                throw ClusterLpException.BadInput($"{output.Path}: the parts of \"{report.Name}\" are {u.Rows} x {u.Columns}, {Shape(entry)} and {Shape(idEntry)}; expected {report.Rows} x k, J x {report.Columns} x k and U8 {report.Rows}.");
            var (ids, bytes) = (new byte[idEntry.Length], new byte[entry.Length]);
            idFile.Read(idEntry, 0, ids);
            file.Read(entry, 0, bytes);
            int count = (int)entry.Shape[0];
            if (Array.FindIndex(ids, id => id >= count) is var bad and >= 0)
                throw ClusterLpException.BadInput($"{output.Path}: row {bad} of \"{report.Name}\" has subspace {ids[bad]}; expected one from 0 to {count - 1}.");
            var transposed = new float[bytes.Length / entry.Type.Size()];
            ElementConversion.ToFloat32(entry.Type, bytes, transposed);
            return new SubspacesDecoder(u, ids, new StackedFactors(transposed, count, report.Columns, u.Columns));
        }
        catch
        {
            u.Dispose();
            throw;
        }
    }

    public void Decode(long firstRow, int count, Span<float> rows) => Decode(firstRow, count, rows, _factors.Multiply);

    public void Decode(long firstRow, int count, Span<double> rows) => Decode(firstRow, count, rows, _factors.Multiply);

    public void Dispose() => _u.Dispose();

    private void Decode<T>(long firstRow, int count, Span<T> rows, Product<T> multiply)
    {
        for (int row = 0; row < count; row += TileRows)
        {
            int height = Math.Min(TileRows, count - row);
            var u = new float[height * Rank];
            _u.ReadRows(firstRow + row, height, u);
            multiply(u, _ids.AsSpan((int)firstRow + row, height), rows.Slice(row * Columns, height * Columns));
        }
    }

    private delegate void Product<T>(ReadOnlySpan<float> u, ReadOnlySpan<byte> ids, Span<T> rows);

    private static string Shape(SafetensorsEntry entry) => $"{entry.Type} {string.Join(" x ", entry.Shape)}";
}
