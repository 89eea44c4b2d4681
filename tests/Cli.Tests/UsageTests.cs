using ClusterLp.Core;

namespace ClusterLp.Cli.Tests;

public class UsageTests
{
    [Theory]
    [InlineData("--p is 'best'; expected a number or auto", "compress", "m.npy", "--p", "best")]
    [InlineData("--p is '1,5'; expected a number", "compress", "m.npy", "--p", "1,5")]
    [InlineData("--rank is '0'; expected a whole number of 1 or more", "compress", "m.npy", "--rank", "0")]
    [InlineData("--rank is '2.5'", "compress", "m.npy", "--rank", "2.5")]
    [InlineData("--seed is '-1'", "compress", "m.npy", "--seed", "-1")]
    [InlineData("--method is 'l1'; expected one of lp, lewis, svd", "compress", "m.npy", "--method", "l1")]
    [InlineData("--method is '1'; expected one of lp, lewis, svd", "compress", "m.npy", "--method", "1")]
    [InlineData("--dtype is 'i8'; expected one of f32, f16, bf16", "compress", "m.npy", "--dtype", "i8")]
    [InlineData("--log-format is 'xml'; expected one of text, json", "doctor", "--log-format", "xml")]
    [InlineData("--coordinator is 'host'; expected HOST:PORT", "worker", "--coordinator", "host")]
    [InlineData("--coordinator is '::1:80'; expected HOST:PORT", "worker", "--coordinator", "::1:80")]
    [InlineData("--coordinator is 'host:0'", "worker", "--coordinator", "host:0")]
    [InlineData("--host is 'a b'; expected a host name or an IP address", "worker", "--coordinator", "host:1", "--host", "a b")]
    [InlineData("--host is ''", "coordinator", "--job", "job.json", "--host", "")]
    [InlineData("--host is 'a/b'; expected a host name or an IP address", "status", "--coordinator", "host:1", "--host", "a/b")]
    [InlineData("--listen is '0.0.0.0'; expected HOST:PORT", "worker", "--coordinator", "host:1", "--listen", "0.0.0.0")]
    [InlineData("--rejoin-timeout is '5d'; expected a time of a second or more", "worker", "--coordinator", "host:1", "--rejoin-timeout", "5d")]
    [InlineData("--drain-timeout is '0'", "worker", "--coordinator", "host:1", "--drain-timeout", "0")]
    [InlineData("--http is '8080'; expected HOST:PORT", "worker", "--coordinator", "host:1", "--http", "8080")]
    [InlineData("--otlp is 'localhost:4318'; expected an http or https address", "compress", "m.npy", "--otlp", "localhost:4318")]
    [InlineData("--every needs --watch", "status", "--job-dir", "x", "--every", "2s")]
    [InlineData("--coordinator", "worker")]
    [InlineData("--against", "verify", "out")]
    [InlineData("'compress'", "compress")]
    [InlineData("'frobnicate'", "frobnicate")]
    [InlineData("'--nonesuch'", "inspect", "m.npy", "--nonesuch")]
    [InlineData("shell is 'csh'; expected bash, zsh or fish", "completion", "csh")]
    public async Task A_wrong_command_line_exits_64_and_names_what_is_wrong(string expected, params string[] arguments)
    {
        CommandLine run = await CommandLine.RunAsync(arguments);
        Assert.Equal(ExitCode.Usage, run.Code);
        Assert.Contains(expected, run.Error);
        Assert.StartsWith("clusterlp: error: ", run.Error);
        Assert.Contains("--help'.", run.Error);
        Assert.Empty(run.Out);
    }

    [Fact]
    public async Task Without_arguments_the_help_goes_to_standard_error_and_the_exit_code_is_64()
    {
        CommandLine run = await CommandLine.RunAsync();
        Assert.Equal(ExitCode.Usage, run.Code);
        Assert.Contains("compress", run.Error);
        Assert.Empty(run.Out);
    }

