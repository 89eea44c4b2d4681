using System.Diagnostics;
using System.Globalization;
using ClusterLp.Core.FactorModels;
using ClusterLp.Core.Formats;
using ClusterLp.Core.Formats.Output;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Jobs.Blobs;
using ClusterLp.Core.Tests.Formats;

namespace ClusterLp.Core.Tests.FactorModels;

/// <summary>U written where the output has it: the same bytes as if it were copied there, and not copied.</summary>
public sealed class FactorPlaceTests : IDisposable
{
    private const int BlockRows = 40, Rank = 5;

    private readonly TemporaryFolder _folder = new();
    private readonly FileBlobStore _blobs;

    public FactorPlaceTests() => _blobs = new FileBlobStore(_folder["blobs"]);

    public void Dispose() => _folder.Dispose();

    private JobPlan Plan(int rows, int columns, ElementType? type = null)
    {
        var random = new Random(1);
        float[] values = [.. Enumerable.Range(0, rows * columns).Select(_ => random.NextSingle())];
        string input = _folder.Write("in.npy", Craft.Npy("<f4", $"({rows}, {columns})", Craft.Bytes(values)));
        return JobPlanner.Plan(new JobSpec { Input = input, Output = _folder["out"], Rank = Rank, BlockRows = BlockRows, Dtype = type });
    }

    private FactorPlace Place(JobPlan plan, int epoch) => FactorisedModelWriter.PlaceFor(plan, _blobs, new Epoch(epoch))!;

    private FitState Fit(JobPlan plan, IBlobStore blobs, Func<int, FactorPlace?>? place = null)
    {
        (float[] u, float[] v) = FakeFit.Factors(plan.Tensors[0], 3);
        return FakeFit.Done(plan.Tensors[0], u, v, blobs, place);
    }

    private string Write(JobPlan plan, FitState fit, IBlobStore blobs, FactorPlace? place, string output)
    {
        using OutputDirectory directory = OutputDirectory.Create(_folder[output], force: false);
        var hashes = FactorisedModelWriter.Write(plan, [fit], blobs, directory, null, CancellationToken.None, place);
        directory.Commit();
        string file = Path.Combine(_folder[output], "model.safetensors");
        Assert.Equal(hashes[0].Sha256, Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(File.ReadAllBytes(file))));
        return file;
    }

    private byte[] Copied(JobPlan plan)
    {
        var blobs = new Formats.MemoryBlobs();
        return File.ReadAllBytes(Write(plan, Fit(plan, blobs), blobs, null, "copied"));
    }

    // By the names it has.
    private static int Links(string file)
    {
        using Process stat = Process.Start(new ProcessStartInfo("stat", ["-c", "%h", file]) { RedirectStandardOutput = true })!;
        return int.Parse(stat.StandardOutput.ReadToEnd(), CultureInfo.InvariantCulture);
    }

    [Theory]
    [InlineData(330, 12, null)]
    [InlineData(330, 12, ElementType.F16)]
    [InlineData(12, 330, null)]
    public void The_output_takes_over_the_file_the_blocks_wrote(int rows, int columns, ElementType? type)
    {
        JobPlan plan = Plan(rows, columns, type);
        Assert.Equal(rows < columns, plan.Tensors[0].Transposed);
        FactorPlace place = Place(plan, 1);
        string file = Write(plan, Fit(plan, _blobs, _ => place), _blobs, place, "out");
        Assert.Equal(Copied(plan), File.ReadAllBytes(file));
        Assert.Equal(2, Links(file));
    }

    [Fact]
    public void What_an_earlier_term_wrote_is_copied_into_the_file_of_this_one()
    {
        JobPlan plan = Plan(330, 12);
        (FactorPlace before, FactorPlace place) = (Place(plan, 1), Place(plan, 2));
        // Some blocks in the earlier term's file, some in this one's, some as a cluster's workers write them.
        FitState fit = Fit(plan, _blobs, block => (block % 3) switch { 0 => before, 1 => place, _ => null });
        string file = Write(plan, fit, _blobs, place, "out");
        Assert.Equal(Copied(plan), File.ReadAllBytes(file));
        Assert.Equal(2, Links(file));
        string earlier = Assert.Single(fit.UBlocks.Select(blob => BlobNames.Place(BlobNames.Of(blob)!)).Where(at => at.Offset is not null).Select(at => at.File).Distinct(),
            name => name.Contains(".1.", StringComparison.Ordinal));
        Assert.Equal(1, Links(_blobs.Resolve(earlier)!));
    }

    [Fact]
    public void Nothing_is_taken_over_where_no_block_of_this_term_wrote()
    {
        JobPlan plan = Plan(330, 12);
        FactorPlace before = Place(plan, 1);
        string file = Write(plan, Fit(plan, _blobs, _ => before), _blobs, Place(plan, 2), "out");
        Assert.Equal(Copied(plan), File.ReadAllBytes(file));
        Assert.Equal(1, Links(file));
    }

    [Fact]
    public void From_another_file_system_it_is_copied()
    {
        const string elsewhere = "/dev/shm";
        if (!Directory.Exists(elsewhere))
            return;
        string folder = Path.Combine(elsewhere, Path.GetFileName(_folder.Path));
        try
        {
            JobPlan plan = Plan(330, 12);
            var blobs = new FileBlobStore(folder);
            FactorPlace place = FactorisedModelWriter.PlaceFor(plan, blobs, new Epoch(1))!;
            string file = Write(plan, Fit(plan, blobs, _ => place), blobs, place, "out");
            Assert.Equal(Copied(plan), File.ReadAllBytes(file));
            Assert.Equal(1, Links(file));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void A_bit_that_flips_before_it_is_compared_is_found_and_no_output_appears()
    {
        JobPlan plan = Plan(330, 12);
        FactorPlace place = Place(plan, 1);
        // Without the first block, nothing is hashed ahead.
        FitState fit = Fit(plan, _blobs, block => block == 0 ? null : place);
        (string name, long? offset) = BlobNames.Place(BlobNames.Of(fit.UBlocks[4])!);
        using (FileStream file = File.Open(_blobs.Resolve(name)!, FileMode.Open))
        {
            file.Position = offset!.Value + 7;
            int was = file.ReadByte();
            file.Position--;
            file.WriteByte((byte)(was ^ 4));
        }
        Assert.Equal(fit.UBlocks[4], Assert.Throws<BlobCorruptException>(() => Write(plan, fit, _blobs, place, "out")).Blob);
        Assert.False(Directory.Exists(_folder["out"]));
    }

    [Fact]
    public void Outputs_of_more_than_one_matrix_two_factors_have_no_such_place()
    {
        JobPlan plan = Plan(330, 12);
        Assert.NotNull(FactorisedModelWriter.PlaceFor(plan, _blobs, new Epoch(1)));
        Assert.Null(FactorisedModelWriter.PlaceFor(plan, new Formats.MemoryBlobs(), new Epoch(1)));
        Assert.Null(FactorisedModelWriter.PlaceFor(plan with { Spec = plan.Spec with { Reconstruct = true } }, _blobs, new Epoch(1)));
        string several = _folder.Write("several.safetensors", SampleModels.File(SampleModels.Embedding(), SampleModels.Bias));
        Assert.Null(FactorisedModelWriter.PlaceFor(JobPlanner.Plan(plan.Spec with { Input = several, BlockRows = null }), _blobs, new Epoch(1)));
        Assert.Null(FactorisedModelWriter.PlaceFor(JobPlanner.Plan(plan.Spec with { Subspaces = 2, Rank = 2 }), _blobs, new Epoch(1)));
    }
}
