using System.Globalization;
using ClusterLp.Core.Jobs;

namespace ClusterLp.Cli.Rendering;

/// <summary>Numbers as people read them; invariant culture.</summary>
internal static class Figures
{
    /// <summary>Five significant digits: 1234.5, 0.012346, 1.2346E+07.</summary>
    public static string Error(double value) => value.ToString("G5", CultureInfo.InvariantCulture);

    /// <summary>A ratio to four decimals; "-" where the denominator is zero.</summary>
    public static string Ratio(double ours, double theirs) => theirs > 0 ? (ours / theirs).ToString("F4", CultureInfo.InvariantCulture) : "-";

    /// <summary>A share as "28.1 %".</summary>
    public static string Percent(double share) => (100 * share).ToString("F1", CultureInfo.InvariantCulture) + " %";

    /// <summary>Bytes as B, KiB, MiB or GiB.</summary>
    public static string Bytes(double bytes)
    {
        string[] units = ["B", "KiB", "MiB", "GiB", "TiB"];
        int unit = 0;
        for (; bytes >= 1024 && unit < units.Length - 1; unit++)
            bytes /= 1024;
        return bytes.ToString(unit == 0 ? "F0" : "F1", CultureInfo.InvariantCulture) + " " + units[unit];
    }

    /// <summary>A count as 950, 41.2k or 3.1M.</summary>
    public static string Count(double count) => count switch
    {
        >= 1e6 => (count / 1e6).ToString("F1", CultureInfo.InvariantCulture) + "M",
        >= 1e4 => (count / 1e3).ToString("F1", CultureInfo.InvariantCulture) + "k",
        _ => count.ToString("F0", CultureInfo.InvariantCulture),
    };

    /// <summary>A number with its noun: "1 worker", "2 workers".</summary>
    public static string Count(int number, string one, string many) =>
        string.Create(CultureInfo.InvariantCulture, $"{number} {(number == 1 ? one : many)}");

    /// <summary>A time as "42 s", "3:05 min" or "2:10 h".</summary>
    public static string Duration(TimeSpan time)
    {
        double seconds = Math.Round(time.TotalSeconds);
        return seconds switch
        {
            < 60 => string.Create(CultureInfo.InvariantCulture, $"{seconds:F0} s"),
            < 3600 => string.Create(CultureInfo.InvariantCulture, $"{(int)(seconds / 60)}:{(int)(seconds % 60):D2} min"),
            _ => string.Create(CultureInfo.InvariantCulture, $"{(int)(seconds / 3600)}:{(int)(seconds / 60 % 60):D2} h"),
        };
    }

    /// <summary>A shape as "50265 x 768".</summary>
    public static string Shape(IEnumerable<long> shape) => string.Join(" x ", shape);

    /// <summary>A stage in words; rounds count from 1.</summary>
    public static string Stage(StageId stage) => stage.Kind switch
    {
        StageKind.Lewis => $"Lewis round {stage.Round + 1}",
        StageKind.Refine => $"refine round {stage.Round + 1}",
        StageKind.Joint => $"joint round {stage.Round + 1}",
        StageKind.Model => $"round {stage.Round + 1}",
        StageKind.Allot => "waiting for the other scans",
        StageKind.Factorise when stage.Round > 0 => $"factorise, try {stage.Round + 1}",
        _ => stage.Kind.ToString().ToLowerInvariant(),
    };
}
