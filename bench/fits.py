"""--fit coreset, auto and exact on matrices from even to wild: l_p error and time of fitting beside the coreset's, and rounds.
--page puts the table into a page, between two markers."""
import argparse, pathlib, sys, tempfile
import numpy as np
from measure import PROGRAM, alternating, generated, put_between
from page.matrices import kept, public

FITS = ("coreset", "auto", "exact")


def even(random, n, d, freedom=3):
    """A spectrum that falls as i^-1/2, and Student-t noise."""
    rotation = np.linalg.qr(random.standard_normal((d, d)))[0]
    return random.standard_normal((n, d)) * np.arange(1, d + 1) ** -0.5 @ rotation + 0.1 * random.standard_t(freedom, (n, d))


def scaled_rows(random, n, d, share, factor, own=False):
    """As even; of the rows a share is larger by a factor, and lies in its own directions if asked."""
    a = even(random, n, d)
    at = random.choice(n, int(share * n), replace=False)
    a[at] = factor * (random.standard_normal((len(at), d)) if own else a[at])
    return a


def entries(random, n, d, share, size):
    a = even(random, n, d)
    hit = random.random((n, d)) < share
    a[hit] += size * random.standard_normal(hit.sum())
    return a


def clusters(random, n, d):
    return (5 * random.standard_normal((50, d)))[random.integers(0, 50, n)] + 0.1 * random.standard_t(3, (n, d))


KINDS = {
    "even": even,
    "a mean far from 0": lambda r, n, d: even(r, n, d) + 5 * r.standard_normal(d),
    "50 clusters": clusters,
    "1 % of the entries hit, by 5": lambda r, n, d: entries(r, n, d, 0.01, 5),
    "0.1 % of the entries hit, by 20": lambda r, n, d: entries(r, n, d, 0.001, 20),
    "noise of 2 degrees of freedom": lambda r, n, d: even(r, n, d, 2),
    "noise of 1.5 degrees of freedom": lambda r, n, d: even(r, n, d, 1.5),
    "row lengths exp(N(0, 1/4))": lambda r, n, d: even(r, n, d) * np.exp(0.5 * r.standard_normal((n, 1))),
    "row lengths exp(N(0, 1))": lambda r, n, d: even(r, n, d) * np.exp(r.standard_normal((n, 1))),
    "row lengths exp(N(0, 4))": lambda r, n, d: even(r, n, d) * np.exp(2 * r.standard_normal((n, 1))),
    "row i's length i^-1/2": lambda r, n, d: even(r, n, d) * np.arange(1, n + 1)[:, None] ** -0.5,
    "10 % of the rows x 10": lambda r, n, d: scaled_rows(r, n, d, 0.1, 10),
    "1 % of the rows x 100": lambda r, n, d: scaled_rows(r, n, d, 0.01, 100),
    "0.1 % of the rows x 100": lambda r, n, d: scaled_rows(r, n, d, 0.001, 100),
    "0.1 % others x 100": lambda r, n, d: scaled_rows(r, n, d, 0.001, 100, own=True),
    "0.02 % others x 100": lambda r, n, d: scaled_rows(r, n, d, 0.0002, 100, own=True),
    "1 % others x 100": lambda r, n, d: scaled_rows(r, n, d, 0.01, 100, own=True),
    "1 % others x 10": lambda r, n, d: scaled_rows(r, n, d, 0.01, 10, own=True),
}


def made(name, rows, columns):
    words = "".join(c if c.isalnum() else " " for c in name).split()
    return kept(f"fits-{'-'.join(words)}-{rows}x{columns}", lambda: KINDS[name](np.random.default_rng(5), rows, columns))


def carrying_share(path):
    """Of the rows the program samples."""
    a = np.load(path, mmap_mode="r")
    squares = (np.array(a[::-(-len(a) // 1024)], dtype=float) ** 2).sum(1)
    return squares.mean() ** 2 / (squares**2).mean()


def measure(path, rank, p, repeat, folder):
    """{fit: error, rounds, seconds}, alternating."""
    runs = alternating({fit: [PROGRAM, "compress", str(path), "--rank", str(rank), "--p", str(p), "--fit", fit,
                              "--output", str(folder / "out"), "--force", "--json", "--quiet"] for fit in FITS}, repeat)
    found = {}
    for fit in FITS:
        tensor = runs[fit][0]["printed"]["tensors"][0]
        found[fit] = {"error": tensor["errors"]["lp"], "seconds": min(run["printed"]["seconds"]["fit"] for run in runs[fit]),
                      "rounds": (f"{tensor['mergeIterations']} + " if tensor["coresetRows"] else "") + str(tensor["refineRounds"])}
    return found


def main():
    parser = argparse.ArgumentParser(prog="bench/fits", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=65536, help="of the generated matrices (default: 65536)")
    parser.add_argument("--columns", type=int, default=128, help="of them (default: 128)")
    parser.add_argument("--p", type=float, nargs="+", default=[1, 1.5], help="(default: 1 1.5)")
    parser.add_argument("--repeat", type=int, default=2, help="runs of each, the best counts (default: 2)")
    parser.add_argument("--page", type=pathlib.Path, help="page whose table is replaced")
    a = parser.parse_args()
    matrices = {name: lambda name=name: made(name, a.rows, a.columns) for name in KINDS}
    matrices |= {"chess network": lambda: public("nnue"), "language identification": lambda: public("lid"), "generated, 50,265 x 768": lambda: generated(50265, 768)}
    lines = ["| matrix | carrying share | p | rank | error: auto | exact | rounds: coreset | auto | exact | time: auto | exact |", "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|"]
    with tempfile.TemporaryDirectory() as folder:
        for name, path in matrices.items():
            path = path()
            if path is None:
                continue
            share, d = carrying_share(path), np.load(path, mmap_mode="r").shape[1]
            for p in a.p:
                for rank in (d // 8, int(0.7 * d)):
                    f = measure(path, rank, p, a.repeat, pathlib.Path(folder))
                    of = lambda what, fit: f[fit][what] / f["coreset"][what]
                    lines.append(f"| {name} | {share:.3f} | {p:g} | {rank} | {of('error', 'auto'):.4f} | {of('error', 'exact'):.4f} | "
                                 + " | ".join(f[fit]["rounds"] for fit in FITS) + f" | {of('seconds', 'auto'):.2f} | {of('seconds', 'exact'):.2f} |")
                    print(lines[-1], file=sys.stderr, flush=True)
    print("\n".join(lines))
    if a.page:
        put_between(a.page, "fits", lines)


if __name__ == "__main__":
    main()
