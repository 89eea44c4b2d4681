"""Method krylov beside the Gram matrix and its eigenvectors (numpy), sklearn's randomized_svd with 2, 4 and 7 iterations and, where the
matrix is sparse, scipy's svds (ARPACK): whole processes, from start to factors on disk. "above the best" is the Frobenius error over
the least of that rank, less 1, of the factors as they are stored; the least is known of generated matrices, and else found in float64."""
import argparse, json, pathlib, sys, tempfile
import numpy as np
from measure import PROGRAM, ROOT, WORK, Failed, alternating, best, launch, peak, warmed
from page.matrices import public

PEERS = ROOT / "bench" / "peers"

# Singular values by index from 1, of d.
SPECTRA = {
    "steep": lambda i, d: np.exp(-12.0 * i / d),
    "1/i": lambda i, d: 1 / i,
    "i^-0.5": lambda i, d: i ** -0.5,
    "flat": lambda i, d: 1 - 0.5 * i / d,
    "planted": lambda i, d: np.where(i <= 64, 3.0, 1 - 0.5 * i / d),
}


def dense(spectrum, n, d):
    """Path of an n x d float32 matrix of these singular values, and the values: signs, cosines and a permutation on either side."""
    from scipy.fft import dct
    values = np.sort(SPECTRA[spectrum](np.arange(1.0, d + 1), d))[::-1]
    path = WORK / f"spectrum-{spectrum.replace('/', '')}-{n}x{d}.npy"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        g = np.random.default_rng(5)
        a = np.zeros((n, d), np.float32)
        a[g.permutation(n)[:d], g.permutation(d)] = values * g.choice([-1, 1], d)
        a = dct(a, axis=0, norm="ortho", overwrite_x=True) * g.choice([-1, 1], (n, 1)).astype(np.float32)
        a = dct(a, axis=1, norm="ortho", overwrite_x=True) * g.choice([-1, 1], (1, d)).astype(np.float32)
        # Times a constant: entries near 1.
        np.save(path, np.float32(np.sqrt(n)) * a)
    return warmed(path), values * np.sqrt(n)


def counts(n, d):
    """Path of an n x d CSR matrix of word counts: topics over words by Zipf's law, logarithms of 1 + count."""
    import scipy.sparse as sp
    path = WORK / f"counts-{n}x{d}.npz"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        g = np.random.default_rng(7)
        zipf = 1 / np.arange(1.0, d + 1)
        topics = [np.cumsum(w / w.sum()) for w in (zipf[g.permutation(d)] + 0.3 * zipf for _ in range(60))]
        rows, columns = [], []
        for i in range(n):
            words = np.searchsorted(topics[g.integers(60)], g.random(g.integers(40, 160)) * (1 - 1e-9))
            rows.append(np.full(len(words), i)), columns.append(words)
        a = sp.csr_matrix((np.ones(sum(map(len, rows)), np.float32), (np.concatenate(rows), np.concatenate(columns))), shape=(n, d))
        a.sum_duplicates()
        a.data = np.log1p(a.data)
        sp.save_npz(path, a, compressed=False)
    return warmed(path)


def load(path):
    if path.suffix == ".npz":
        import scipy.sparse as sp
        return sp.load_npz(path)
    return np.load(path, mmap_mode="r")


def stored(folder):
    """U and V^T of an output directory's safetensors file."""
    data = (folder / "model.safetensors").read_bytes()
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8:8 + size])
    arrays = {}
    for name, entry in header.items():
        if name != "__metadata__":
            begin, end = entry["data_offsets"]
            arrays[name.split(".")[-2]] = np.frombuffer(data[8 + size + begin:8 + size + end], np.float32).reshape(entry["shape"])
    return arrays["0"], arrays["1"].T


