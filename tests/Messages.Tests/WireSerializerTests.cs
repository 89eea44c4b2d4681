using System.Runtime.Serialization;
using Akka.Actor;
using Akka.Serialization;
using ClusterLp.Core;
using ClusterLp.Core.Formats;
using ClusterLp.Core.FactorModels;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Jobs.Blobs;
using ClusterLp.Core.Jobs.State;
using ClusterLp.Core.LpFit;
using ClusterLp.Messages;
using ClusterLp.Messages.Serialization;
using CsCheck;

namespace ClusterLp.Messages.Tests;

public sealed class WireSerializerTests : IDisposable
{
    private static readonly Gen<BlobRef> Blob = Gen.Select(Gen.String, Gen.Long, Gen.String, (u, l, s) => new BlobRef(u, l, s));
    private static readonly Gen<BlockAddress> Block = Gen.Select(Gen.Int, Gen.Int[0, 7], Gen.Int, Gen.Int,
        (t, k, r, b) => new BlockAddress(t, new StageId((StageKind)k, r), b));
    private static readonly Gen<ErrorSums> Sums = Gen.Double.Array[5].Select(x => new ErrorSums(x[0], x[1], x[2], x[3], x[4]));

    private static readonly Gen<RegressionOutcome> Outcomes = Gen.Select(Gen.Double.Array[3], Gen.Long.Array[2],
        (x, n) => new RegressionOutcome(x[0], x[1], x[2], n[0], n[1]));

    private static readonly Gen<InputChecksums> Checksums = Gen.Select(Gen.ULong, Gen.ULong, (r, w) => new InputChecksums(r, w));

    private static readonly Gen<StageFigures> Figures = Gen.OneOf(
        Gen.Select(Gen.Double.Array[2], Checksums, (x, c) => (StageFigures)new ScanFigures(x[0], x[1], c)),
        Gen.Double.Array[3].Select(x => (StageFigures)new LewisFigures(x[0], x[1], x[2])),
        Gen.Int.Select(x => (StageFigures)new CoresetFigures(x)),
        Gen.Double.Select(x => (StageFigures)new RefineFigures(x)),
        Gen.Double.Select(x => (StageFigures)new JointFigures(x)),
        Gen.Double.Array[0, 3].Select(x => (StageFigures)new ModelFigures([.. x])),
        Gen.Select(Sums, Sums, Outcomes, Sums, Gen.Bool, Gen.Double.Array[0, 3], (a, b, o, n, has, x) =>
            (StageFigures)new FactoriseFigures(a, b, o, n, has ? new PlainErrors(b, n, a) : null) { Model = [.. x] }));

    private static readonly Gen<ModelRound> Round = Gen.Select(Gen.String, Blob.Array[0, 3], Gen.Double.Array[0, 3], Gen.Bool, Blob,
        (step, shared, x, has, own) => new ModelRound(step, [.. shared], has ? own : null, [.. x]));

    private static readonly Gen<StageParameters> Parameters = Gen.OneOf(
        Gen.Const((StageParameters)new ScanParameters()),
        Gen.Select(Gen.Double, Blob, Blob, Gen.Bool, (s, e, w, has) => (StageParameters)new LewisParameters(s, e, has ? w : null, !has)),
        Gen.Select(Gen.Double.Array[3], Blob, Gen.Int, (x, w, m) => (StageParameters)new CoresetParameters(x[0], w, x[1], x[2], m)),
        Gen.Select(Gen.Double.Array[2], Blob, Gen.Int, (x, b, k) => (StageParameters)new RefineParameters(x[0], b, k, x[1])),
        Gen.Select(Gen.Double.Array[2], Blob.Array[0, 4], Gen.Int, (x, b, k) => (StageParameters)new JointParameters(x[0], [.. b], k, x[1])),
        Gen.Select(Gen.Double, Gen.Int, Round, (s, k, r) => (StageParameters)new ModelParameters(s, k, r)),
        Gen.Select(Gen.Double, Blob, Blob, Gen.Int, Gen.Bool.Array[4], Round, (s, b, v, k, has, r) =>
            (StageParameters)new FactoriseParameters(s, has[0] ? b : null, has[1] ? v : null, k, has[2] ? b : null) { Model = has[3] ? r : null, Columns = has[0] != has[2] ? v : null }));

