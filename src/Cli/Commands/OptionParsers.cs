using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Net;

namespace ClusterLp.Cli.Commands;

/// <summary>Options whose parse errors name the option, the text and what was expected.</summary>
internal static class OptionParsers
{
    /// <summary>A decimal number.</summary>
    public static Option<double?> Number(string name, string help, string description) => Parsed<double>(name, help, description, "a number",
        text => double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double value) ? value : null);

    /// <summary>p from 1 to 2, or <c>auto</c>: then no number.</summary>
    public static Option<(double? P, bool Auto)?> Power(string name, string description) => Parsed<(double? P, bool Auto)>(
        name, "P", description, $"a number or {Auto}",
        text => text == Auto ? (null, true)
            : double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double value) ? (value, false) : null);

    /// <summary>The word that leaves p to the job.</summary>
    public const string Auto = "auto";

    /// <summary>A whole number of <paramref name="least"/> or more.</summary>
    public static Option<int?> Whole(string name, string help, string description, int least = 1) => Parsed<int>(
        name, help, description, $"a whole number of {least} or more",
        text => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int value) && value >= least ? value : null);

    /// <summary>A duration of a second or more: seconds, or with a unit (90s, 5m, 2h).</summary>
    public static Option<TimeSpan?> Duration(string name, string description) =>
        Parsed(name, "TIME", description, "a time of a second or more and a day at most, such as 90s, 5m or 2h", ParseDuration);

    /// <summary>A seed: a whole number below 2^64.</summary>
    public static Option<ulong?> Seed(string name, string description) => Parsed<ulong>(name, "N", description, "a whole number from 0 to 18446744073709551615",
        text => ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out ulong value) ? value : null);

    /// <summary>One word of an enumeration, in lower case; <paramref name="allowed"/> limits it, all by default.</summary>
    public static Option<T> Word<T>(string name, string description, bool recursive = false, params T[] allowed) where T : struct, Enum
    {
        string[] words = Words(allowed);
        var option = new Option<T>(name)
        {
            Description = description,
            HelpName = string.Join('|', words),
            Recursive = recursive,
            CustomParser = result => Parse(result, name, $"one of {string.Join(", ", words)}", text => FromWord(text, allowed)) ?? default,
        };
        option.CompletionSources.Clear();
        option.CompletionSources.Add(words);
        return option;
    }

    /// <summary>As <see cref="Word"/>, null where the option is not given.</summary>
    public static Option<T?> OptionalWord<T>(string name, string description, params T[] allowed) where T : struct, Enum
    {
        string[] words = Words(allowed);
        var option = Parsed(name, string.Join('|', words), description, $"one of {string.Join(", ", words)}", text => FromWord(text, allowed));
        option.CompletionSources.Clear();
        option.CompletionSources.Add(words);
        return option;
    }

    /// <summary>HOST:PORT; an IPv6 address in brackets.</summary>
    public static Option<DnsEndPoint?> EndPoint(string name, string description, bool portZero) => new(name)
    {
        Description = description,
        HelpName = "HOST:PORT",
        CustomParser = result =>
        {
            string text = result.Tokens[0].Value;
            DnsEndPoint? value = ParseEndPoint(text, portZero);
            if (value is null)
                result.AddError($"{name} is '{text}'; expected HOST:PORT with a port from {(portZero ? 0 : 1)} to 65535.");
            return value;
        },
    };

    /// <summary><c>--host</c>: a name or IP address that others can dial.</summary>
    public static Option<string?> Host(string description) => new("--host")
    {
        Description = description,
        HelpName = "HOST",
        CustomParser = result =>
        {
            string text = result.Tokens[0].Value;
            if (Uri.CheckHostName(text) == UriHostNameType.Unknown)
                result.AddError($"--host is '{text}'; expected a host name or an IP address.");
            return text;
        },
    };

    /// <summary>An http or https address.</summary>
    public static Option<Uri?> WebAddress(string name, string description) => new(name)
    {
        Description = description,
        HelpName = "URL",
        CustomParser = result =>
        {
            if (Uri.TryCreate(result.Tokens[0].Value, UriKind.Absolute, out Uri? address) && address.Scheme is "http" or "https")
                return address;
            result.AddError($"{name} is '{result.Tokens[0].Value}'; expected an http or https address.");
            return null;
        },
    };

    /// <summary>The enumeration's value for a word, or null.</summary>
    public static T? FromWord<T>(string text, T[] allowed) where T : struct, Enum
    {
        foreach (T value in allowed.Length > 0 ? allowed : Enum.GetValues<T>())
            if (string.Equals(value.ToString(), text, StringComparison.OrdinalIgnoreCase))
                return value;
        return null;
    }

    private static string[] Words<T>(T[] allowed) where T : struct, Enum =>
        [.. (allowed.Length > 0 ? allowed : Enum.GetValues<T>()).Select(value => value.ToString().ToLowerInvariant())];

    private static Option<T?> Parsed<T>(string name, string help, string description, string expected, Func<string, T?> parse) where T : struct => new(name)
    {
        Description = description,
        HelpName = help,
        CustomParser = result => Parse(result, name, expected, parse),
    };

    private static T? Parse<T>(ArgumentResult result, string name, string expected, Func<string, T?> parse) where T : struct
    {
        T? value = parse(result.Tokens[0].Value);
        if (value is null)
            result.AddError($"{name} is '{result.Tokens[0].Value}'; expected {expected}.");
        return value;
    }

    private static TimeSpan? ParseDuration(string text)
    {
        (string number, int unit) = text switch
        {
            [.. var head, 's'] => (head, 1),
            [.. var head, 'm'] => (head, 60),
            [.. var head, 'h'] => (head, 3600),
            _ => (text, 1),
        };
        return int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out int value) && (long)value * unit is >= 1 and <= 86400
            ? TimeSpan.FromSeconds((long)value * unit)
            : null;
    }

    private static DnsEndPoint? ParseEndPoint(string text, bool portZero)
    {
        int colon = text.LastIndexOf(':');
        if (colon < 1 || !ushort.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out ushort port) || port == 0 && !portZero)
            return null;
        string host = text[..colon];
        if (host.StartsWith('[') && host.EndsWith(']'))
            host = host[1..^1];
        else if (host.Contains(':'))
            return null;
        return Uri.CheckHostName(host) == UriHostNameType.Unknown ? null : new DnsEndPoint(host, port);
    }
}
