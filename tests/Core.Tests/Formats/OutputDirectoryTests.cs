using ClusterLp.Core.Formats.Output;

namespace ClusterLp.Core.Tests.Formats;

public class OutputDirectoryTests
{
    private static void WriteReport(string path, string text, bool force = false)
    {
        using OutputDirectory output = OutputDirectory.Create(path, force);
        output.WriteFile(OutputDirectory.ReportName, System.Text.Encoding.UTF8.GetBytes(text));
        output.Commit();
    }

    private static string[] Entries(TemporaryFolder folder) =>
        [.. Directory.GetFileSystemEntries(folder.Path).Select(path => Path.GetFileName(path)!).Order()];

    private static void AssertCannotWrite(Action action, string words)
    {
        var error = Assert.Throws<ClusterLpException>(action);
        Assert.Equal(ExitCode.CannotWrite, error.Code);
        Assert.Contains(words, error.Message);
    }

    [Fact]
    public void The_output_appears_with_commit_and_not_before()
    {
        using var folder = new TemporaryFolder();
        using (OutputDirectory output = OutputDirectory.Create(folder["deep/out"], force: false))
        {
            output.WriteFile("sub/a.txt", "hello"u8);
            Assert.False(Directory.Exists(folder["deep/out"]));
            output.Commit();
        }
        Assert.Equal("hello", File.ReadAllText(folder["deep/out/sub/a.txt"]));
        Assert.Equal([folder["deep/out"]], Directory.GetFileSystemEntries(folder["deep"]));
    }

    [Fact]
    public void Nothing_is_left_where_it_is_not_committed()
    {
        using var folder = new TemporaryFolder();
        using (OutputDirectory output = OutputDirectory.Create(folder["out"], force: false))
            output.WriteFile("a.txt", "hello"u8);
        Assert.Empty(Entries(folder));
    }

    [Fact]
    public void An_existing_output_is_replaced_only_with_force_and_only_by_commit()
    {
        using var folder = new TemporaryFolder();
        WriteReport(folder["out"], "old");
        AssertCannotWrite(() => OutputDirectory.Create(folder["out"], force: false), "--force");
        using (OutputDirectory output = OutputDirectory.Create(folder["out"], force: true))
            output.WriteFile(OutputDirectory.ReportName, "dropped"u8);
        Assert.Equal("old", File.ReadAllText(folder["out/clusterlp.json"]));
        WriteReport(folder["out"], "new", force: true);
        Assert.Equal("new", File.ReadAllText(folder["out/clusterlp.json"]));
        Assert.Equal(["out"], Entries(folder));
    }

    [Fact]
    public void What_is_not_an_output_of_ours_is_never_replaced()
    {
        using var folder = new TemporaryFolder();
        folder.Write("home/thesis.txt", [1]);
        folder.Write("file", [1]);
        AssertCannotWrite(() => OutputDirectory.Create(folder["home"], force: true), "not replaced, even with --force");
        AssertCannotWrite(() => OutputDirectory.Create(folder["file"], force: true), "a file of this name");
        AssertCannotWrite(() => OutputDirectory.Create("/", force: true), "root");
        Assert.Equal(["file", "home"], Entries(folder));
    }

    [Fact]
    public void What_a_killed_run_left_is_cleaned_up()
    {
        using var folder = new TemporaryFolder();
        folder.Write(".out.partial-7/model.safetensors", [1]);
        WriteReport(folder["out"], "new");
        Assert.Equal(["out"], Entries(folder));
        Assert.Equal(["clusterlp.json"], Directory.GetFiles(folder["out"]).Select(Path.GetFileName));

        // Killed between the two renames of a replacement: the old output is back.
        Directory.Move(folder["out"], folder[".out.replaced"]);
        AssertCannotWrite(() => OutputDirectory.Create(folder["out"], force: false), "exists");
        Assert.Equal("new", File.ReadAllText(folder["out/clusterlp.json"]));
        Assert.Equal(["out"], Entries(folder));
    }

    [Fact]
    public void Two_runs_cannot_write_one_output_at_a_time()
    {
        using var folder = new TemporaryFolder();
        using (OutputDirectory.Create(folder["out"], force: false))
            AssertCannotWrite(() => OutputDirectory.Create(folder["out"], force: false), "another run");
        WriteReport(folder["out"], "free again");
    }

    [Fact]
    public void A_later_term_of_a_job_takes_the_place_of_a_run_that_hangs()
    {
        using var folder = new TemporaryFolder();
        using (OutputDirectory hangs = OutputDirectory.Create(folder["out"], force: false, new OutputOwner("job", 1)))
        {
            hangs.WriteFile("clusterlp.json", [1]);
            AssertCannotWrite(() => OutputDirectory.Create(folder["out"], force: false, new OutputOwner("other", 2)), "another run");
            using OutputDirectory later = OutputDirectory.Create(folder["out"], force: false, new OutputOwner("job", 2));
            later.WriteFile("clusterlp.json", [2]);
            AssertCannotWrite(() => hangs.WriteFile("more", [1]), "cannot be written");
            AssertCannotWrite(hangs.Commit, "cannot be written");
            later.Commit();
            AssertCannotWrite(hangs.Commit, "exists");
        }
        Assert.Equal([2], File.ReadAllBytes(folder["out/clusterlp.json"]));
        Assert.Equal(["out"], Entries(folder));
    }

    [Fact]
    public void An_output_that_appeared_meanwhile_is_not_overwritten()
    {
        using var folder = new TemporaryFolder();
        using (OutputDirectory output = OutputDirectory.Create(folder["out"], force: false))
        {
            folder.Write("out/clusterlp.json", [42]);
            AssertCannotWrite(output.Commit, "exists");
        }
        Assert.Equal([42], File.ReadAllBytes(folder["out/clusterlp.json"]));
        Assert.Equal(["out"], Entries(folder));
    }

    [Theory]
    [InlineData("../escaped.txt")]
    [InlineData("a/../../escaped.txt")]
    [InlineData("/escaped.txt")]
    public void A_file_name_cannot_lead_out(string name)
    {
        using var folder = new TemporaryFolder();
        using OutputDirectory output = OutputDirectory.Create(folder["out"], force: false);
        AssertCannotWrite(() => output.WriteFile(name, [1]), "leads outside");
    }
}