    private static readonly Gen<TensorPlan> Plan = Gen.Select(Gen.Int.Array[4], Gen.String.Array[4], Gen.Double.Array[3], Gen.ULong, Gen.Bool.Array[7], Gen.Int[0, 15],
        (i, s, x, seed, has, type) => new TensorPlan
        {
            Index = i[0], Name = s[0], Rows = i[1], Columns = i[2], InputType = (ElementType)type, FactorType = (ElementType)(15 - type),
            BlockRows = i[3], Rank = has[0] ? i[0] : null, TargetError = has[1] ? x[0] : null, P = x[1], Tolerance = has[4] ? x[2] : null, Method = (Method)(type % 5), Fit = (Fit)(type % 3),
            Seed = seed, Input = s[1], RowWeights = has[2] ? s[2] : null, AutoP = has[3], ColumnMetric = has[5] ? s[3] : null, SharedBudget = has[6] ? (long)seed : null, Transposed = has[6] != has[5], ExactRows = has[2] != has[4] ? x[0] : null, ActiveColumns = has[0] != has[4] ? i[1] : null,
            Embedding = has[3] ? Embedding.Sparse : Embedding.Exact, Subspaces = has[1] ? i[1] : null, Restarts = has[2] ? i[2] : null, Passes = has[3] ? i[3] : null, BlockSize = has[0] ? i[0] : null, Smoothing = has[0] ? x[2] : null, Refine = has[5] ? i[1] : null,
        });

    private static readonly Gen<IWireMessage> Message =
        Gen.Select(Gen.String, Gen.Long, Gen.Int, Block, Gen.Select(Block, Plan, Parameters, Checksums, Gen.Bool, Blob, (b, p, q, c, has, m) => new BlockTask(b, p, q, has ? c : null, has ? null : m) { Excluded = has ? m : null }),
            Gen.Select(Blob, Figures, (b, f) => new BlockResult(b, f)), Gen.Double, Gen.Int[0, 13]).Select(IWireMessage (x) =>
        {
            (string text, long term, int n, BlockAddress block, BlockTask task, BlockResult result, double share, int kind) = x;
            var (job, epoch, worker) = (new JobId(text), new Epoch(term), new WorkerId(text + "w"));
            return kind switch
            {
                0 => new RegisterWorker(worker, n, term, n),
                1 => new WorkerAccepted(job, epoch, text, n % 2 == 0 ? null : text + "e"),
                2 => new WorkerRejected(text),
                3 => new RequestWork(job, epoch, worker, n),
                4 => new AssignBlock(job, epoch, n, task, n % 2 == 0 ? null : text),
                5 => new CancelBlock(job, epoch, block, n),
                6 => new BlockProgress(job, epoch, worker, block, n, share),
                7 => new BlockComputed(job, epoch, worker, block, n, result),
                8 => new BlockFailed(job, epoch, worker, block, n, FailureKind.BadData, ExitCode.BadInput, text),
                9 => new BlockCommitted(job, epoch, block, n, n % 2 == 0),
                10 => new NoWork(job, epoch, TimeSpan.FromTicks(term)),
                11 => new JobFinished(job, epoch, ExitCode.Resumable, text),
                12 => RequestStatus.Instance,
                _ => new StatusReported(job, epoch, text, text + "o", text + "h", n, DateTime.UnixEpoch.AddTicks(n), TimeSpan.FromTicks(term),
                    new JobProgress([new TensorProgress(text, block.Stage, n, block.Block, n % 2 == 0, share, n % 3 == 0 ? share : null)], n, block.Tensor, block.Block)
                    {
                        Speculative = n,
                        Members = [new WorkerProgress(text, n, block.Block, block.Tensor)],
                    },
                    n % 3 == 0 ? null : new JobEnd(ExitCode.BadInput, text),
                    n % 5 == 0 ? null : new JobPace(share, n % 2 == 0 ? share : null, n % 3 == 0 ? share : null)),
            };
        });

