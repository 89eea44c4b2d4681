using System.Runtime.InteropServices;
using System.Text;

namespace ClusterLp.Cli.Demo;

/// <summary>Writes float32 matrices as .npy version 1.0 (little-endian, C order), row block by row block.</summary>
internal static class NpyFile
{
    /// <summary>Creates the file with its header; the caller appends rows x columns float32 with <see cref="Append"/>.</summary>
    public static FileStream Create(string path, long rows, int columns)
    {
        FileStream file = OutputFile.Create(path);
        string dictionary = $"{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, {columns}), }}";
        // Magic, version and length take 10 bytes; the header ends in a newline on a multiple of 64.
        int length = (10 + dictionary.Length + 1 + 63) / 64 * 64 - 10;
        file.Write([0x93, (byte)'N', (byte)'U', (byte)'M', (byte)'P', (byte)'Y', 1, 0, (byte)length, (byte)(length >> 8)]);
        file.Write(Encoding.ASCII.GetBytes(dictionary.PadRight(length - 1) + '\n'));
        return file;
    }

    /// <summary>Appends whole rows, float32 row-major.</summary>
    public static void Append(FileStream file, ReadOnlySpan<float> rows) => file.Write(MemoryMarshal.AsBytes(rows));
}
