"""The matrices of the page and who is measured on each; measuring one gives a dictionary that render.py sets as a table."""
import dataclasses, datetime, shutil
import numpy as np
from measure import WORK, alternating, best, generated, peak, warmed
from page import contenders, matrices
from page.errors import errors, read_factors

P = 1.5  # of the l_p column; every program is measured by the same figures
LIMIT, STOP = 8, 240  # seconds: what takes longer is measured once, is stopped
CURVES = (0.28, 0.5, 0.75)
OURS = ("svd", "lewis", "lp", "exact", "l1", "joint", "joint1")
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


def measure(section, quick, repeat=2):
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
    folder = WORK / "factors" / section.key
    results, skipped = [], []
    for compression in CURVES if section.curve else CURVES[:1]:
        first, k = compression == CURVES[0], rank(*A.shape, compression)
        chosen = [contenders.ALL[key] for key in (section.table if first else section.curve)]
        for contender in chosen:
            if reason := contenders.unknown(contender):
                skipped.append({"name": contender.name, "compression": compression, "reason": reason})
        chosen = [c for c in chosen if not contenders.unknown(c)]
        folder.mkdir(parents=True, exist_ok=True)
        runs = alternating({c.name: c.command(path, k, folder) for c in chosen}, repeat if first and not quick else 1, once_above=LIMIT, limit=STOP)
        for contender in chosen:
            mine = runs.get(contender.name)
            if mine is None:
                skipped.append({"name": contender.name, "compression": compression, "reason": f"stopped after {STOP} s"})
                continue
            results.append({
                "name": contender.name, "ours": contender.ours, "compression": compression, "rank": k,
                "seconds": best(mine)["seconds"], "runs": len(mine), "peak_mib": peak(mine), "cpu_seconds": best(mine)["cpu_seconds"],
                "errors": errors(A, *read_factors(contender.output(folder)), P)})
        shutil.rmtree(folder)
    return {"key": section.key, "title": f"{section.name}, {len(A):,} x {A.shape[1]}", "about": section.about, "rows": len(A), "columns": A.shape[1], "p": P,
            "quick": quick, "date": datetime.date.today().isoformat(), "results": results, "skipped": skipped}