    private readonly ActorSystem _system = ActorSystem.Create("wire", WireSerializer.Config);

    public void Dispose() => _system.Dispose();

    [Fact]
    public void Every_message_comes_back_as_it_was() => Message.Sample(message =>
    {
        var serializer = Assert.IsType<WireSerializer>(_system.Serialization.FindSerializerFor(message));
        Equivalent(message, serializer.FromBinary(serializer.ToBinary(message), serializer.Manifest(message)));
    });

    private static void Equivalent(IWireMessage sent, object received)
    {
        // Arrays are compared by identity inside records, so they are compared apart.
        if (sent is StatusReported a && received is StatusReported b)
        {
            Assert.Equal(a.Progress.Tensors.AsEnumerable(), b.Progress.Tensors);
            Assert.Equal(a.Progress.Members.AsEnumerable(), b.Progress.Members);
            received = b with { Progress = b.Progress with { Tensors = a.Progress.Tensors, Members = a.Progress.Members } };
        }
        if (sent is AssignBlock { Task.Parameters: JointParameters p } && received is AssignBlock { Task: { Parameters: JointParameters q } task } assigned)
        {
            Assert.Equal(p.Bases.AsEnumerable(), q.Bases);
            received = assigned with { Task = task with { Parameters = q with { Bases = p.Bases } } };
        }
        if (sent is AssignBlock { Task.Parameters: ModelParameters { Round: var r } } && received is AssignBlock { Task: { Parameters: ModelParameters m } of } given)
            received = given with { Task = of with { Parameters = m with { Round = Same(r, m.Round) } } };
        if (sent is AssignBlock { Task.Parameters: FactoriseParameters { Model: { } round } } && received is AssignBlock { Task: { Parameters: FactoriseParameters { Model: { } back } f } due } handed)
            received = handed with { Task = due with { Parameters = f with { Model = Same(round, back) } } };
        if (sent is BlockComputed { Result.Figures: ModelFigures s } && received is BlockComputed { Result: { Figures: ModelFigures t } result } computed)
        {
            Assert.Equal(s.Sums.AsEnumerable(), t.Sums);
            received = computed with { Result = result with { Figures = s } };
        }
        if (sent is BlockComputed { Result.Figures: FactoriseFigures x } && received is BlockComputed { Result: { Figures: FactoriseFigures y } made } done)
        {
            Assert.Equal(x.Model.AsEnumerable(), y.Model);
            received = done with { Result = made with { Figures = y with { Model = x.Model } } };
        }
        Assert.Equal(sent, received);

        static ModelRound Same(ModelRound sent, ModelRound received)
        {
            Assert.Equal(sent.Shared.AsEnumerable(), received.Shared);
            Assert.Equal(sent.Numbers.AsEnumerable(), received.Numbers);
            return received with { Shared = sent.Shared, Numbers = sent.Numbers };
        }
    }

    [Fact]
    public void Every_message_type_is_generated_by_these_tests()
    {
        int types = typeof(IWireMessage).Assembly.GetTypes().Count(type => type.IsClass && typeof(IWireMessage).IsAssignableFrom(type));
        Assert.Equal(14, types);
    }

    [Fact]
    public void A_message_larger_than_a_frame_is_refused()
    {
        var serializer = (SerializerWithStringManifest)_system.Serialization.FindSerializerForType(typeof(WorkerRejected));
        var refused = Assert.Throws<SerializationException>(() => serializer.ToBinary(new WorkerRejected(new string('x', 1 << 20))));
        Assert.Contains("blob", refused.Message);
    }

    [Theory]
    [InlineData("Nonsense")]
    [InlineData(nameof(AssignBlock))]
    public void An_unknown_manifest_or_foreign_bytes_are_refused(string manifest)
    {
        var serializer = (SerializerWithStringManifest)_system.Serialization.FindSerializerForType(typeof(WorkerRejected));
        Assert.Throws<SerializationException>(() => serializer.FromBinary([0xff, 0xff, 0xff], manifest));
    }
}
