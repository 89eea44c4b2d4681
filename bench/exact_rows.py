"""Rows stored as they are (--exact-rows) at the same size of the output: l_p and Frobenius errors of whole jobs, divided by those of
the SVD of that size; then, in numpy, the l_2,p subspace fit of what is left (its rows projected) when the rows are chosen by one score or another. Rows are chosen by the first of these scores in the program."""
import argparse, json, pathlib, subprocess, tempfile
import numpy as np
from measure import PROGRAM, WORK


def generated(name, n=20000, d=96, rank=20):
    """Low rank and noise, float32: "outliers", 60 rows of no pattern 30 times as large; "tails", every row times a Student t of
    1.2 degrees of freedom; "plain", neither."""
    path = WORK / f"rows-{name}-{n}x{d}.npy"
    if not path.exists():
        g = np.random.default_rng(1)
        a = g.normal(size=(n, rank)) * 0.85 ** np.arange(rank) @ g.normal(size=(rank, d)) + 0.3 * g.normal(size=(n, d))
        if name == "outliers":
            a[g.choice(n, 60, replace=False)] = 30 * g.normal(size=(60, d))
        if name == "tails":
            a *= np.abs(g.standard_t(1.2, size=(n, 1)))
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, a.astype(np.float32))
    return path


def job(matrix, compression, p, share, method="lp"):
    with tempfile.TemporaryDirectory() as folder:
        command = [PROGRAM, "compress", str(matrix), "--compression", str(compression), "--p", str(p), "--method", method, "--output", folder + "/out", "--json", "--quiet"]
        run = subprocess.run(command + (["--exact-rows", str(share)] if share else []), capture_output=True, text=True)
        if share and run.returncode in (64, 65):  # so many rows do not fit: alone, or beside factors
            return None
        if run.returncode:
            raise SystemExit(f"{' '.join(command)}: {run.stderr}")
        return json.loads(run.stdout)


def jobs(matrices, compressions, powers, shares):
    head = " | ".join(f"{share:.1%}" for share in shares)
    print(f"| matrix | saved | p | l_p at {head} | Frobenius at {head} | passes at {head} |\n|---|---|---|" + 3 * len(shares) * "---|")
    for matrix in matrices:
        for compression in compressions:
            for p in powers:
                reports = [job(matrix, compression, p, share) for share in shares]
                tensors = [report and report["tensors"][0] for report in reports]
                def line(figure):
                    return " | ".join(figure(t) if t else "too many" for t in tensors)
                print(f"| {matrix.stem.removeprefix('rows-')} | {compression:.0%} | {p:g} | " + line(lambda t: f"{t['errors']['lp'] / t['svd']['lp']:.3f}")
                      + " | " + line(lambda t: f"{t['errors']['frobenius'] / t['svd']['frobenius']:.3f}")
                      + " | " + line(lambda t: str(t["exactRows"]["passes"]) if "exactRows" in t else "") + " |", flush=True)


def gram(a, w=None):
    return (a if w is None else a * w[:, None]).T @ a


def top(g):
    values, vectors = np.linalg.eigh(g)
    return values[::-1], vectors[:, ::-1]


def subspace(a, k, p):
    """The l_2,p subspace by iteratively reweighted least squares from the SVD's."""
    v, last = top(gram(a))[1][:, :k], np.inf
    squares = (a * a).sum(1)
    for _ in range(15):
        r = np.maximum(squares - ((a @ v) ** 2).sum(1), 1e-12 * squares)
        if not last - (r ** (p / 2)).sum() > 1e-4 * (r ** (p / 2)).sum():
            break
        last, floor = (r ** (p / 2)).sum(), 1e-3 * np.median(np.sqrt(r)) + 1e-30
        v = top(gram(a, np.maximum(r, floor * floor) ** (p / 2 - 1)))[1][:, :k]
    return v


def scores(a, k, p):
    (n, d), g = a.shape, gram(a)
    values, v = top(g)
    ridge = 1e-10 * np.trace(g) / d
    z, squares = a @ v, (a * a).sum(1)
    h, residual = (z * z / (values + ridge)).sum(1), (z[:, k:] ** 2).sum(1)
    lewis = np.full(n, d / n)
    for _ in range(8):
        m = gram(a, lewis ** (1 - 2 / p))
        lewis = np.einsum("ij,ij->i", a @ np.linalg.inv(m + 1e-10 * np.trace(m) / d * np.eye(d)), a) ** (p / 2)
    return {"r^2 + l h^2": residual + values[k] * h * h, "leverage h": h, "Lewis weight": lewis, "h norm": h * np.sqrt(squares),
            "residual r": residual, "r^2 / (1 - h)": residual / np.maximum(1 - h, 1e-9), "norm": squares}


def choices(matrices, compression, powers, shares):
    names = None
    for matrix in matrices:
        a = np.load(matrix).astype(np.float64)
        a = a[::max(1, a.shape[0] * a.shape[1] // 6_000_000)]
        n, d = a.shape
        for p in powers:
            base = int((1 - compression) * n * d / (n + d))
            v = top(gram(a))[1][:, :base]
            svd = (np.abs(a - a @ v @ v.T) ** p).sum() ** (1 / p)
            found = scores(a, base, p)
            if names is None:
                names = list(found)
                print("| matrix | p | rows stored | " + " | ".join(names) + " |\n|---|---|---|" + "---|" * len(names))
            for share in shares:
                m = int(np.ceil(share * n))
                k, line = int(((1 - compression) * n * d - m * d - m) / (n - m + d)), []
                for name in names:
                    rest = np.delete(a, np.argsort(-found[name], kind="stable")[:m], 0)
                    v = subspace(rest, k, p)
                    line.append((np.abs(rest - rest @ v @ v.T) ** p).sum() ** (1 / p) / svd)
                print(f"| {matrix.stem.removeprefix('rows-')} | {p:g} | {share:.1%} | " + " | ".join(f"{x:.3f}" for x in line) + " |", flush=True)


def main():
    a = argparse.ArgumentParser(prog="bench/exact-rows", description=__doc__)
    a.add_argument("matrix", nargs="*", type=pathlib.Path, help="float32 .npy files, beside the three generated ones")
    a.add_argument("--compression", type=float, action="append", help="repeatable; default 0.28, 0.5 and 0.9")
    a.add_argument("--p", type=float, action="append", help="repeatable; default 1 and 1.5")
    a.add_argument("--share", type=float, action="append", help="repeatable; default 0, 0.003, 0.01 and 0.05")
    a.add_argument("--part", choices=["jobs", "scores"], help="one of the two tables alone")
    a = a.parse_args()
    matrices = [generated(name) for name in ("outliers", "tails", "plain")] + a.matrix
    compressions, powers, shares = a.compression or [0.28, 0.5, 0.9], a.p or [1, 1.5], a.share or [0, 0.003, 0.01, 0.05]
    if a.part != "scores":
        jobs(matrices, compressions, powers, shares)
        print()
    if a.part != "jobs":
        choices(matrices, compressions[0], powers, [share for share in shares if share])


if __name__ == "__main__":
    main()
