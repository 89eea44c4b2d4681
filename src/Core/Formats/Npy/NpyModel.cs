namespace ClusterLp.Core.Formats.Npy;

/// <summary>A two-dimensional floating .npy file as a model of one matrix.</summary>
internal static class NpyModel
{
    /// <summary>Takes over <paramref name="file"/>, also where it throws.</summary>
    /// <exception cref="ClusterLpException">Not a two-dimensional floating .npy of exactly the announced size (exit 65).</exception>
    public static IModel Open(InputFile file)
    {
        try
        {
            NpyHeader header = NpyHeader.Read(file);
            string shape = "(" + string.Join(", ", header.Shape) + ")";
            if (header.Shape.Length != 2)
                throw file.Bad($"the array has {header.Shape.Length} dimension(s), shape {shape}; expected a matrix of rows x columns.");
            (long rows, long columns) = (header.Shape[0], header.Shape[1]);
            if (rows == 0 || columns == 0)
                throw file.Bad($"the array has shape {shape}: there is nothing to compress.");
            if (columns > int.MaxValue || (Int128)rows * columns * header.Type.Size() is var bytes && bytes > long.MaxValue)
                throw file.Bad($"shape {shape} overflows.");
            long held = file.Length - header.DataOffset;
            if (held != (long)bytes)
                throw file.Bad($"{(held < bytes ? "the data is truncated" : "there is trailing data")}: shape {shape} of {header.Type} "
                    + $"takes {bytes} bytes from offset {header.DataOffset}, but the file has {held}.");
            if (header.Order == ElementOrder.Fortran && !file.IsRandomAccess)
                throw file.Bad("the array is column-major (fortran_order) and too large for this process' cache of objects: every row block would take a request "
                    + "a column; save it row-major (numpy.ascontiguousarray), raise CLUSTERLP_S3_CACHE_MIB, or download it first.");
            string name = Path.GetFileNameWithoutExtension(file.Path);
            var info = new TensorInfo(name, header.Type, [rows, columns], (long)bytes);
            return new SingleMatrixModel(file, info,
                () => new StoredMatrix(file, name, rows, (int)columns, header.DataOffset, header.Type, header.BigEndian, header.Order));
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }
}
