"""The page's plots, as SVG that depends on the figures alone: no date, fixed ids, text as text. Ours in colour, peers grey."""
import matplotlib
matplotlib.use("svg")
import matplotlib.pyplot as plt
from page.contenders import OURS, REFERENCE as SVD
from page.findings import sections

GREY = "#767676"
COLOURS = {OURS[key].name: look for key, look in {  # dark enough on white, told apart by the colour-blind (Okabe and Ito, 2008), markers differ too
    "svd": ("#000000", "s"), "lewis": ("#56b4e9", "v"), "lewis1": ("#56b4e9", "^"), "lp": ("#0072b2", "o"), "coreset": ("#009e73", "D"),
    "l1": ("#d55e00", "o"), "joint": ("#cc79a7", "P"), "joint1": ("#e69f00", "P")}.items()}
CAP = 1.15  # of the relative l_1.5 error in a plot: what lies above stands at the edge, with its figure
PEER_MARKERS = ["o", "s", "^", "v", "D", "P", "X", "<", ">", "*"]
STYLE = {"svg.hashsalt": "clusterlp", "svg.fonttype": "none", "font.size": 9, "font.family": "sans-serif", "axes.spines.top": False,
         "axes.spines.right": False, "axes.grid": True, "grid.color": "#e0e0e0", "grid.linewidth": 0.6, "axes.axisbelow": True}


def draw(found, folder):
    """Writes every plot there are figures for; [(title, file name)]."""
    folder.mkdir(parents=True, exist_ok=True)
    drawn = []
    with plt.rc_context(STYLE):
        for title, name, figure in (
                ("Errors by how much is saved, relative to SVD", "curves.svg", curves(found)),
                ("l_1.5 error and time", "time-and-error.svg", scatter(found)),
                ("Time and memory relative to numpy's full SVD", "time-and-memory.svg", bars(found))):
            if figure is not None:
                figure.savefig(folder / name, bbox_inches="tight", metadata={"Date": None, "Creator": None})
                plt.close(figure)
                drawn.append((title, name))
    return drawn


def short(name):
    return name.removeprefix("clusterlp: ") if name.startswith("clusterlp") else name


def curves(found):
    """l_1 and l_1.5 of our variants over SVD's, by the share saved, a row of panels a matrix."""
    chosen = [s for _, s, _ in sections(found) if len({r["compression"] for r in s["results"]}) > 1]
    if not chosen:
        return None
    figure, panels = plt.subplots(len(chosen), 2, figsize=(8.2, 3.0 * len(chosen)), squeeze=False, sharex=True)
    for section, line in zip(chosen, panels):
        base = {r["compression"]: r["errors"] for r in section["results"] if r["name"] == SVD}
        names = [n for n in COLOURS if {r["compression"] for r in section["results"] if r["name"] == n} == set(base)]
        for panel, (field, word) in zip(line, (("l1", "l_1"), ("lp", "l_1.5"))):
            panel.axhline(1, color=GREY, linewidth=1.2, linestyle="--", label="SVD")
            for name in names:
                colour, marker = COLOURS[name]
                mine = sorted((r["compression"], r["errors"][field] / base[r["compression"]][field]) for r in section["results"] if r["name"] == name)
                panel.plot([100 * c for c, _ in mine], [v for _, v in mine], color=colour, marker=marker, markersize=5, label=short(name))
            panel.set_title(f"{section['title']}: {word}", fontsize=9, loc="left")
            panel.set_xticks([100 * c for c in sorted(base)])
            panel.set_ylabel("relative to SVD")
    for panel in panels[-1]:
        panel.set_xlabel("saved, %")
    legend(figure, panels)
    return figure


def scatter(found):
    """Time against the l_1.5 error of every program, a panel a matrix: below and to the left is better."""
    chosen = sections(found)
    if not chosen:
        return None
    columns = min(2, len(chosen))
    rows = -(-len(chosen) // columns)
    figure, panels = plt.subplots(rows, columns, figsize=(8.2, 3.1 * rows), squeeze=False)
    peers = list(dict.fromkeys(n for _, _, by_name in chosen for n, r in by_name.items() if not r["ours"]))
    for panel, (_, section, by_name) in zip(panels.flat, chosen):
        for name, r in by_name.items():
            colour, marker = COLOURS[name] if r["ours"] else (GREY, PEER_MARKERS[peers.index(name) % len(PEER_MARKERS)])
            error = r["errors"]["lp"] / by_name[SVD]["errors"]["lp"]
            panel.plot(r["seconds"], min(error, CAP), linestyle="none", marker=marker, markersize=6,
                       color=colour, markerfacecolor=colour if r["ours"] else "none", label=short(name))
            if error > CAP:
                panel.annotate(f"{error:.2f}", (r["seconds"], CAP), xytext=(0, -5), textcoords="offset points", rotation=90, ha="center",
                               va="top", fontsize=8, color=colour)
        panel.set_xscale("log")
        panel.margins(x=0.12)
        panel.xaxis.set_major_locator(matplotlib.ticker.LogLocator(subs=(1, 2, 5)))
        panel.xaxis.set_major_formatter(matplotlib.ticker.FuncFormatter(lambda x, _: f"{x:g}"))
        panel.xaxis.set_minor_locator(matplotlib.ticker.NullLocator())
        panel.set_title(section["title"], fontsize=9, loc="left")
        panel.set_xlabel("whole job, s (logarithmic)")
        panel.set_ylabel("l_1.5 relative to SVD")
    for panel in panels.flat[len(chosen):]:
        panel.axis("off")
    legend(figure, panels)
    return figure


def legend(figure, panels):
    """One legend under all panels, each name once."""
    handles = {}
    for panel in panels.flat:
        for handle, label in zip(*panel.get_legend_handles_labels()):
            handles.setdefault(label, handle)
    figure.tight_layout()
    figure.legend(handles.values(), handles.keys(), loc="upper center", bbox_to_anchor=(0.5, 0), ncol=3, frameon=False)


def bars(found):
    """Whole-job time and peak memory over full SVD's on the largest matrix measured, fastest first."""
    chosen = sections(found)
    if not chosen:
        return None
    _, section, by_name = max(chosen, key=lambda s: s[1]["rows"] * s[1]["columns"])
    names = sorted(by_name, key=lambda n: -by_name[n]["seconds"])
    figure, panels = plt.subplots(1, 2, figsize=(8.2, 0.9 + 0.27 * len(names)), sharey=True)
    for panel, (field, word) in zip(panels, (("seconds", "time"), ("peak_mib", "peak memory"))):
        ratios = [by_name[n][field] / by_name[SVD][field] for n in names]
        colours = ["#0072b2" if by_name[n]["ours"] else "#b0b0b0" for n in names]
        panel.barh(range(len(names)), ratios, color=colours, height=0.7)
        for i, value in enumerate(ratios):
            panel.text(value, i, f" {value:.2f}", va="center", fontsize=8,
                       bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.4})
        panel.axvline(1, color=GREY, linewidth=1, linestyle="--")
        panel.set_xlim(0, max(ratios) * 1.15)
        panel.set_title(f"{word}, numpy's full SVD = 1", fontsize=9, loc="left")
        panel.grid(axis="y", visible=False)
    panels[0].set_yticks(range(len(names)), names)
    figure.suptitle(section["title"], fontsize=9, x=0.01, ha="left")
    figure.tight_layout()
    return figure
