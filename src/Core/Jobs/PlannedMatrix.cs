using ClusterLp.Core.Formats;

namespace ClusterLp.Core.Jobs;

/// <summary>The matrix a plan speaks of, as it is fitted: a wide one (n &lt; d) is read as its transpose.</summary>
/// <remarks>
/// |A - UV| and |A^T - V^T U^T| have the same entries and so the same l_p errors; the Gram matrix of A^T is n x n instead of
/// d x d, and its rows are the columns of A.
/// </remarks>
public static class PlannedMatrix
{
    /// <summary>Opens it; what is returned shares the model's files and is the caller's.</summary>
    /// <exception cref="ClusterLpException">No such tensor, or of another shape than the plan's (exit 65).</exception>
    public static IMatrixSource Open(IModel model, TensorPlan plan)
    {
        IMatrixSource matrix = Oriented(model, plan.Name, plan.Transposed);
        if (matrix.Rows == plan.Rows && matrix.Columns == plan.Columns)
            return matrix;
        string found = plan.Transposed ? $"{matrix.Columns} x {matrix.Rows}" : $"{matrix.Rows} x {matrix.Columns}";
        matrix.Dispose();
        throw ClusterLpException.BadInput(
            $"{plan.Input}: tensor \"{plan.Name}\" is {found} here but {plan.Shape.Rows} x {plan.Shape.Columns} in the job: the file has changed or is another one on this machine.");
    }

    /// <summary>A tensor, or its transpose.</summary>
    /// <exception cref="ClusterLpException">No such matrix, or its format cannot be read that way (exit 65).</exception>
    public static IMatrixSource Oriented(IModel model, string tensor, bool transposed)
    {
        IMatrixSource matrix = model.OpenMatrix(tensor);
        if (!transposed)
            return matrix;
        using (matrix)
            return matrix.Transpose() ?? throw ClusterLpException.BadInput($"{model.Path}: tensor \"{tensor}\" cannot be read by columns.");
    }

    /// <summary>Whether a tensor can be read as its transpose.</summary>
    public static bool CanTranspose(IModel model, string tensor)
    {
        using IMatrixSource matrix = model.OpenMatrix(tensor);
        using IMatrixSource? transpose = matrix.Transpose();
        return transpose is not null;
    }
}
