"""The matrices of the page and who is measured on each; measuring one gives a dictionary that render.py sets as a table."""
import dataclasses, datetime, shutil, sys
import numpy as np
from measure import Failed, WORK, alternating, best, generated, launch, peak, warmed
from page import contenders, matrices
from page.errors import errors, read_factors

P = 1.5  # of the l_p column; every program is measured by the same figures
LIMIT, STOP = 8, 240  # seconds: what takes longer is measured once, is stopped
CURVES = (0.28, 0.5, 0.75)
OURS = ("svd", "lewis", "lp", "coreset", "l1", "joint", "joint1")
SQUARED = ("full", "gram", "randomized", "truncated", "dask", "dask4")


@dataclasses.dataclass(frozen=True)
class Section:
    key: str
    name: str
    about: str
    matrix: object       # () -> path or None
    table: tuple         # contenders of the table, at the first compression
    curve: tuple = ()    # contenders also measured at the other compressions, once
    quick_rows: int = 0  # rows taken by --quick; 0: the matrix is small or made small


def sections(quick):
    rows, columns = (4096, 128) if quick else (50265, 768)
    small = (600, 8) if quick else (2000, 20)
    return [
        Section("generated", "Generated",
                "The shape of RoBERTa's token embedding (`clusterlp demo --generate`): power-law spectrum plus Student-t noise.",
                lambda: generated(rows, columns), OURS + SQUARED + ("irls", "admm")),
        Section("nnue", "Chess network", "The feature embedding of a chess network (`./demo --export`).",
                lambda: matrices.public("nnue"), OURS + SQUARED + ("irls", "admm", "admm1"), ("full", "lewis", "lp", "l1", "joint", "joint1"), 4096),
        Section("lid", "Language identification", "The input matrix of a language identification model (`./demo --export`).",
                lambda: matrices.public("lid"), OURS + SQUARED + ("irls", "admm", "admm1"), ("full", "lewis", "lp", "l1", "joint", "joint1"), 4096),
        Section("heavy", "Heavy-tailed",
                "Low rank with Cauchy outliers and a few rows scaled by 30 (`bench/page/matrices.py`); small enough for the published ellipsoid method.",
                lambda: matrices.heavy_tailed(*small), OURS + ("lewis1",) + SQUARED + ("irls", "admm", "admm1", "ellipsoid", "ellipsoid1")),
    ]


def rank(n, d, compression):
    """The rule of `--compression`: as many as fit in that share of the elements."""
    return max(1, int((1 - compression) * n * d / (n + d)))


def measure(section, quick):
    """Times, memory and errors of all programs on one matrix, as JSON-ready figures; None where there is no matrix."""
    path = section.matrix()
    if path is None:
        return None
    A = np.load(path, mmap_mode="r")
    if quick and section.quick_rows:
        A = A[:section.quick_rows]
        path = WORK / f"quick-{section.key}.npy"
        np.save(path, A)
        warmed(path)
    figures = {"key": section.key, "title": f"{section.name}, {len(A):,} x {A.shape[1]}", "about": section.about, "rows": len(A), "columns": A.shape[1],
               "p": P, "quick": quick, "date": datetime.date.today().isoformat(), "results": [], "skipped": []}
    for compression in CURVES if section.curve else CURVES[:1]:
        first = compression == CURVES[0]
        results, skipped = at_rank(path, A, section.table if first else section.curve, compression, 2 if first and not quick else 1)
        figures["results"] += [{"compression": compression} | r for r in results]
        figures["skipped"] += [{"compression": compression} | s for s in skipped]
    return figures


def at_rank(path, A, keys, compression, repeat):
    """What came of the contenders at one compression, and [{name, reason}] of those that did not end."""
    chosen, skipped, k = [], [], rank(*A.shape, compression)
    for contender in (contenders.ALL[key] for key in keys):
        if reason := contenders.unknown(contender):
            skipped.append({"name": contender.name, "reason": reason})
        else:
            chosen.append(contender)

    def attempt(name, command, limit):
        """One that fails or takes too long is left out of the page, with the reason."""
        try:
            figures = launch(name, command, limit)
            reason = None if figures else f"stopped after {limit} s"
        except Failed as failed:
            print(f"bench: {failed}", file=sys.stderr)
            figures, reason = None, "failed: " + str(failed).splitlines()[-1]
        if reason:
            skipped.append({"name": name, "reason": reason})
        print(f"bench:   {name}, {compression:.0%}: {reason or format(figures['seconds'], '.1f') + ' s'}", file=sys.stderr, flush=True)
        return figures

    folder = WORK / "factors"
    folder.mkdir(parents=True, exist_ok=True)
    runs = alternating({c.name: c.command(path, k, folder) for c in chosen}, repeat, limit=STOP, once_above=LIMIT, run=attempt)
    if contenders.REFERENCE not in runs:
        sys.exit(f"bench: {contenders.REFERENCE} did not end on {path.name}, and every error is relative to its own")
    results = [{
        "name": c.name, "ours": c.ours, "rank": k, "seconds": best(runs[c.name])["seconds"], "runs": len(runs[c.name]), "peak_mib": peak(runs[c.name]),
        "cpu_seconds": best(runs[c.name])["cpu_seconds"], "errors": errors(A, *read_factors(c.output(folder)), P)} for c in chosen if c.name in runs]
    shutil.rmtree(folder)
    return results, skipped
