"""docs/benchmarks.md from the JSON that the measurements leave: text in template.md, tables and findings made here, plots
by plots.py."""
import json, pathlib, string
from page import companions, findings, sections
from page.contenders import REFERENCE

SECTIONS = [section.key for section in sections.sections(quick=False)]
COMPANIONS = [companion[0] for companion in companions.COMPANIONS]
HEADINGS = ["program", "s", "x SVD's", "peak MiB", "l_1", "l_1.5", "Frobenius", "largest row"]


def load(data):
    """{piece: figures} of what was measured, sections and companions in the page's order; `machine` beside them."""
    found = {}
    for name in ["machine", *SECTIONS, *COMPANIONS]:
        path = pathlib.Path(data) / f"{name}.json"
        if path.exists():
            found[name] = json.loads(path.read_text())
    return found


def reference(section, compression):
    return next(r for r in section["results"] if r["name"] == REFERENCE and r["compression"] == compression)


def relative(section, result):
    """The result's errors over those of full SVD at the same rank."""
    base = reference(section, result["compression"])["errors"]
    return {field: value / base[field] for field, value in result["errors"].items()}


def compressions(section):
    return sorted({r["compression"] for r in section["results"]})


def table(section):
    """All programs at the first compression; the lowest l_1 and l_1.5 in bold."""
    first = compressions(section)[0]
    base = reference(section, first)
    rows = [(r, relative(section, r)) for r in section["results"] if r["compression"] == first]
    lowest = {field: min(errors[field] for _, errors in rows) for field in ("l1", "lp")}
    mark = lambda field, value: f"**{value:.3f}**" if value == lowest.get(field) else f"{value:.3f}"
    lines = [row(HEADINGS), row(["---"] + ["--:"] * (len(HEADINGS) - 1))]
    for r, errors in rows:
        lines.append(row([r["name"], f"{r['seconds']:.2f}", f"{r['seconds'] / base['seconds']:.2f}", f"{r['peak_mib']:.0f}"]
                         + [mark(field, errors[field]) for field in ("l1", "lp", "frobenius", "max_row")]))
    return "\n".join(lines)


def curve_table(section):
    """Errors of the programs measured at every compression."""
    shares = compressions(section)
    names = [n for n in dict.fromkeys(r["name"] for r in section["results"]) if n != REFERENCE
             and {r["compression"] for r in section["results"] if r["name"] == n} == set(shares)]
    lines = [row(["l_1 / l_1.5 / Frobenius"] + [f"{share:.0%}, rank {reference(section, share)['rank']}" for share in shares]),
             row(["---"] + ["--:"] * len(shares))]
    for name in names:
        cells = []
        for share in shares:
            errors = relative(section, next(r for r in section["results"] if r["name"] == name and r["compression"] == share))
            cells.append(f"{errors['l1']:.3f} / {errors['lp']:.3f} / {errors['frobenius']:.3f}")
        lines.append(row([name, *cells]))
    return "\n".join(lines)


def row(cells):
    return "| " + " | ".join(cells) + " |"


def section_text(section):
    base = reference(section, compressions(section)[0])
    parts = [f"### {section['title']}", section["about"] + f" Rank {base['rank']} ({base['compression']:.0%} saved).", table(section)]
    skipped = list(dict.fromkeys(f"{s['name']} ({s['reason']})" for s in section["skipped"]))
    if skipped:
        parts.append("Not measured: " + "; ".join(skipped) + ".")
    if len(compressions(section)) > 1:
        parts += ["At three ranks:", curve_table(section)]
    return "\n\n".join(parts)


def companion_text(found, name):
    piece = found.get(name)
    if piece is None:
        return None
    parts = [f"### {piece['title']}", f"{piece['about']} `{piece['command']}`"]
    if not piece["present"]:
        return "\n\n".join([parts[0], f"`{piece['command']}` is not part of this version."])
    parts[-1] += f", {piece['seconds']:.0f} s:"
    if piece["exit"] is None:
        parts.append(f"It did not end in time ({piece['complaint']}); what it printed until then:")
    elif piece["exit"] != 0:
        parts.append(f"It ended with exit code {piece['exit']}; what it printed:")
    parts.append(f"```\n{piece['output'].strip() or '(nothing)'}\n```")
    return "\n\n".join(parts)


def machine_text(m):
    packages = ", ".join(f"{name} {version}" for name, version in m["packages"].items())
    return (f"{m['cpu']}, {m['cores']} cores, {m['memory_gib']:.0f} GiB, {m['system']}. clusterlp {m['clusterlp']} (commit {m['commit']}), "
            f"{m['runtime']}, kernels {m['kernels']}, factorisations by {m['factorisations']}. Peers: Python {m['python']}, {packages}, {m['blas']}. "
            f"Measured on {m['date']}.")


def render(data, page):
    """Writes the page, and its plots into a folder of the page's name beside it."""
    found = load(data)
    measured = [found[name] for name in SECTIONS if name in found]
    missing = [name for name in SECTIONS if name not in found]
    quick = any(s["quick"] for s in measured)
    plots = []
    if measured:
        from page import plots as drawing
        plots = drawing.draw(found, page.parent / page.stem)
    text = string.Template((pathlib.Path(__file__).parent / "template.md").read_text()).substitute(
        command="./bench/all --quick" if quick else "./bench/all",
        machine=machine_text(found["machine"]),
        missing=f"Not measured: {', '.join(missing)}.\n\n" if missing else "",
        lost="\n".join(f"- {line}" for line in findings.lost(found)),
        won="\n".join(f"- {line}" for line in findings.won(found)),
        plots="\n\n".join(f"![{title}]({page.stem}/{name})" for title, name in plots),
        tables="\n\n".join(section_text(s) for s in measured),
        companions="\n\n".join(filter(None, (companion_text(found, name) for name in COMPANIONS))))
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(text.rstrip() + "\n")
