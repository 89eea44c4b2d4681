using ClusterLp.Core;
using ClusterLp.Core.Formats;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Tests.Formats;

namespace ClusterLp.Core.Tests.Jobs;

public sealed class PathRootsTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly string _data, _outside;

    public PathRootsTests()
    {
        _data = Directory.CreateDirectory(_folder["data"]).FullName;
        _outside = Directory.CreateDirectory(_folder["database"]).FullName;
        Directory.CreateDirectory(Path.Combine(_data, "deep", "er"));
        Directory.CreateDirectory(Path.Combine(_outside, "deep"));
    }

    [Theory]
    [InlineData("data")]
    [InlineData("data/")]
    [InlineData("data/model.npy")]
    [InlineData("data/not/yet/there")]
    [InlineData("data/deep/../model.npy")]
    [InlineData("database/../data/model.npy")]
    [InlineData("data/./deep//er")]
    public void A_path_inside_a_root_is_let_through(string path) => Assert.True(PathRoots.Within([_data]).Contains(_folder[path]));

    [Theory]
    [InlineData("")]
    [InlineData("database")]
    [InlineData("database/model.npy")]
    [InlineData("data.npy")]
    [InlineData("data/../database/model.npy")]
    [InlineData("data/deep/../../database")]
    [InlineData("data/..")]
    public void A_path_that_leads_out_is_refused(string path)
    {
        var refused = Assert.Throws<ClusterLpException>(() => PathRoots.Within([_data]).Ensure("the input", _folder[path]));
        Assert.Equal(ExitCode.Refused, refused.Code);
        Assert.Contains("the input lies outside", refused.Message);
        Assert.Contains("--root", refused.Message);
    }

    [Theory]
    [InlineData("/etc", "link/passwd")]
    [InlineData("../database", "link/model.npy")]
    [InlineData("../database", "link")]
    [InlineData("..", "link/database")]
    [InlineData("../database/missing", "link")]
    [InlineData("out/../secret", "link")]
    [InlineData("link", "link/x")]
    public void A_link_that_leads_out_or_in_a_circle_is_refused(string target, string path)
    {
        // Literally ".." takes back a name; for the system it is the parent of what that name leads to.
        File.CreateSymbolicLink(Path.Combine(_data, "out"), Path.Combine(_outside, "deep"));
        File.CreateSymbolicLink(Path.Combine(_data, "link"), target);
        Assert.False(PathRoots.Within([_data]).Contains(Path.Combine(_data, path)));
    }

    [Fact]
    public void A_chain_of_links_is_followed_to_its_end()
    {
        File.CreateSymbolicLink(Path.Combine(_data, "a"), "b");
        File.CreateSymbolicLink(Path.Combine(_data, "b"), "deep/c");
        File.CreateSymbolicLink(Path.Combine(_data, "deep", "c"), "er");
        File.CreateSymbolicLink(Path.Combine(_data, "deep", "er", "out"), "../../../database");
        PathRoots roots = PathRoots.Within([_data]);
        Assert.True(roots.Contains(Path.Combine(_data, "a", "model.npy")));
        Assert.False(roots.Contains(Path.Combine(_data, "a", "out", "model.npy")));
    }

    [Fact]
    public void A_root_that_is_a_link_means_what_it_leads_to()
    {
        File.CreateSymbolicLink(_folder["mount"], _data);
        PathRoots roots = PathRoots.Within([_folder["mount"]]);
        Assert.True(roots.Contains(Path.Combine(_data, "x")));
        Assert.True(roots.Contains(_folder["mount/x"]));
        Assert.False(roots.Contains(_folder["x"]));
    }

    [Fact]
    public void The_root_of_the_file_system_holds_everything() => Assert.True(PathRoots.Within(["/"]).Contains("/etc/passwd"));

    [Fact]
    public void Without_roots_any_path_is_let_through_unchanged()
    {
        Assert.Equal("../x", PathRoots.Anywhere.Ensure("the input", "../x"));
        Assert.False(PathRoots.Anywhere.AreLimited);
    }

    [Fact]
    public void A_root_must_exist_but_the_processes_own_folder_need_not()
    {
        var missing = Assert.Throws<ClusterLpException>(() => PathRoots.Within([_folder["none"]]));
        Assert.Equal(ExitCode.InputMissing, missing.Code);
        Assert.True(PathRoots.Within([_data], own: _folder["job"]).Contains(_folder["job/blobs"]));
    }

    [Fact]
    public void Every_file_of_a_model_must_lie_inside()
    {
        ReadOnlySpan<byte> header = "{\"a\":{\"dtype\":\"F32\",\"shape\":[1,1],\"data_offsets\":[0,4]}}"u8;
        string shard = _folder.Write("database/model.safetensors", [.. BitConverter.GetBytes((long)header.Length), .. header, 0, 0, 0, 0]);
        string directory = Directory.CreateDirectory(Path.Combine(_data, "snapshot")).FullName;
        File.CreateSymbolicLink(Path.Combine(directory, "model.safetensors"), shard);
        using IModel model = ModelFiles.Open(directory);
        Assert.Throws<ClusterLpException>(() => PathRoots.Within([_data]).Ensure(model));
        PathRoots.Within([_data, _outside]).Ensure(model);
    }

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("s3://bucket/models/a.npy", true)]
    [InlineData("s3://bucket/models", true)]
    [InlineData("s3://bucket/models/", true)]
    [InlineData("s3://bucket/models2/a.npy", false)]
    [InlineData("s3://other/models/a.npy", false)]
    [InlineData("s3://bucket/models/../secret", false)]
    [InlineData("s3://bucket//models/a", false)]
    [InlineData("/s3://bucket/models/a", false)]
    [InlineData("/etc/passwd", false)]
    public void Roots_confine_addresses_of_objects(string path, bool inside)
    {
        PathRoots roots = PathRoots.Within(["s3://bucket/models/"]);
        Assert.Equal(inside, roots.Contains(path));
        if (!inside)
            Assert.Equal(ExitCode.Refused, Assert.Throws<ClusterLpException>(() => roots.Ensure("the input", path)).Code);
    }
}
