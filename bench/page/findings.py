"""What the figures say, in sentences: first where we lose. Each sentence is made from the figures and left out where the
programs were not measured."""

from page.contenders import OURS, PEERS, REFERENCE as SVD

MINIMISE = {"lp": "lp", "joint": "lp", "l1": "l1", "joint1": "l1"}  # our variants and the error each minimises
# Whose time ours is set beside when it wins: programs that minimise the same error, and the SVDs everybody knows.
SVDS = ("full", "gram", "randomized", "truncated", "dask4")
RIVALS = {"svd": SVDS, "lp": ("full", "randomized", "admm", "ellipsoid"), "joint": ("full", "randomized", "admm", "ellipsoid"),
          "l1": ("full", "randomized", "admm1", "ellipsoid1"), "joint1": ("full", "randomized", "admm1", "ellipsoid1")}
WORDS = {"l1": "l_1", "lp": "l_1.5"}


def results(section):
    """{name: result} at the section's first compression."""
    first = min(r["compression"] for r in section["results"])
    return {r["name"]: r for r in section["results"] if r["compression"] == first}


def sections(found):
    return [(key, piece, results(piece)) for key, piece in found.items() if "results" in piece]


def spread(values, digits=2):
    low, high = min(values), max(values)
    return f"{low:.{digits}f}" if f"{low:.{digits}f}" == f"{high:.{digits}f}" else f"{low:.{digits}f} to {high:.{digits}f}"


def ratio(by_name, ours, theirs, figure):
    """ours / theirs of a figure (seconds, peak_mib or an error), or None where one is missing."""
    if ours not in by_name or theirs not in by_name:
        return None
    value = lambda r: r[figure] if figure in r else r["errors"][figure]
    return value(by_name[ours]) / value(by_name[theirs])


def across(found, ours, theirs, figure):
    """Our ratios on all matrices that have both."""
    return [r for _, _, by_name in sections(found) if (r := ratio(by_name, ours, theirs, figure)) is not None]


def lost(found):
    lines = []
    for name in (OURS[key].name for key in MINIMISE):
        frobenius, largest = across(found, name, SVD, "frobenius"), across(found, name, SVD, "max_row")
        if frobenius:
            lines.append(f"{name}: the Frobenius error is {spread(frobenius)} times SVD's, the largest row's {spread(largest)} times. SVD has the "
                         "lowest Frobenius error there is.")
    for _, section, by_name in sections(found):
        slower = []
        for ours, theirs in ((OURS["svd"].name, PEERS["gram"].name), *((OURS[key].name, SVD) for key in ("svd", *MINIMISE))):
            r = ratio(by_name, ours, theirs, "seconds")
            if r is not None and r > 1:
                slower.append(f"{ours.removeprefix('clusterlp: ')} takes {r:.1f} times {theirs.replace(': ', chr(39) + 's ')}")
        if slower:
            lines.append(f"Time, {section['title']}: " + "; ".join(slower) + ".")
        theirs = {n: r for n, r in by_name.items() if not r["ours"]}
        ours = {n: r for n, r in by_name.items() if r["ours"]}
        for field, word in WORDS.items():
            low, mine = min(r["errors"][field] for r in theirs.values()), min(r["errors"][field] for r in ours.values())
            if low < mine * (1 - 1e-4):
                who = next(n for n, r in theirs.items() if r["errors"][field] == low)
                lines.append(f"Error, {section['title']}: {who} has the lowest {word} error, {1 - low / mine:.2%} below our best.")
        for key, rival in (("lp", "admm"), ("l1", "admm1")):
            r = ratio(by_name, OURS[key].name, PEERS[rival].name, MINIMISE[key])
            if r is not None and r > 1 + 1e-4:
                lines.append(f"Error, {section['title']}: {PEERS[rival].name} ends {1 - 1 / r:.2%} below our {OURS[key].name.removeprefix('clusterlp: ')} in "
                             f"{WORDS[MINIMISE[key]]}, in {by_name[PEERS[rival].name]['seconds'] / by_name[OURS[key].name]['seconds']:.1f} times the time.")
        leanest = min(x["peak_mib"] for x in ours.values())
        leaner = [n for n, r in theirs.items() if r["peak_mib"] < leanest]
        if leaner:
            lines.append(f"Memory, {section['title']}: the leanest of ours takes {leanest:.0f} MiB; less take {', '.join(leaner)}.")
    return lines or ["Nowhere in these figures."]


def won(found):
    lines = []
    for key, field in MINIMISE.items():
        name = OURS[key].name
        ratios = [r for r in across(found, name, SVD, field) if r < 1]
        if ratios:
            lines.append(f"{name}: the {WORDS[field]} error is {spread(ratios, 3)} of SVD's at the same rank.")
    for _, section, by_name in sections(found):
        faster = []
        for key, rivals in RIVALS.items():
            ratios = {PEERS[rival].name: ratio(by_name, OURS[key].name, PEERS[rival].name, "seconds") for rival in rivals}
            slower = [f"{r:.2f} of {theirs}" for theirs, r in ratios.items() if r is not None and r < 1]
            if slower:
                faster.append(f"{OURS[key].name.removeprefix('clusterlp: ')} takes {', '.join(slower)}")
        if faster:
            lines.append(f"Time, {section['title']}: " + "; ".join(faster) + ".")
        smaller = [r for n in ("svd", "lp", "l1") if (r := ratio(by_name, OURS[n].name, SVD, "peak_mib")) is not None and r < 1]
        if smaller:
            lines.append(f"Memory, {section['title']}: {spread(smaller)} of numpy's full SVD.")
    return lines or ["Nowhere in these figures."]
