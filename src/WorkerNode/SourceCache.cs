using ClusterLp.Core.Formats;
using ClusterLp.Core.Jobs;

namespace ClusterLp.WorkerNode;

/// <summary>
/// Opened models and their matrices, shared by all slots (and all embedded workers) of a process: a model is opened once.
/// Thread-safe. Dispose it after the slots have stopped.
/// </summary>
/// <param name="open">Opens a model by path.</param>
/// <param name="roots">Where inputs may lie; null: anywhere.</param>
public sealed class SourceCache(Func<string, IModel> open, PathRoots? roots = null) : IDisposable
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, IModel> _models = [];
    private readonly Dictionary<(string Input, string Tensor, bool Transposed), IMatrixSource> _matrices = [];

    /// <summary>The matrix a plan speaks of, opened at first use; its shape must be the plan's.</summary>
    /// <exception cref="Core.ClusterLpException">
    /// It cannot be opened, has changed since the job was planned, or lies outside the roots, it or its row weights (exit 77).
    /// </exception>
    public IMatrixSource Matrix(TensorPlan plan)
    {
        // Every time: the paths come with each block, and another block may name others.
        roots?.Ensure("the input", plan.Input);
        if (plan.RowWeights is { } weights)
            roots?.Ensure("the row weights", weights);
        lock (_lock)
        {
            if (_matrices.TryGetValue((plan.Input, plan.Name, plan.Transposed), out IMatrixSource? matrix))
                return matrix;
            if (!_models.TryGetValue(plan.Input, out IModel? model))
            {
                model = open(plan.Input);
                _models.Add(plan.Input, model);
                roots?.Ensure(model);
            }
            matrix = PlannedMatrix.Open(model, plan);
            _matrices.Add((plan.Input, plan.Name, plan.Transposed), matrix);
            return matrix;
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            foreach (IMatrixSource matrix in _matrices.Values)
                matrix.Dispose();
            foreach (IModel model in _models.Values)
                model.Dispose();
            _matrices.Clear();
            _models.Clear();
        }
    }
}
