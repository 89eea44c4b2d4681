"""What every peer does around its factorisation: MATRIX.npy RANK OUT.npz [--p P] in, U and V out, one JSON line with the
seconds of the factorisation alone. A peer is one function: A (n x d float32), rank, p -> U (n x rank), V (rank x d), and
optionally figures of its own. Peers that minimise the squared error take --p and leave it. `more` are options of one peer
alone, {name: default}."""
import argparse, json, sys, time
import numpy as np


def load_npz(path):
    from scipy.sparse import load_npz
    return load_npz(path)


def main(factorise, **more):
    doc = sys.modules[factorise.__module__].__doc__
    a = argparse.ArgumentParser(description=doc)
    a.add_argument("matrix", help=".npy, n x d, or scipy's sparse .npz")
    a.add_argument("rank", type=int)
    a.add_argument("out", help=".npz with U and V")
    a.add_argument("--p", type=float, default=1.5)
    for name, default in more.items():
        a.add_argument(f"--{name}", type=type(default), default=default)
    a = a.parse_args()
    A = np.load(a.matrix) if a.matrix.endswith(".npy") else load_npz(a.matrix)
    start = time.perf_counter()
    U, V, *figures = factorise(A, a.rank, a.p, **{name: getattr(a, name) for name in more})
    seconds = time.perf_counter() - start
    np.savez(a.out, U=U, V=V)
    print(json.dumps({"factorise_seconds": seconds} | (figures[0] if figures else {})))
