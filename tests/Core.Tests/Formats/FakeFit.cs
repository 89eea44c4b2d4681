using System.Collections.Immutable;
using ClusterLp.Core.FactorModels;
using ClusterLp.Core.Formats;
using ClusterLp.Core.Formats.Output;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Jobs.Blobs;
using ClusterLp.Core.LpFit;
using ClusterLp.Core.Reporting;

namespace ClusterLp.Core.Tests.Formats;

/// <summary>Blobs in memory.</summary>
internal sealed class MemoryBlobs : IBlobStore
{
    private readonly Dictionary<string, byte[]> _blobs = [];

    public BlobRef Write(string name, Action<Stream> content)
    {
        var stream = new MemoryStream();
        content(stream);
        _blobs[name] = stream.ToArray();
        return new BlobRef(name, stream.Length, BlobChecksum.Of(_blobs[name]));
    }

    public Stream OpenRead(BlobRef blob) => new MemoryStream(_blobs[blob.Uri]);

    public void Delete(BlobRef blob) => _blobs.Remove(blob.Uri);
}

/// <summary>A fit that ended with given factors, as the pipeline would leave it; and the report of an output made from it.</summary>
internal static class FakeFit
{
    /// <summary>Random U (n x k) and V (k x d) whose entries every factor type holds exactly: multiples of 1/8 below 2.</summary>
    public static (float[] U, float[] V) Factors(TensorPlan plan, int seed)
    {
        var random = new Random(seed);
        float[] Draw(long count) => [.. Enumerable.Range(0, (int)count).Select(_ => random.Next(-15, 16) / 8f)];
        return (Draw(plan.Rows * plan.Rank!.Value), Draw(plan.Rank.Value * plan.Columns));
    }

    /// <param name="plan">Its plan.</param>
    /// <param name="u">n x k.</param>
    /// <param name="v">k x d.</param>
    /// <param name="blobs">Receive them.</param>
    /// <param name="place">Where a block's rows of U lie; null: blobs of their own.</param>
    public static FitState Done(TensorPlan plan, float[] u, float[] v, IBlobStore blobs, Func<int, FactorPlace?>? place = null)
    {
        (int k, int d) = (plan.Rank!.Value, plan.Columns);
        var basis = new float[d * d];
        v.CopyTo(basis, 0);
        var uBlocks = ImmutableArray.CreateBuilder<BlobRef>();
        for (int block = 0; block < plan.Partition.Count; block++)
        {
            int first = (int)plan.Partition.FirstRow(block), rows = plan.Partition.RowCount(block);
            var bytes = new byte[rows * k * plan.FactorType.Size()];
            ElementConversion.FromFloat32(plan.FactorType, u.AsSpan(first * k, rows * k), bytes);
            uBlocks.Add(place?.Invoke(block)?.Write(plan, block, k, bytes) ?? blobs.Write($"t{plan.Index}/u{block}", new ArrayBlob().Add("u", plan.FactorType, bytes, rows, k).WriteTo));
        }
        return new FitState
        {
            Stage = new StageId(StageKind.Done, 0),
            Rank = k,
            Basis = blobs.Write($"t{plan.Index}/basis", new ArrayBlob().Add("basis", basis, d, d).WriteTo),
            UBlocks = uBlocks.ToImmutable(),
        };
    }

    /// <summary>The residual's sums by brute force.</summary>
    public static (ErrorSums Sums, double InputPower, double InputSquares) Measure(float[] a, float[] u, float[] v, int n, int d, int k, double p)
    {
        (ErrorSums sums, double inputPower, double inputSquares) = (ErrorSums.Zero, 0, 0);
        for (int i = 0; i < n; i++)
        {
            (double l1, double lp, double squares) = (0, 0, 0);
            for (int j = 0; j < d; j++)
            {
                double product = 0;
                for (int t = 0; t < k; t++)
                    product += (double)u[i * k + t] * v[t * d + j];
                double r = Math.Abs(a[i * d + j] - product);
                (l1, lp, squares) = (l1 + r, lp + Math.Pow(r, p), squares + r * r);
                inputPower += Math.Pow(Math.Abs((double)a[i * d + j]), p);
                inputSquares += (double)a[i * d + j] * a[i * d + j];
            }
            sums += new ErrorSums(l1, lp, squares, Math.Sqrt(squares), lp);
        }
        return (sums, inputPower, inputSquares);
    }

    public static JobReport Report(JobPlan plan, ImmutableArray<TensorReport> tensors, ImmutableArray<FileHash> outputs)
    {
        using IModel model = ModelFiles.Open(plan.Spec.Input);
        return new JobReport
        {
            JobId = plan.Id.Value,
            Tool = "test",
            Parameters = plan.Spec,
            Tensors = tensors,
            Untouched = plan.Skipped,
            Inputs = [.. model.Files.Select(file => FileHashing.Hash(file))],
            Outputs = outputs,
            Seconds = new JobTimes(0, 1, 0.5, 1.5),
            Workers = 1,
            Kernels = "Scalar",
            Factorisations = "none",
        };
    }

    public static TensorReport Report(TensorPlan plan, float[] a, float[] u, float[] v)
    {
        (ErrorSums sums, double inputPower, double inputSquares) = Measure(a, u, v, (int)plan.Rows, plan.Columns, plan.Rank!.Value, plan.P);
        Errors errors = Errors.From(sums, plan.P, weighted: false);
        return new TensorReport
        {
            Name = plan.Name,
            Rows = plan.Rows,
            Columns = plan.Columns,
            InputType = "f32",
            FactorType = "f32",
            Rank = plan.Rank.Value,
            P = plan.P,
            Method = "lp",
            Fit = "exact",
            BytesBefore = 4 * plan.Rows * plan.Columns,
            BytesAfter = 4 * plan.Rank.Value * (plan.Rows + plan.Columns),
            Errors = errors,
            Svd = Errors.From(SvdErrors(a, (int)plan.Rows, plan.Columns, plan.Rank.Value, plan.P), plan.P, weighted: false),
            RelativeLp = errors.Lp / Math.Pow(inputPower, 1 / plan.P),
            RelativeFrobenius = errors.Frobenius / Math.Sqrt(inputSquares),
            LargestGap = 0,
            LewisRounds = 0,
            CoresetRows = 0,
            MergeIterations = 0,
            RefineRounds = 0,
            MeanRegressionIterations = 0,
            Blocks = plan.Partition.Count,
        };
    }

    // Through MathNet's SVD of the matrix itself, not of its Gram.
    private static ErrorSums SvdErrors(float[] a, int n, int d, int k, double p)
    {
        var svd = MathNet.Numerics.LinearAlgebra.Matrix<double>.Build.Dense(n, d, (i, j) => a[i * d + j]).Svd();
        float[] u = new float[n * k], v = new float[k * d];
        for (int t = 0; t < k; t++)
        {
            for (int i = 0; i < n; i++)
                u[i * k + t] = (float)(svd.U[i, t] * svd.S[t]);
            for (int j = 0; j < d; j++)
                v[t * d + j] = (float)svd.VT[t, j];
        }
        return Measure(a, u, v, n, d, k, p).Sums;
    }
}
