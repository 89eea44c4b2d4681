"""Rows in several subspaces (--subspaces J): errors of whole jobs divided by those of the SVD of the same --compression, which has
a rank of its own; J = 1 is the l_p fit with one subspace. Seconds are those of whole jobs."""
import argparse, json, pathlib, subprocess, tempfile
import numpy as np
from measure import PROGRAM, WORK

GENERATED = ["union", "tails", "plain", "short", "normal"]


def generated(name, n=20000, d=96):
    """float32: "union", every row in one of 8 subspaces of dimension 12, and noise; "tails", the same, every row times a Student t of 1.2
    degrees of freedom; "plain", one subspace of dimension 40 of falling axes, and noise; "short", 1500 rows of it; "normal", independent normal
    entries."""
    n = 1500 if name == "short" else n
    path = WORK / f"subspaces-{name}-{n}x{d}.npy"
    if not path.exists():
        g = np.random.default_rng(1)
        a = 0.3 * g.normal(size=(n, d))
        if name in ("union", "tails"):
            spanned = g.normal(size=(8, 12, d))
            a += np.einsum("ik,ikd->id", g.normal(size=(n, 12)), spanned[g.integers(8, size=n)])
        if name == "tails":
            a *= np.abs(g.standard_t(1.2, size=(n, 1)))
        if name in ("plain", "short"):
            a += g.normal(size=(n, 40)) * 0.95 ** np.arange(40) @ g.normal(size=(40, d))
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, a.astype(np.float32))
    return path


def job(matrix, compression, p, options):
    with tempfile.TemporaryDirectory() as folder:
        command = [PROGRAM, "compress", str(matrix), "--compression", str(compression), "--p", str(p), "--output", folder + "/out", "--json", "--quiet", *options]
        run = subprocess.run(command, capture_output=True, text=True)
        if run.returncode == 65:  # so many do not fit
            return None
        if run.returncode:
            raise SystemExit(f"{' '.join(command)}: {run.stderr}")
        report = json.loads(run.stdout)
        return report["tensors"][0] | {"seconds": report["seconds"]["total"]}


def main():
    a = argparse.ArgumentParser(prog="bench/projective-clustering", description=__doc__)
    a.add_argument("matrix", nargs="*", type=pathlib.Path, help="float32 .npy files, beside the generated ones")
    a.add_argument("--generated", choices=[*GENERATED, "none"], action="append", help="repeatable; default all")
    a.add_argument("--compression", type=float, action="append", help="repeatable; default 0.28, 0.5 and 0.8")
    a.add_argument("--p", type=float, action="append", help="repeatable; default 1.5")
    a.add_argument("--subspaces", type=int, action="append", help="repeatable; default 1, 2, 4, 8 and 16")
    a.add_argument("--restarts", type=int, action="append", help="repeatable; default 4")
    a.add_argument("--seed", type=int, action="append", help="repeatable; default 0")
    a = a.parse_args()
    print("| matrix | saved | p | SVD rank | J | starts | seed | rank | l_p | Frobenius | largest row | rounds | smallest, largest cluster | s |\n" + "|---" * 14 + "|")
    for matrix in [generated(name) for name in a.generated or GENERATED if name != "none"] + a.matrix:
        for compression in a.compression or [0.28, 0.5, 0.8]:
            for p in a.p or [1.5]:
                svd = job(matrix, compression, p, ["--method", "svd"])
                for count in a.subspaces or [1, 2, 4, 8, 16]:
                    for restarts in (a.restarts or [4]) if count > 1 else [0]:
                        for seed in a.seed or [0]:
                            options = ["--subspaces", str(count), "--restarts", str(restarts), "--seed", str(seed)] if count > 1 else []
                            t, begin = job(matrix, compression, p, options), f"| {matrix.stem.removeprefix('subspaces-')} | {compression:.0%} | {p:g} | {svd['rank']} | {count} | {restarts or ''} | {seed if restarts else ''} |"
                            if t is None:
                                print(begin + " does not fit | | | | | | |", flush=True)
                                continue
                            ratios = " | ".join(f"{t['errors'][x] / svd['errors'][x]:.3f}" for x in ("lp", "frobenius", "maxRow"))
                            sizes = t.get("subspaces", {}).get("sizes")
                            print(f"{begin} {t['rank']} | {ratios} | {t['refineRounds']} | {f'{min(sizes)}, {max(sizes)}' if sizes else ''} | {t['seconds']:.1f} |", flush=True)


if __name__ == "__main__":
    main()
