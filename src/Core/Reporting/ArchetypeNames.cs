using System.Collections.Immutable;
using ClusterLp.Core.Evaluation;

namespace ClusterLp.Core.Reporting;

/// <summary>Words for the rows that a report names beside a simplex' archetypes.</summary>
public static class ArchetypeNames
{
    /// <summary>The report with the words a vocabulary has for these rows in place of those it had. Pure.</summary>
    public static JobReport With(JobReport report, Vocabulary names) => report with
    {
        Tensors = [.. report.Tensors.Select(tensor => tensor.Simplex is not { } simplex ? tensor : tensor with
        {
            Simplex = simplex with { Archetypes = [.. simplex.Archetypes.Select(rows => rows.Select(row => row with { Word = names[row.Row] }).ToImmutableArray())] },
        })],
    };

    /// <summary>Refuses a vocabulary that is not of these rows: it names more than there are.</summary>
    /// <param name="path">Its file.</param>
    /// <param name="names">What it holds.</param>
    /// <param name="rows">Rows of the largest layer it is to name.</param>
    /// <exception cref="ClusterLpException">As said (exit 65).</exception>
    public static void Check(string path, Vocabulary names, long rows)
    {
        if (rows < names.Rows)
            throw ClusterLpException.BadInput($"{path}: names row {names.Rows - 1}, but the largest layer has {rows} rows; is it another model's vocabulary?");
    }
}
