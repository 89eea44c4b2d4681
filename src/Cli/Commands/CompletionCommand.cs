using System.CommandLine;
using ClusterLp.Core;

namespace ClusterLp.Cli.Commands;

internal enum Shell
{
    Bash,
    Zsh,
    Fish,
}

/// <summary><c>completion</c>: a script that asks the program itself (its <c>[suggest]</c> directive) what may come next.</summary>
internal static class CompletionCommand
{
    private const string Bash = """
        _clusterlp() {
          local IFS=$'\n' word="${COMP_WORDS[COMP_CWORD]}"
          COMPREPLY=($(compgen -W "$("$1" "[suggest:${COMP_POINT}]" "${COMP_LINE}" 2>/dev/null)" -- "$word"))
        }
        complete -o default -F _clusterlp clusterlp
        """;

    private const string Zsh = """
        #compdef clusterlp
        _clusterlp() {
          local -a found
          found=("${(@f)$("${words[1]}" "[suggest:${CURSOR}]" "${BUFFER}" 2>/dev/null)}")
          if [[ -n "${found[1]}" ]]; then compadd -- "${found[@]}"; else _files; fi
        }
        compdef _clusterlp clusterlp
        """;

    private const string Fish = """
        function __clusterlp_complete
            set -l line (commandline -cp)
            clusterlp "[suggest:"(string length -- "$line")"]" "$line" 2>/dev/null
        end
        complete -c clusterlp -a '(__clusterlp_complete)'
        """;

    public static Command Create(Terminal terminal)
    {
        var shell = new Argument<Shell>("shell")
        {
            Description = "bash, zsh or fish.",
            HelpName = "bash|zsh|fish",
            CustomParser = result =>
            {
                Shell? known = OptionParsers.FromWord<Shell>(result.Tokens[0].Value, []);
                if (known is null)
                    result.AddError($"shell is '{result.Tokens[0].Value}'; expected bash, zsh or fish.");
                return known ?? default;
            },
        };
        shell.CompletionSources.Clear();
        shell.CompletionSources.Add("bash", "zsh", "fish");
        var command = new Command("completion", "Print a completion script for a shell.") { shell };
        command.SetAction(parse =>
        {
            string script = parse.GetValue(shell) switch { Shell.Bash => Bash, Shell.Zsh => Zsh, _ => Fish };
            terminal.RawOut.WriteLine(script.ReplaceLineEndings("\n"));
            return (int)ExitCode.Done;
        });
        return command;
    }
}
