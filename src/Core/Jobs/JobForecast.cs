using System.Collections.Immutable;
using System.Text.Json.Serialization;

namespace ClusterLp.Core.Jobs;

/// <summary>What a job will do to one tensor, known before anything is fitted.</summary>
/// <param name="Name">The tensor.</param>
/// <param name="Rows">n of the tensor itself.</param>
/// <param name="Columns">d.</param>
/// <param name="Transposed">Whether its transpose is fitted.</param>
/// <param name="InputType">Element type in the model.</param>
/// <param name="FactorType">Element type of the factors.</param>
/// <param name="Rank">k; 0 where the budget is better spent on keeping the tensor whole; with a target error the first rank tried, which the job raises where the factors miss it.</param>
/// <param name="P">p; chosen from the scan's residual where that is asked for.</param>
/// <param name="Blocks">Blocks of a pass over it.</param>
/// <param name="BytesBefore">In the model.</param>
/// <param name="BytesAfter">Of all that is stored of it, or of the tensor kept whole.</param>
/// <param name="SvdError">
/// ||A - A_k||_F / ||A||_F of the SVD of rank k (where more than U and V is stored, of the rank that takes as much room), from the
/// eigenvalues of A^T A: what the job reports as SVD's error, and a bound from below for any factors U V of that rank; null where a scan does not tell.
/// </param>
/// <param name="ErrorAtMost">There: what it does tell of the factors' ||A - UV||_F / ||A||_F; further passes lower it.</param>
/// <param name="ExpectedError">With a target error: the relative l_p error that rank is expected to have; absent without.</param>
/// <param name="Model">The form of approximation; absent: low-rank, U V.</param>
/// <param name="ModelBytes">Memory that this form needs beside what every job does, on the threads that scanned.</param>
/// <param name="Coreset">V will be fitted on a coreset first, or may be.</param>
public sealed record TensorForecast(
    string Name, long Rows, int Columns, bool Transposed, string InputType, string FactorType, int Rank, double P, int Blocks,
    long BytesBefore, long BytesAfter, double? SvdError,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] double? ExpectedError,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] double? ErrorAtMost,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Model, [property: JsonIgnore] double ModelBytes, [property: JsonIgnore] bool Coreset);

/// <summary>What a scan of all tensors says of a job.</summary>
/// <param name="Tensors">In plan order.</param>
/// <param name="ScanSeconds">Wall time of the scan's blocks, a tensor each, in plan order.</param>
/// <param name="ReduceSeconds">Wall time of their reductions.</param>
public sealed record JobForecast(
    ImmutableArray<TensorForecast> Tensors, ImmutableArray<double> ScanSeconds, ImmutableArray<double> ReduceSeconds);