def error(a, u, v):
    """||A - U V||_F, some rows at a time, the differences in float32 and their squares in float64."""
    total, step = 0.0, max(1, (1 << 26) // a.shape[1])
    for i in range(0, a.shape[0], step):
        rows = a[i:i + step]
        rest = (rows.toarray() if hasattr(rows, "toarray") else np.asarray(rows)) - u[i:i + step] @ v
        total += float(np.sum(rest * rest, dtype=np.float64))
    return total ** 0.5


def least(path, k, values):
    if values is not None:
        return float(np.sqrt(np.sum(values[k:] ** 2)))
    a = load(path)
    if path.suffix == ".npz":
        from scipy.sparse.linalg import svds
        a = a.astype(np.float64)
        return float(np.sqrt(a.power(2).sum() - np.sum(svds(a, k, return_singular_vectors=False, random_state=0) ** 2)))
    b = np.asarray(a, np.float64)
    return float(np.sqrt(max(np.sort(np.linalg.eigvalsh(b.T @ b))[:-k].sum(), 0)))


def compare(title, path, k, values, repeat, folder, variants):
    a, ours, theirs = load(path), folder / "out", folder / "peer.npz"
    wide = a.shape[1] > 8192
    def job(*options):
        return [PROGRAM, "compress", str(path), "--rank", str(k), "--p", "2", "--output", str(ours), "--force", "--json", "--quiet", *options]
    def peer(name, *options):
        return [sys.executable, str(PEERS / f"{name}.py"), str(path), str(k), str(theirs), *options]
    commands = {"krylov": job("--method", "krylov")}
    for v in variants:
        commands[f"krylov {v}"] = job("--method", "krylov", *v.split())
    if not wide:
        commands["svd"] = job("--method", "svd")
    if path.suffix == ".npz":
        commands["svds (ARPACK)"] = peer("sparse_svds")
    elif not wide:
        commands["numpy: Gram, eigh"] = peer("gram_eigh")
    for iterations in (2, 4, 7):
        commands[f"randomized_svd, n_iter {iterations}"] = peer("randomized_svd", "--iterations", str(iterations))
    limit = least(path, k, values)
    found = {}
    def measured(name, command, stop):
        result = launch(name, command, stop)
        if result and name not in found:
            if name.startswith(("krylov", "svd")) and "ARPACK" not in name:
                u, v = stored(ours)
                tensor = result["printed"]["tensors"][0]
                passes = tensor["krylov"]["passes"] + 1 if "krylov" in tensor else 2
            else:
                f = np.load(theirs)
                u, v, passes = f["U"], f["V"], None
            found[name] = (error(a, u, v) / limit - 1, passes)
        return result
    runs = alternating(commands, repeat, run=measured)
    for name, of in runs.items():
        above, passes = found[name]
        print(f"| {title} | {k} | {name} | {passes or ''} | {best(of)['seconds']:.1f} | {peak(of):.0f} | {above:.1e} |", flush=True)


def main():
    p = argparse.ArgumentParser(prog="bench/krylov", description=__doc__)
    p.add_argument("--only", action="append", help="part of a matrix' title; repeatable; default all")
    p.add_argument("--rank", type=int, action="append", help="repeatable; default 64 and 256 of the first, 64 of wider matrices and of the chess network, 8 of 16 columns")
    p.add_argument("--variant", action="append", default=[], help="further options of compress --method krylov, as '--passes 3'; repeatable")
    p.add_argument("--repeat", type=int, default=1, help="runs of each; the fastest counts")
    a = p.parse_args()
    matrices = [(f"{s}, 12000 x 4096", lambda s=s: dense(s, 12000, 4096), (64, 256)) for s in SPECTRA]
    matrices += [("i^-0.5, 12000 x 8192", lambda: dense("i^-0.5", 12000, 8192), (64, 256))]
    matrices += [("i^-0.5, 24000 x 20000", lambda: dense("i^-0.5", 24000, 20000), (64,)),
                 ("word counts, CSR, 20000 x 50000", lambda: (counts(20000, 50000), None), (64,)),
                 ("chess network, 41024 x 256", lambda: (public("nnue"), None), (64,)),
                 ("language identification, 50000 x 16", lambda: (public("lid"), None), (8,))]
    print("| matrix | k | method | reads | seconds | peak MiB | above the best |\n|---|---|---|---|---|---|---|")
    (ROOT / "artifacts").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=ROOT / "artifacts") as folder:
        for title, make, ranks in matrices:
            if a.only and not any(part in title for part in a.only):
                continue
            path, values = make()
            if path is None:
                continue
            for k in a.rank or ranks:
                try:
                    compare(title, pathlib.Path(path), k, values, a.repeat, pathlib.Path(folder), a.variant)
                except Failed as failed:
                    sys.exit(f"bench: {failed}")


if __name__ == "__main__":
    main()
