using System.CommandLine;
using ClusterLp.Cli.Hosting;
using ClusterLp.Core;

namespace ClusterLp.Cli.Commands;

/// <summary>How a command that talks to other machines shows who it is: three PEM files, or a word that nobody need.</summary>
internal sealed class TlsOptions
{
    private readonly Option<string?> _certificate = File("--tls-cert", "This node's certificate (PEM)");
    private readonly Option<string?> _key = File("--tls-key", "Its private key (PEM)");
    private readonly Option<string?> _authority = File("--tls-ca", "The authority every node's certificate comes from (PEM)");
    private readonly Option<bool> _insecure = new("--insecure") { Description = "Allow an address other than loopback without TLS." };

    public void AddTo(Command command)
    {
        foreach (Option option in (Option[])[_certificate, _key, _authority, _insecure])
            command.Options.Add(option);
    }

    /// <summary>Whether the user accepts connections that nothing protects.</summary>
    public bool IsInsecure(ParseResult parse) => parse.GetValue(_insecure);

    /// <summary>What the options, or else the environment, name; null where neither names any file.</summary>
    /// <exception cref="ClusterLpException">Only some of the three are named (exit 64), or a file cannot be used (65, 66).</exception>
    public NodeTls? Load(ParseResult parse)
    {
        Option<string?>[] options = [_certificate, _key, _authority];
        string?[] files = [.. options.Select(option => parse.GetValue(option) ?? FromEnvironment(option))];
        if (files.All(file => file is null))
            return null;
        if (Array.IndexOf(files, null) is >= 0 and int missing)
            throw ClusterLpException.Usage($"TLS takes three files and {options[missing].Name} is missing: give it, or {Variable(options[missing])} in the environment.");
        return NodeTls.Load(files[0]!, files[1]!, files[2]!);
    }

    private static Option<string?> File(string name, string what)
    {
        var option = new Option<string?>(name) { HelpName = "FILE" };
        option.Description = $"{what}; else ${Variable(option)}.";
        return option;
    }

    private static string? FromEnvironment(Option option) =>
        Environment.GetEnvironmentVariable(Variable(option)) is { Length: > 0 } file ? file : null;

    // --tls-cert: CLUSTERLP_TLS_CERT.
    private static string Variable(Option option) => "CLUSTERLP_" + option.Name[2..].Replace('-', '_').ToUpperInvariant();
}