    [Theory]
    [InlineData("compress", "--compression", "--target-error", "--tolerance", "--row-weights", "--reconstruct", "--job-dir", "--fit", "--http", "--otlp", "--json")]
    [InlineData("coordinator", "--job", "--listen", "--host", "--http", "--insecure", "--job-dir", "--tls-cert", "--tls-key", "--tls-ca", "--root")]
    [InlineData("worker", "--coordinator", "--host", "--listen", "--threads", "--http", "--rejoin-timeout", "--drain-timeout", "--tls-cert", "--tls-key", "--tls-ca", "--root")]
    [InlineData("compress", "--per-tensor", "--exclude", "--tensor")]
    [InlineData("plan", "--compression", "--per-tensor", "--exclude", "--target-error", "--threads", "--json")]
    [InlineData("certs", "--dir", "--host", "--days", "--force", "--json")]
    [InlineData("status", "--job-dir", "--watch", "--every", "--json")]
    [InlineData("verify", "--against", "--json")]
    [InlineData("report", "--against", "--tensor", "--output", "--force")]
    [InlineData("evaluate", "--against", "--tensor", "--vocabulary", "--activations", "--row-weights", "--queries", "--seed", "--json")]
    public async Task Help_lists_the_options_and_ends_with_examples(string verb, params string[] options)
    {
        CommandLine run = await CommandLine.RunAsync(verb, "--help");
        Assert.Equal(ExitCode.Done, run.Code);
        Assert.All(options, option => Assert.Contains(option, run.Out));
        Assert.Contains($"clusterlp {verb}", run.Out[run.Out.IndexOf("Examples:", StringComparison.Ordinal)..]);
    }

    [Fact]
    public async Task The_version_is_a_number_alone()
    {
        CommandLine run = await CommandLine.RunAsync("--version");
        Assert.Matches(@"^\d+\.\d+\.\d+\s*$", run.Out);
    }

    [Fact]
    public async Task Suggestions_offer_each_word_of_a_choice_once()
    {
        string line = "clusterlp compress m.npy --method ";
        CommandLine run = await CommandLine.RunAsync($"[suggest:{line.Length}]", line);
        Assert.Equal(["krylov", "lewis", "lp", "simplex", "svd"], run.Out.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Order());
    }

    [Theory]
    [InlineData("bash", "complete -o default -F _clusterlp clusterlp")]
    [InlineData("zsh", "compdef _clusterlp clusterlp")]
    [InlineData("fish", "complete -c clusterlp")]
    public async Task Every_shell_has_a_completion_script_that_asks_the_program(string shell, string registration)
    {
        CommandLine run = await CommandLine.RunAsync("completion", shell);
        Assert.Contains(registration, run.Out);
        Assert.Contains("[suggest:", run.Out);
    }

    [Theory]
    [InlineData(ExitCode.InputMissing, "compress", "nonesuch.npy", "--rank", "2")]
    [InlineData(ExitCode.InputMissing, "inspect", "nonesuch.npy")]
    [InlineData(ExitCode.InputMissing, "plan", "nonesuch.npy", "--rank", "2")]
    [InlineData(ExitCode.InputMissing, "verify", "nonesuch", "--against", "nonesuch.npy")]
    [InlineData(ExitCode.InputMissing, "report", "nonesuch")]
    [InlineData(ExitCode.InputMissing, "evaluate", "nonesuch", "--against", "nonesuch.npy")]
    [InlineData(ExitCode.InputMissing, "coordinator", "--job", "nonesuch.json")]
    [InlineData(ExitCode.InputMissing, "status", "--job-dir", "nonesuch")]
    public async Task A_missing_input_exits_66_in_one_line_that_names_it(ExitCode code, params string[] arguments)
    {
        CommandLine run = await CommandLine.RunAsync(arguments);
        Assert.Equal(code, run.Code);
        Assert.Contains("nonesuch", Assert.Single(run.Error.TrimEnd().Split('\n')));
    }
}
