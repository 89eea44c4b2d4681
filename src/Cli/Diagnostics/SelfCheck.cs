using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using ClusterLp.Cli.Hosting;
using ClusterLp.Cli.Running;
using ClusterLp.Core;
using ClusterLp.Core.Formats;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Reporting;
using Spectre.Console;

namespace ClusterLp.Cli.Diagnostics;

/// <summary>
/// Compresses a tiny matrix from file to file, and compares the l_p error of every stored row with the best that a search
/// finds for the stored V: nothing of the fit is used to judge it.
/// </summary>
internal static class SelfCheck
{
    private const int Rows = 60, Columns = 4;
    private const double P = 1.5, Tolerance = 1e-3;

    public static async Task<Finding> RunAsync(CancellationToken cancellation)
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("clusterlp-doctor-");
        try
        {
            string input = Path.Combine(folder.FullName, "tiny.npy"), output = Path.Combine(folder.FullName, "out");
            float[] a = Matrix();
            WriteNpy(input, a);
            var silent = new Terminal(Console(), Console());
            await using var job = new EmbeddedJob(new EmbeddedOptions(1, 1));
            JobReport report = await new CompressionRun(silent, quiet: true) { Fitter = job }.RunAsync(
                new JobSpec { Input = input, Output = output, Rank = 1, P = P }, null,
                job.RunAsync, cancellation);

            double best = BestError(a, ReadV(output)), reported = report.Tensors[0].Errors.Lp;
            bool agrees = Math.Abs(reported - best) <= Tolerance * best;
            string figures = string.Create(CultureInfo.InvariantCulture, $"l_{P} error {reported:G6} of a {Rows} x {Columns} matrix, {best:G6} by brute force");
            return new Finding("self-check", agrees ? Verdict.Ok : Verdict.Failed, figures, agrees ? null : "this build computes wrong results here: please report it with this output");
        }
        catch (ClusterLpException e)
        {
            return new Finding("self-check", Verdict.Failed, e.Message);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    // One direction, some ripple, and two gross outliers.
    private static float[] Matrix()
    {
        var a = new float[Rows * Columns];
        for (int i = 0; i < Rows; i++)
            for (int j = 0; j < Columns; j++)
                a[i * Columns + j] = (float)((1 + i % 7) * (j + 1) + Math.Sin(3 * i + 5 * j));
        a[5] = 90;
        a[4 * Columns] = -70;
        return a;
    }

    private static void WriteNpy(string path, float[] a)
    {
        string header = $"{{'descr': '<f4', 'fortran_order': False, 'shape': ({Rows}, {Columns}), }}".PadRight(117) + "\n";
        using FileStream file = File.Create(path);
        file.Write([0x93, .. "NUMPY"u8, 1, 0, (byte)header.Length, 0]);
        file.Write(Encoding.ASCII.GetBytes(header));
        Span<byte> bytes = stackalloc byte[sizeof(float)];
        foreach (float entry in a)
        {
            BinaryPrimitives.WriteSingleLittleEndian(bytes, entry);
            file.Write(bytes);
        }
    }

    private static float[] ReadV(string output)
    {
        using IModel model = ModelFiles.Open(output);
        using IMatrixSource v = model.OpenMatrix("tiny.1.weight");
        var values = new float[Columns];
        v.ReadRows(0, Columns, values);
        return values;
    }

    // sum_ij |a_ij - u_i v_j|^p with every u_i found by golden-section search: the sum is convex in it.
    private static double BestError(float[] a, float[] v)
    {
        double total = 0, golden = (Math.Sqrt(5) - 1) / 2;
        for (int i = 0; i < Rows; i++)
        {
            double Error(double u)
            {
                double sum = 0;
                for (int j = 0; j < Columns; j++)
                    sum += Math.Pow(Math.Abs(a[i * Columns + j] - u * v[j]), P);
                return sum;
            }
            double low = -1e3, high = 1e3;
            for (int step = 0; step < 90; step++)
            {
                double left = high - golden * (high - low), right = low + golden * (high - low);
                (low, high) = Error(left) < Error(right) ? (low, right) : (left, high);
            }
            total += Error((low + high) / 2);
        }
        return Math.Pow(total, 1 / P);
    }

    private static IAnsiConsole Console() => AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(TextWriter.Null) });
}
