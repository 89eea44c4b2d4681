using Akka.Actor;
using Akka.Configuration;
using ClusterLp.Core;
using ClusterLp.Core.Formats;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Jobs.Blobs;
using ClusterLp.Core.Jobs.State;
using ClusterLp.Core.LpFit;
using ClusterLp.Messages;
using ClusterLp.Messages.Serialization;

namespace ClusterLp.Fuzz;

/// <summary>Every wire message: the first byte chooses the manifest, one of them unknown; the rest is the message.</summary>
internal static class WireTarget
{
    private static readonly string[] Manifests =
        [.. typeof(IWireMessage).Assembly.GetTypes().Where(type => type.IsClass && typeof(IWireMessage).IsAssignableFrom(type)).Select(type => type.Name)
            .Order(StringComparer.Ordinal), "Unknown"];

    public static Target Create()
    {
        using var system = (ExtendedActorSystem)ActorSystem.Create("fuzz", WireSerializer.Config.WithFallback(ConfigurationFactory.ParseString("akka { loglevel = OFF, stdout-loglevel = OFF }")));
        var serializer = new WireSerializer(system);
        byte[][] seeds = [.. Samples().Select(message =>
            (byte[])[(byte)Array.IndexOf(Manifests, serializer.Manifest(message)), .. serializer.ToBinary(message)])];
        byte[][] tokens = ["F32"u8.ToArray(), "99999999999"u8.ToArray(), "Lp"u8.ToArray(), [0x0a, 0], [0x12, 0], [0x1a, 0], [0xff, 0xff, 0xff, 0xff, 0x0f]];
        return new Target("wire", seeds, tokens, bytes =>
        {
            if (bytes.Length > 0)
                serializer.FromBinary(bytes[1..], Manifests[bytes[0] % Manifests.Length]);
        });
    }

    private static IEnumerable<IWireMessage> Samples()
    {
        var (job, epoch, worker, blob) = (new JobId("j"), new Epoch(3), new WorkerId("w"), new BlobRef("file:t0/a", 9, "00"));
        var block = new BlockAddress(0, new StageId(StageKind.Refine, 1), 2);
        var sums = new ErrorSums(1, 2, 3, 4, 5);
        var plan = new TensorPlan
        {
            Index = 0, Name = "emb", Rows = 90, Columns = 12, InputType = ElementType.F32, FactorType = ElementType.F16, BlockRows = 30, Rank = 4,
            P = 1.5, Method = Method.Lp, Fit = Fit.Coreset, Seed = 7, Input = "m.npy", RowWeights = "w", TargetError = 0.1,
        };
        StageParameters[] parameters =
        [
            new ScanParameters(), new LewisParameters(1, blob, blob), new CoresetParameters(1, blob, 2, 3, 4), new RefineParameters(1, blob, 4, 0.1), new JointParameters(1, [blob, blob], 4, 0.1),
            new FactoriseParameters(1, blob, blob, 4),
        ];
        StageFigures[] figures = [new ScanFigures(1, 2, new InputChecksums(4, 5)), new LewisFigures(1, 2, 3), new CoresetFigures(4), new RefineFigures(5), new JointFigures(6), new FactoriseFigures(sums, sums, new RegressionOutcome(1, 2, 3, 4, 5), sums)];
        return
        [
            new RegisterWorker(worker, 2, 1 << 30, 1), new WorkerAccepted(job, epoch, "/jobs/j"), new WorkerRejected("no"), new RequestWork(job, epoch, worker, 1),
            .. parameters.Select(p => new AssignBlock(job, epoch, 1, new BlockTask(block, plan, p), "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")),
            .. figures.Select(f => new BlockComputed(job, epoch, worker, block, 1, new BlockResult(blob, f))),
            new CancelBlock(job, epoch, block, 1), new BlockProgress(job, epoch, worker, block, 1, 0.5),
            new BlockFailed(job, epoch, worker, block, 1, FailureKind.BadData, ExitCode.BadInput, "bad"), new BlockCommitted(job, epoch, block, 1, true),
            new NoWork(job, epoch, TimeSpan.FromSeconds(1)), new JobFinished(job, epoch, ExitCode.Done, ""), RequestStatus.Instance,
            new StatusReported(job, epoch, "in", "out", "host", 7, DateTime.UnixEpoch, TimeSpan.FromSeconds(2),
                new JobProgress([new TensorProgress("emb", block.Stage, 1, 4, false, 0.5)], 1, 2, 3) { Members = [new WorkerProgress("w", 2, 1, 3)] },
                new JobEnd(ExitCode.BadInput, "bad"), new JobPace(0.5, 1000, 60)),
        ];
    }
}
