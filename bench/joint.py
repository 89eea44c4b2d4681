"""The joint fit of U and V, ours and numpy's: l_p error and time of whole processes, from the start to the factors' error.
numpy's is `joint` of tests/oracle/oracle.py from its l_2,p subspace, then every row's U by the alternating direction method
(300 iterations at most); both on all cores. numpy's takes minutes on a large matrix, and about eight float64 copies of it."""
import argparse, json, pathlib, sys
from measure import PROGRAM, ROOT, WORK, Targets, generated, run, warmed

sys.path.insert(0, str(ROOT / "tests" / "oracle"))


def regress(A, V, p, iterations=300):
    """L = U V with every row's best U seen, the projection first; over-relaxed, a step for each row."""
    import numpy as np
    import oracle
    L = A @ V.T @ V
    R = A - L
    step = (np.abs(R).mean(1, keepdims=True) + 1e-30) ** (2 - p)
    Y, best, power = np.zeros_like(A), L.copy(), (np.abs(R) ** p).sum(1)
    for t in range(1, iterations + 1):
        S = oracle.prox(R + Y, step, p)
        Z = A - S + Y
        L = Z @ V.T @ V
        Y, R = Z - L, A - L
        if t % 5 == 0:
            now, before = (np.abs(R) ** p).sum(1), power.sum()
            better = now < power
            best[better], power[better] = L[better], now[better]
            if t > 15 and before - power.sum() < 1e-6 * before:
                break
    return best


def peer(path, rank, p, rounds):
    """What the child process does: prints the error as JSON."""
    import numpy as np
    import oracle
    A = np.load(path).astype(np.float64)
    scale = np.abs(A).mean()
    A /= scale
    V = oracle.joint(A, oracle.subspace(A, p, rank), p, rounds)
    L = regress(A, V, p)
    print(json.dumps({"lp": float((np.abs(A - L) ** p).sum() ** (1 / p) * scale)}))


def main():
    a = argparse.ArgumentParser(prog="bench/joint", description=__doc__)
    a.add_argument("matrix", nargs="*", type=pathlib.Path, help="a two-dimensional float32 .npy; none: a generated one of 256 columns")
    a.add_argument("--rows", type=int, default=8192, help="of the generated one: low rank plus Student-t noise")
    a.add_argument("--compression", type=float, action="append", help="repeatable; default 0.28 and 0.5")
    a.add_argument("--p", type=float, action="append", help="repeatable; default 1 and 1.5")
    a.add_argument("--rounds", type=int, default=200, help="numpy's")
    a.add_argument("--json", type=pathlib.Path, help="also write the figures here")
    a.add_argument("--peer", nargs=3, help=argparse.SUPPRESS)
    a = a.parse_args()
    if a.peer:
        return peer(a.peer[0], int(a.peer[1]), float(a.peer[2]), a.rounds)
    targets, results = Targets(), []
    for matrix in [warmed(m) for m in a.matrix] or [generated(a.rows, 256)]:
        for compression in a.compression or [0.28, 0.5]:
            for p in a.p or [1.0, 1.5]:
                title = f"{matrix.stem}, {compression:.0%} saved, p = {p:g}"
                ours = run("clusterlp", [PROGRAM, "compress", str(matrix), "--compression", str(compression), "--p", str(p), "--fit", "joint",
                                         "--output", str(WORK / "joint"), "--force", "--json", "--quiet"])
                tensor = ours["printed"]["tensors"][0]
                numpy = run("numpy", [sys.executable, __file__, "--rounds", str(a.rounds), "--peer", str(matrix), str(tensor["rank"]), str(p)])
                error, svd = tensor["errors"]["lp"], tensor["svd"]
                results.append({"matrix": matrix.name, "compression": compression, "p": p, "rank": tensor["rank"], "ours": ours, "numpy": numpy})
                print(f"{title}: l_p relative to SVD's {error / svd['lp']:.4f} (numpy {numpy['printed']['lp'] / svd['lp']:.4f}), Frobenius "
                      f"{tensor['errors']['frobenius'] / svd['frobenius']:.3f}; {tensor['jointRounds']} rounds; seconds {ours['seconds']:.1f} "
                      f"({numpy['seconds']:.1f}), CPU seconds {ours['cpu_seconds']:.1f} ({numpy['cpu_seconds']:.1f}), peak MiB {ours['peak_mib']:.0f} "
                      f"({numpy['peak_mib']:.0f})", flush=True)
                targets.ratio(f"{title}: error", error, numpy["printed"]["lp"], 1.001)
                targets.ratio(f"{title}: seconds", ours["seconds"], numpy["seconds"], 0.1)
    print()
    targets.print()
    if a.json:
        a.json.write_text(json.dumps({"runs": results, "targets": targets.figures}, indent=1))


if __name__ == "__main__":
    main()
