"""Rows as mixtures of archetypes (--method simplex). First planted matrices: how far the farthest planted vertex is from the nearest one
found, relative to the mean distance between two planted vertices, by smoothing (as a multiple of 1/k). Then errors, gaps and seconds of whole
jobs at rank k divided by those of SVD of that rank, beside the l_p fit at p = 1.5; p is 1.5 for all, so that the same errors are compared."""
import argparse, json, pathlib, struct, subprocess, tempfile
import numpy as np
from measure import PROGRAM, WORK

N, D, K = 20000, 64, 10


def planted(noise, seed, pure=0.1):
    """float32 n x d: uniform mixtures of K normal vertices, a share of the rows (spread over the vertices) within 5 % of one; normal noise of a standard
    deviation of noise in every entry, that of the vertices being 1."""
    path = WORK / f"simplex-{noise:g}-{seed}-{pure:g}-{N}x{D}.npy"
    g = np.random.default_rng(seed)
    vertices = g.normal(size=(K, D))
    if not path.exists():
        w = g.dirichlet(np.ones(K), size=N)
        near = g.uniform(0.95, 1, size=(N, 1)) * (g.uniform(size=(N, 1)) < pure)
        w = (1 - near) * w + near * np.eye(K)[g.integers(K, size=N)]
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, (w @ vertices + noise * g.normal(size=(N, D))).astype(np.float32))
    return path, vertices


def job(matrix, rank, options):
    """The tensor's report, seconds, and V."""
    with tempfile.TemporaryDirectory() as folder:
        command = [PROGRAM, "compress", str(matrix), "--rank", str(rank), "--output", folder + "/out", "--json", "--quiet", *options]
        run = subprocess.run(command, capture_output=True, text=True)
        if run.returncode:
            raise SystemExit(f"{' '.join(command)}: {run.stderr}")
        report = json.loads(run.stdout)
        data = pathlib.Path(folder, "out", "model.safetensors").read_bytes()
        length = struct.unpack("<Q", data[:8])[0]
        entry = next(e for name, e in json.loads(data[8:8 + length]).items() if name.endswith(".1.weight"))
        begin, end = entry["data_offsets"]
        v = np.frombuffer(data[8 + length + begin:8 + length + end], np.float32).reshape(entry["shape"]).T
        return report["tensors"][0] | {"seconds": report["seconds"]["total"]}, v


def find(a):
    print("| noise | DELTA k | farthest vertex, " + ", ".join(f"seed {s}" for s in range(a.seeds)) + " | Frobenius / SVD's |\n" + "|---" * 4 + "|")
    for noise in a.noise or [0.0, 0.1, 0.3]:
        for share in a.share or [0.003, 0.01, 0.03, 0.1, 0.3, 1.0]:
            far, ratio = [], []
            for seed in range(a.seeds):
                matrix, vertices = planted(noise, seed)
                t, v = job(matrix, K, ["--method", "simplex", "--smoothing", str(min(share / K, 0.999)), "--seed", str(seed), *(["--refine", str(a.refine)] if a.refine else [])])
                apart = np.mean([np.linalg.norm(x - y) for i, x in enumerate(vertices) for y in vertices[:i]])
                far.append(max(np.linalg.norm(v - x, axis=1).min() for x in vertices) / apart)
                ratio.append(t["errors"]["frobenius"] / t["svd"]["frobenius"])
            print(f"| {noise:g} | {share:g} | {', '.join(f'{x:.3f}' for x in far)} | {', '.join(f'{x:.3g}' for x in ratio)} |", flush=True)


def compare(a):
    methods = {f"simplex, DELTA = {share:g} / k": ["--smoothing", share] for share in a.share or [0.01, 0.03, 0.1]}
    methods |= {f"simplex, --refine {rounds}": ["--refine", str(rounds)] for rounds in (1, 10)}
    methods["l_p, p = 1.5"] = None
    print("\n| matrix | k | method | l_1 | l_1.5 | Frobenius | largest row | relative Frobenius | largest gap | s, SVD's |\n" + "|---" * 10 + "|")
    for matrix in a.matrix + ([planted(0.1, 0)[0]] if a.matrix else []):
        for rank in a.rank or [8, 14]:
            if rank >= np.load(matrix, mmap_mode="r").shape[1]:
                continue
            svd, _ = job(matrix, rank, ["--method", "svd"])
            for name, options in methods.items():
                options = ["--method", "simplex", *(str(x if isinstance(x, str) else x / rank) for x in options)] if options else []
                t, _ = job(matrix, rank, options)
                ratios = " | ".join(f"{t['errors'][x] / svd['errors'][x]:.3f}" for x in ("l1", "lp", "frobenius", "maxRow"))
                print(f"| {matrix.stem} | {rank} | {name} | {ratios} | {t['relativeFrobenius']:.3f} | {t['largestGap']:.1e} | {t['seconds']:.1f}, {svd['seconds']:.1f} |", flush=True)


def main():
    a = argparse.ArgumentParser(prog="bench/latent-simplex", description=__doc__)
    a.add_argument("matrix", nargs="*", type=pathlib.Path, help="float32 .npy files to compare methods on, beside a planted one; none: no comparison")
    a.add_argument("--noise", type=float, action="append", help="of the planted matrices; repeatable; default 0, 0.1 and 0.3")
    a.add_argument("--share", type=float, action="append", help="smoothing times k; repeatable; default 0.003, 0.01, 0.03, 0.1, 0.3 and 1")
    a.add_argument("--seeds", type=int, default=3, help="planted matrices of each kind")
    a.add_argument("--refine", type=int, help="rounds of refinement of the planted archetypes; default none")
    a.add_argument("--rank", type=int, action="append", help="of the comparison; repeatable; default 8 and 14")
    a.add_argument("--only-compare", action="store_true", help="leave the planted vertices out")
    a = a.parse_args()
    if not a.only_compare:
        find(a)
    compare(a)


if __name__ == "__main__":
    main()
