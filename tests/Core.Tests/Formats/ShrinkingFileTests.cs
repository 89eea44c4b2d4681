using System.Text;
using ClusterLp.Core.Formats;

namespace ClusterLp.Core.Tests.Formats;

/// <summary>A file that loses its end after it was opened is refused; mapped, it would end the process with a signal.</summary>
public class ShrinkingFileTests
{
    private const int Rows = 4000, Columns = 12;

    [Theory]
    [InlineData("m.safetensors")]
    [InlineData("m.npy")]
    [InlineData("fortran.npy")]
    [InlineData("half.npy")]
    [InlineData("m.npz")]
    [InlineData("v.vec")]
    [InlineData("w.bin")]
    [InlineData("m.ftz")]
    public void Rows_beyond_the_new_end_are_refused_with_path_and_offset(string format)
    {
        using var folder = new TemporaryFolder();
        byte[] bytes = Good(format);
        string path = folder.Write(format, bytes);
        using IModel model = ModelFiles.Open(path);
        using IMatrixSource matrix = model.OpenMatrix(model.Tensors.Single().Name);
        var rows = new float[matrix.Rows * matrix.Columns];
        matrix.ReadRows(0, (int)matrix.Rows, rows);
        using (var file = new FileStream(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite))
            file.SetLength(300);

        var refused = Assert.Throws<ClusterLpException>(() => matrix.ReadRows(0, (int)matrix.Rows, rows));
        Assert.Equal(ExitCode.BadInput, refused.Code);
        Assert.StartsWith(path, refused.Message);
        Assert.Contains("shrank", refused.Message);
        Assert.Contains($"{bytes.Length} bytes when it was opened", refused.Message);
    }

    [Fact]
    public void A_file_replaced_by_another_is_still_read_as_it_was()
    {
        using var folder = new TemporaryFolder();
        string path = folder.Write("m.npy", Good("m.npy"));
        using IModel model = ModelFiles.Open(path);
        using IMatrixSource matrix = model.OpenMatrix("m");
        float[] before = Reading.AllRows(matrix);
        File.Move(folder.Write("other", [1, 2, 3]), path, overwrite: true);
        Assert.Equal(before, Reading.AllRows(matrix));
    }

    [Fact]
    public void Rows_longer_than_what_is_read_ahead_are_read_whole()
    {
        const int columns = 200_000;
        using var folder = new TemporaryFolder();
        string line = "w " + string.Join(' ', Enumerable.Range(0, columns).Select(i => i % 97));
        string path = folder.Write("long.vec", Encoding.UTF8.GetBytes($"3 {columns}\n{line}\n{line}\n{line}\n\n \n"));
        float[] rows = Reading.AllRows(path);
        Assert.Equal(Enumerable.Range(0, 3 * columns).Select(i => (float)(i % columns % 97)), rows);
    }

    private static byte[] Good(string format)
    {
        float[] values = [.. Enumerable.Range(0, Rows * Columns).Select(i => (float)i)];
        return format switch
        {
            "m.safetensors" => SampleModels.File(("m", "F32", $"[{Rows},{Columns}]", Craft.Bytes(values))),
            "m.npy" => Craft.Npy("<f4", $"({Rows}, {Columns})", Craft.Bytes(values)),
            "fortran.npy" => Craft.Npy("<f4", $"({Rows}, {Columns})", Craft.Bytes(values), fortran: true),
            "half.npy" => Craft.Npy("<f2", $"({Rows}, {Columns})", new byte[Rows * Columns * 2]),
            "m.npz" => Craft.Csr(Rows, Columns, [.. Enumerable.Range(0, Rows + 1)], [.. Enumerable.Range(0, Rows).Select(i => i % Columns)], [.. Enumerable.Range(0, Rows).Select(i => i + 1.0)]),
            "v.vec" => Encoding.UTF8.GetBytes(string.Concat(Enumerable.Range(0, Rows).Select(i => $"w{i} {i} 2 3\n"))),
            "w.bin" => [.. Encoding.ASCII.GetBytes($"{Rows} {Columns}\n"), .. Enumerable.Range(0, Rows).SelectMany(_ => (byte[])[(byte)'w', (byte)' ', .. new byte[4 * Columns]])],
            _ => new FastTextCraft
            {
                PrunedCount = 1,
                Pruned = [(77, 0)],
                QuantisedInput = 1,
                Input = [1, .. Craft.Bytes(3L, 4L), .. Craft.Bytes(6), .. new byte[6], .. Craft.Bytes(4, 2, 2, 2), .. new byte[4096], .. new byte[3], .. Craft.Bytes(1, 1, 1, 1), .. new byte[1024]],
                Output = FastTextCraft.Dense(2, 4, new float[8]),
            }.Build(),
        };
    }
}
