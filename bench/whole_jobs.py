"""Whole jobs as processes: read the matrix, factorise, write the factors. Wall time and peak resident memory of each,
alternating so that a busy spell of the machine touches all of them; the best of the repetitions is compared.
"busy" is the share of the wall time in which a core was in a numerical kernel; "kernels" the share of all cores' time; "at most"
what that would be if a job did nothing but start (a job of 64 rows) and run them on all cores at once."""
import argparse, json, os, pathlib, platform, shutil, statistics, sys
from measure import PROGRAM, ROOT, Targets, WORK, alternating, best, generated, peak

PEERS = ROOT / "bench" / "peers"
START = "clusterlp 64 rows"


def options():
    p = argparse.ArgumentParser(prog="bench/run", description=__doc__)
    p.add_argument("--rows", type=int, default=50265)
    p.add_argument("--columns", type=int, default=768)
    p.add_argument("--rank", type=int, default=544)
    p.add_argument("--repeat", type=int, default=3)
    p.add_argument("--skip", action="append", default=[], metavar="JOB", help="leave a job out (repeatable)")
    p.add_argument("--limit", type=float, metavar="SECONDS", help="stop a job that takes longer, and leave it out")
    p.add_argument("--json", type=pathlib.Path, help="also write the figures here")
    p.add_argument("--work", type=pathlib.Path, default=WORK)
    return p.parse_args()


def jobs(matrix, rank, work):
    ours = [PROGRAM, "compress", str(matrix), "--rank", str(rank), "--force", "--json"]
    peer = lambda name: [sys.executable, str(PEERS / f"{name}.py"), str(matrix), str(rank), str(work / f"{name}.npz")]
    return {
        START: [PROGRAM, "compress", str(generated(64, 16, work)), "--rank", "8", "--p", "2", "--force", "--json", "--output", str(work / "svd")],
        "clusterlp svd": ours + ["--method", "svd", "--output", str(work / "svd")],
        "clusterlp p=1.5": ours + ["--p", "1.5", "--output", str(work / "lp")],
        "clusterlp p=1": ours + ["--p", "1", "--output", str(work / "l1")],
        "clusterlp p=1 to 0.5 %": ours + ["--p", "1", "--tolerance", "0.005", "--output", str(work / "l1")],
        "numpy Gram+eigh": peer("gram_eigh"),
        "numpy full SVD": peer("full_svd"),
        "sklearn randomized_svd": peer("randomized_svd"),
    }


def main():
    a = options()
    matrix = generated(a.rows, a.columns, a.work)
    size = matrix.stat().st_size / 2**20
    results = alternating({n: c for n, c in jobs(matrix, a.rank, a.work).items() if n not in a.skip}, a.repeat, a.limit)
    for leftover in a.work.glob("*.npz"):
        leftover.unlink()
    for folder in ("svd", "lp", "l1"):
        shutil.rmtree(a.work / folder, ignore_errors=True)
    report(a, size, results)


def in_kernels(r):
    """Seconds in the kernels, summed over threads, by the number of cores."""
    kernels = r["printed"]["seconds"]["kernels"]
    return sum(kernels[kind] for kind in ("products", "grams", "factorisations", "elementwise")) / kernels["cores"]


def report(a, size, results):
    seconds = {n: best(r)["seconds"] for n, r in results.items()}
    memory = {n: peak(r) for n, r in results.items()}
    bare = min((x["printed"]["gram_eigh_seconds"] for x in results.get("numpy Gram+eigh", [])), default=None)
    print(f"{a.rows} x {a.columns} float32 ({size:.0f} MiB), rank {a.rank}; {os.cpu_count()} cores, {platform.machine()}; "
          f"best of {a.repeat}, alternating, input in the page cache\n")
    kernels = {n: in_kernels(best(r)) for n, r in results.items() if n.startswith("clusterlp") and n != START}
    shares = {n: kernels[n] / best(results[n])["seconds"] for n in kernels}
    busy = {n: best(results[n])["printed"]["seconds"]["kernels"]["busy"] / best(results[n])["seconds"] for n in kernels}
    print(f"{'whole job':24} {'seconds':>8} {'median':>8} {'CPU s':>8} {'peak MiB':>9} {'busy':>8} {'kernels':>8} {'at most':>8}")
    for name, r in results.items():
        share = f"{busy[name]:8.2f} {shares[name]:8.2f}" if name in shares else ""
        if name in shares and START in seconds:
            share += f" {kernels[name] / (kernels[name] + seconds[START]):8.2f}"
        print(f"{name:24} {seconds[name]:8.2f} {statistics.median(x['seconds'] for x in r):8.2f} {best(r)['cpu_seconds']:8.2f} {memory[name]:9.0f} {share}")
    if bare is not None:
        print(f"{'  (bare Gram+eigh)':24} {bare:8.2f}")
    targets = Targets()
    targets.ratio("svd / numpy Gram+eigh, whole jobs", seconds.get("clusterlp svd"), seconds.get("numpy Gram+eigh"), 1.1)
    targets.ratio("svd, whole job / bare Gram+eigh (stricter)", seconds.get("clusterlp svd"), bare, 1.1)
    targets.ratio("p=1.5 / numpy full SVD, whole jobs", seconds.get("clusterlp p=1.5"), seconds.get("numpy full SVD"), 1.0)
    targets.ratio("p=1.5 / sklearn randomized_svd, whole jobs", seconds.get("clusterlp p=1.5"), seconds.get("sklearn randomized_svd"), 1.0)
    targets.ratio("p=1 / numpy full SVD, whole jobs", seconds.get("clusterlp p=1"), seconds.get("numpy full SVD"), 4.0)
    targets.ratio("p=1, every row certified to 0.5 % / numpy full SVD", seconds.get("clusterlp p=1 to 0.5 %"), seconds.get("numpy full SVD"), 4.0)
    for name, share in shares.items():
        targets.at_least(f"share of the wall time in kernels, {name}", busy[name], 0.70)
        targets.at_least(f"share of all cores' time in kernels (stricter), {name}", share, 0.70)
    for name in shares:
        targets.ratio(f"peak memory of {name} / (3 x matrix + 300 MB)", memory.get(name), 3 * size + 300e6 / 2**20, 1.0)
    print()
    targets.print()
    if a.json:
        a.json.write_text(json.dumps({"rows": a.rows, "columns": a.columns, "rank": a.rank, "cores": os.cpu_count(),
                                      "bare_gram_eigh_seconds": bare, "runs": results, "ratios": targets.figures}, indent=1))


if __name__ == "__main__":
    main()
