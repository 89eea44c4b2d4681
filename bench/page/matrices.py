"""The matrices of the benchmark page: where each comes from, and its .npy, made on first use."""
import subprocess
import numpy as np
from measure import ROOT, WORK, generated, warmed


def kept(name, make):
    """The .npy of what `make` makes, float32, written on first use."""
    path = WORK / f"{name}.npy"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, make().astype(np.float32))
    return warmed(path)


def heavy_tailed(rows=2000, columns=20, hidden=8, seed=1):
    """Low rank plus small noise, one entry in a hundred hit by Cauchy noise and one row in two hundred scaled by 30."""
    def make():
        random = np.random.default_rng(seed)
        A = random.standard_normal((rows, hidden)) @ random.standard_normal((hidden, columns)) + 0.3 * random.standard_normal((rows, columns))
        A += np.where(random.random((rows, columns)) < 0.01, 3 * random.standard_cauchy((rows, columns)).clip(-50, 50), 0)
        A[random.random(rows) < 0.005] *= 30
        return A
    return kept(f"heavy-tailed-{rows}x{columns}", make)


def public(name):
    """`nnue` or `lid`, fetched by ./demo with npm; None, with the reason on standard error, where it cannot be."""
    path = WORK / "public" / f"{name}.npy"
    if not path.exists() and subprocess.run([str(ROOT / "demo"), "--export", str(path.parent)]).returncode != 0:
        return None
    return warmed(path)
