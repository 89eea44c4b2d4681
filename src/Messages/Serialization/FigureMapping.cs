using System.Collections.Immutable;
using System.Runtime.Serialization;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.LpFit;
using ClusterLp.Messages.Wire;

namespace ClusterLp.Messages.Serialization;

/// <summary>Block results to and from their wire form; float64 travels bit for bit.</summary>
internal static class FigureMapping
{
    public static BlockResultWire ToWire(BlockResult result)
    {
        var wire = new BlockResultWire { Blob = TaskMapping.ToWire(result.Blob) };
        switch (result.Figures)
        {
            case ScanFigures f:
                wire.Scan = new ScanFiguresWire
                {
                    AbsoluteSum = f.AbsoluteSum, MaxRowNorm = f.MaxRowNorm, Input = TaskMapping.ToWire(f.Input),
                };
                break;
            case LewisFigures f:
                wire.Lewis = new LewisFiguresWire { WeightSum = f.WeightSum, NormSum = f.NormSum, LargestChange = f.LargestChange };
                break;
            case CoresetFigures f:
                wire.Coreset = new CoresetFiguresWire { Rows = f.Rows };
                break;
            case RefineFigures f:
                wire.Refine = new RefineFiguresWire { Objective = f.Objective };
                break;
            case JointFigures f:
                wire.Joint = new JointFiguresWire { Objective = f.Objective };
                break;
            case ModelFigures f:
                wire.Model = new ModelFiguresWire();
                wire.Model.Sums.AddRange(f.Sums);
                break;
            case FactoriseFigures f:
                wire.Factorise = new FactoriseFiguresWire
                {
                    Ours = ToWire(f.Ours), Svd = ToWire(f.Svd), LargestGap = f.Regression.LargestGap, Iterations = f.Regression.Iterations,
                    Certificate = new CertificateWire { Bound = f.Regression.Bound, Power = f.Regression.Power, RowsShort = f.Regression.RowsShort },
                    Norms = ToWire(f.Norms),
                    Plain = f.Plain is null ? null : new PlainErrorsWire
                    {
                        Ours = ToWire(f.Plain.Ours), Svd = ToWire(f.Plain.Svd), Norms = ToWire(f.Plain.Norms),
                    },
                };
                wire.Factorise.Model.AddRange(f.Model);
                break;
            default:
                throw new SerializationException($"{result.Figures.GetType()} has no wire form.");
        }
        return wire;
    }

    public static BlockResult FromWire(BlockResultWire w) => new(TaskMapping.FromWire(w.Blob), w.FiguresCase switch
    {
        BlockResultWire.FiguresOneofCase.Scan => new ScanFigures(
            w.Scan.AbsoluteSum, w.Scan.MaxRowNorm, TaskMapping.FromWire(w.Scan.Input)),
        BlockResultWire.FiguresOneofCase.Lewis => new LewisFigures(w.Lewis.WeightSum, w.Lewis.NormSum, w.Lewis.LargestChange),
        BlockResultWire.FiguresOneofCase.Coreset => new CoresetFigures(w.Coreset.Rows),
        BlockResultWire.FiguresOneofCase.Refine => new RefineFigures(w.Refine.Objective),
        BlockResultWire.FiguresOneofCase.Joint => new JointFigures(w.Joint.Objective),
        BlockResultWire.FiguresOneofCase.Factorise => new FactoriseFigures(
            FromWire(w.Factorise.Ours), FromWire(w.Factorise.Svd), new RegressionOutcome(w.Factorise.LargestGap,
                w.Factorise.Certificate.Bound, w.Factorise.Certificate.Power, w.Factorise.Certificate.RowsShort, w.Factorise.Iterations),
            FromWire(w.Factorise.Norms), w.Factorise.Plain is not { } plain ? null
                : new PlainErrors(FromWire(plain.Ours), FromWire(plain.Svd), FromWire(plain.Norms)))
        {
            Model = w.Factorise.Model.ToImmutableArray(),
        },
        BlockResultWire.FiguresOneofCase.Model => new ModelFigures(w.Model.Sums.ToImmutableArray()),
        _ => throw new SerializationException("a block result without known figures: coordinator and worker are of different versions."),
    });

    private static ErrorSumsWire ToWire(ErrorSums sums) =>
        new() { L1 = sums.L1, Lp = sums.Lp, Squares = sums.Squares, MaxRow = sums.MaxRow, WeightedLp = sums.WeightedLp };

    private static ErrorSums FromWire(ErrorSumsWire w) => new(w.L1, w.Lp, w.Squares, w.MaxRow, w.WeightedLp);
}
