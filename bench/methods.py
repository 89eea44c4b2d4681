"""The methods of docs/methods.md on the two public embeddings and on two generated heavy-tailed matrices, each a whole job at
the same storage as plain SVD: errors relative to SVD's, bytes stored relative to SVD's, and seconds relative to SVD's job.
--page puts the tables into a page, each between two markers of the matrix' name."""
import argparse, json, pathlib, sys, tempfile
from measure import PROGRAM, WORK, Failed, best, generated, launch, put_between
from page.matrices import heavy_tailed, public

# Title, what it adds to `compress MATRIX --compression C`.
METHODS = {
    "SVD": ["--method", "svd"],
    "Lewis ellipsoid, p = 1.5": ["--method", "lewis"],
    "plain, p = 1.5": [],
    "plain, p = 1": ["--p", "1"],
    "joint, p = 1.5": ["--fit", "joint"],
    "joint, p = 1": ["--p", "1", "--fit", "joint"],
    "2 subspaces, p = 1.5": ["--subspaces", "2"],
    "4 subspaces, p = 1.5": ["--subspaces", "4"],
    "16 subspaces, p = 1.5": ["--subspaces", "16"],
    "exact rows 1 %, p = 1.5": ["--exact-rows", "0.01"],
    "exact rows 5 %, p = 1.5": ["--exact-rows", "0.05"],
    "active columns, p = 1.5": ["--active-columns", "{columns}"],
    "Lewis ellipsoid by sparse sketches": ["--method", "lewis", "--embedding", "sparse"],
    "krylov": ["--method", "krylov"],
    "simplex": ["--method", "simplex"],
    "simplex, one round of refinement": ["--method", "simplex", "--refine", "1"],
}


# Name: title, and what gives its path (None where it cannot be fetched).
MATRICES = {
    "chess": ("chess network, 41,024 x 256", lambda: public("nnue")),
    "language": ("language identification, 50,000 x 16", lambda: public("lid")),
    "entries": ("generated, wild entries, 20,000 x 256", lambda: generated(20000, 256)),
    "rows": ("generated, wild entries and rows, 20,000 x 96", lambda: heavy_tailed(20000, 96, hidden=24)),
}


def columns_of(path):
    import numpy as np
    return np.load(path, mmap_mode="r").shape[1]


def measure(path, compression, repeat, folder):
    """{method: figures or the reason why it does not run}."""
    d, k, found = columns_of(path), None, {}
    for method, options in METHODS.items():
        # As many columns as lie halfway between the rank and all of them.
        options = [o.format(columns=(d + k) // 2 if k else d) for o in options]
        command = [PROGRAM, "compress", str(path), "--compression", str(compression), *options, "--output", str(folder / "out"), "--force", "--json", "--quiet"]
        try:
            runs = [launch(method, command) for _ in range(repeat)]
        except Failed as failed:
            found[method] = {"refused": str(failed).strip().splitlines()[-1]}
            continue
        fastest = best(runs)
        tensor = fastest["printed"]["tensors"][0]
        found[method] = {
            "rank": tensor["rank"], "bytes": tensor["bytesAfter"], "seconds": fastest["seconds"], "cpu": fastest["cpu_seconds"], "peak_mib": fastest["peak_mib"],
            "p": tensor["p"], "errors": tensor["errors"], "svd": tensor["svd"], "options": options,
        }
        k = k or tensor["rank"]
        print(f"  {method}: {fastest['seconds']:.1f} s", file=sys.stderr, flush=True)
    return found


def table(found):
    """Lines of Markdown; every figure a ratio to plain SVD's."""
    svd = found["SVD"]
    lines = ["| method | rank | bytes | l_1 | l_p (its p) | Frobenius | largest row | time |", "|---|---|---|---|---|---|---|---|"]
    for method, f in found.items():
        if "refused" in f:
            lines.append(f"| {method} | | | | | | | {f['refused']} |")
            continue
        # The report measures SVD's l_p error at this method's p, and SVD at equal storage: which is plain SVD, or within a rank of it.
        lp = f["errors"]["lp"] / f["svd"]["lp"] if f["svd"]["lp"] > 0 else float("nan")
        ratios = [f["errors"][name] / svd["errors"][name] for name in ("l1", "frobenius", "maxRow")]
        lines.append(f"| {method} | {f['rank']} | {f['bytes'] / svd['bytes']:.3f} | {ratios[0]:.3f} | {lp:.3f} ({f['p']:g}) | {ratios[1]:.3f} | {ratios[2]:.3f} | {f['seconds'] / svd['seconds']:.1f} |")
    lines += ["", f"SVD: rank {svd['rank']}, {svd['bytes'] / 1e6:.1f} MB, {svd['seconds']:.2f} s."]
    return lines


def main():
    p = argparse.ArgumentParser(prog="bench/methods", description=__doc__)
    p.add_argument("--matrix", action="append", choices=MATRICES, help="repeatable; default all")
    p.add_argument("--compression", type=float, action="append", help="repeatable; default 0.5")
    p.add_argument("--repeat", type=int, default=1, help="runs of each; the fastest counts")
    p.add_argument("--page", type=pathlib.Path, help="put the tables into this page")
    p.add_argument("--json", type=pathlib.Path, help="also write the figures here")
    a = p.parse_args()
    results = {}
    WORK.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=WORK) as folder:
        for name in a.matrix or MATRICES:
            title, path = MATRICES[name][0], MATRICES[name][1]()
            if path is None:
                print(f"bench: {title}: no matrix; left out", file=sys.stderr)
                continue
            for compression in a.compression or [0.5]:
                print(f"{title}, {compression:.0%} saved", file=sys.stderr, flush=True)
                found = measure(path, compression, a.repeat, pathlib.Path(folder))
                results[f"{name} {compression:g}"] = found
                lines = table(found)
                print(f"\n{title}, {compression:.0%} saved\n" + "\n".join(lines))
                if a.page:
                    put_between(a.page, f"{name} {compression:g}", lines)
                if a.json:
                    a.json.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
