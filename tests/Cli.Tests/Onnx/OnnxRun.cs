using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace ClusterLp.Cli.Tests.Onnx;

/// <summary>Runs models in ONNX Runtime, which also is what says whether a graph is valid.</summary>
internal static class OnnxRun
{
    /// <summary>All floating outputs, by name, for given inputs.</summary>
    public static Dictionary<string, double[]> Of(string model, params NamedOnnxValue[] inputs)
    {
        using var options = new SessionOptions { IntraOpNumThreads = 1, LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR };
        using var session = new InferenceSession(model, options);
        using IDisposableReadOnlyCollection<DisposableNamedOnnxValue> outputs = session.Run([.. inputs.Where(input => session.InputMetadata.ContainsKey(input.Name))]);
        return outputs.ToDictionary(output => output.Name, output => Numbers(output.Value));
    }

    public static NamedOnnxValue Input<T>(string name, T[] values, params int[] shape) =>
        NamedOnnxValue.CreateFromTensor(name, new DenseTensor<T>(values, shape));

    /// <summary>Largest difference of an output of two runs, relative to its largest number where that is above 1.</summary>
    public static double Difference(double[] one, double[] other)
    {
        Assert.Equal(one.Length, other.Length);
        Assert.All(one, x => Assert.True(double.IsFinite(x)));
        return one.Zip(other, (a, b) => Math.Abs(a - b)).Max() / Math.Max(1, one.Max(Math.Abs));
    }

    private static double[] Numbers(object value) => value switch
    {
        Tensor<float> floats => [.. floats.Select(x => (double)x)],
        Tensor<double> doubles => [.. doubles],
        Tensor<Float16> halves => [.. halves.Select(x => (double)(float)x)],
        _ => throw new ArgumentException(value.GetType().ToString()),
    };
}
