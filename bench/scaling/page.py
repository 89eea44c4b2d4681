"""The tables of docs/scaling.md, from the figures of the parts; each stands between two markers of its name."""
from processes import MIB  # first: it says where measure is
from measure import put_between  # noqa: E402


def linear(figures):
    runs, out = figures["runs"], []
    sizes = sorted({r["rows"] for r in runs})
    out.append("| whole job, seconds (processor seconds) | " + " | ".join(f"{n:,} rows" for n in sizes) + " | farthest from a line |")
    out.append("|---|" + "---|" * (len(sizes) + 1))
    for method in dict.fromkeys(r["method"] for r in runs):
        row = {r["rows"]: r for r in runs if r["method"] == method}
        off = next(t["value"] for t in figures["targets"] if t["title"].startswith(method + ":"))
        out.append(f"| {method} | " + " | ".join(f"{row[n]['seconds']:.1f} ({row[n]['cpu']:.1f})" for n in sizes) + f" | {off:.1%} |")
    return out + verdicts(figures)


def workers(figures):
    out = ["| job | workers | seconds | of these writing the output | processor seconds: workers | coordinator |", "|---|---|---|---|---|---|"]
    best = {}
    for r in figures["runs"]:
        key = (r["job"], r["workers"])
        if key not in best or r["seconds"] < best[key]["seconds"]:
            best[key] = r
    for (job, count), r in best.items():
        out.append(f"| {job} | {count} | {r['seconds']:.1f} | {r['parts']['assemble']:.1f} | {sum(r['worker_cpu']):.1f} | {r['coordinator_cpu']:.1f} |")
    out.append("")
    out += [f"- Two jobs of {c['job']}, one thread each, that share nothing but the machine: "
            f"{c['ratio']:.2f} times one's work in its time." for c in figures.get("ceilings", [])]
    return out + [line for line in verdicts(figures) if line]


def memory(figures):
    out = ["| rows | input, GB | job | worker | coordinator | embedded | allowed |", "|---|---|---|---|---|---|---|"]
    for r in figures["runs"]:
        cells = " | ".join(f"{r[role]['peak'] / MIB:.0f} ({r[role]['anonymous'] / MIB:.0f})" for role in ("worker", "coordinator", "embedded"))
        out.append(f"| {r['rows']:,} | {r['bytes'] / 1e9:.2f} | {r['method']} | {cells} | {r['worker']['allowed'] / MIB:.0f} |")
    out += ["", f"MiB resident at the peak (of these anonymous), {figures['runs'][0]['columns']} columns, under a {figures['runs'][0]['limit']}."]
    return out + verdicts(figures)


def model(figures):
    out = ["| job | workers | measured, s | model, s | ratio |", "|---|---|---|---|---|"]
    for c in figures["checks"]:
        out.append(f"| {c['rows']:,} x {c['columns']} | {c['workers']} | {c['measured']:.1f} | {c['model']:.1f} | {c['model'] / c['measured']:.2f}{' (gave the rates)' if c['gave_rates'] else ''} |")
    return out + [""] + figures["tables"]


def verdicts(figures):
    lines = [f"- {t['title']}: {t['value']:.3f}, target {t['better']} {t['target']:g}: {'met' if t['met'] else '**NOT MET**'}" for t in figures["targets"]]
    return [""] + lines if lines else []


def write(path, results):
    """Puts the tables of the parts that have figures in their places."""
    for name, part in (("linear", linear), ("workers", workers), ("memory", memory), ("model", model)):
        if name in results:
            put_between(path, name, part(results[name]))
