"""Whole jobs as processes: read the matrix, factorise, write the factors. Wall time and peak resident memory of each,
alternating so that a busy spell of the machine touches all of them; the best of the repetitions is compared."""
import argparse, json, os, pathlib, platform, shutil, statistics, subprocess, sys, tempfile, time

ROOT = pathlib.Path(__file__).resolve().parent.parent
PEERS = ROOT / "bench" / "peers"


def options():
    p = argparse.ArgumentParser(prog="bench/run", description=__doc__)
    p.add_argument("--rows", type=int, default=50265)
    p.add_argument("--columns", type=int, default=768)
    p.add_argument("--rank", type=int, default=544)
    p.add_argument("--repeat", type=int, default=3)
    p.add_argument("--skip", action="append", default=[], metavar="JOB", help="leave a job out (repeatable)")
    p.add_argument("--json", type=pathlib.Path, help="also write the figures here")
    p.add_argument("--work", type=pathlib.Path, default=ROOT / "artifacts" / "bench")
    return p.parse_args()


def jobs(matrix, rank, work):
    ours = [str(ROOT / "clusterlp"), "compress", str(matrix), "--rank", str(rank), "--force", "--json"]
    peer = lambda name: [sys.executable, str(PEERS / f"{name}.py"), str(matrix), str(rank), str(work / f"{name}.npz")]
    return {
        "clusterlp svd": ours + ["--method", "svd", "--output", str(work / "svd")],
        "clusterlp p=1.5": ours + ["--p", "1.5", "--output", str(work / "lp")],
        "numpy Gram+eigh": peer("gram_eigh"),
        "numpy full SVD": peer("full_svd"),
        "sklearn randomized_svd": peer("randomized_svd"),
    }


def run(name, command):
    """Wall seconds, peak RSS in MiB and what the process printed, as JSON."""
    with tempfile.TemporaryFile() as err:
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=err)
        text = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        err.seek(0)
        complaint = err.read().decode(errors="replace")
    if status != 0:
        sys.exit(f"bench: {name} failed:\n{complaint}")
    return {"seconds": seconds, "peak_mib": usage.ru_maxrss / 1024, "cpu_seconds": usage.ru_utime + usage.ru_stime, "printed": json.loads(text)}


def main():
    a = options()
    a.work.mkdir(parents=True, exist_ok=True)
    matrix = a.work / f"synthetic-{a.rows}x{a.columns}.npy"
    if not matrix.exists():
        subprocess.run([str(ROOT / "clusterlp"), "demo", "--generate", str(matrix),
                        "--rows", str(a.rows), "--columns", str(a.columns), "--seed", "1"], check=True)
    matrix.read_bytes()  # in the page cache for everyone
    size = matrix.stat().st_size / 2**20
    chosen = {n: c for n, c in jobs(matrix, a.rank, a.work).items() if n not in a.skip}
    results = {name: [] for name in chosen}
    for _ in range(a.repeat):
        for name, command in chosen.items():
            results[name].append(run(name, command))
    for leftover in a.work.glob("*.npz"):
        leftover.unlink()
    for folder in ("svd", "lp"):
        shutil.rmtree(a.work / folder, ignore_errors=True)
    report(a, size, results)


def report(a, size, results):
    best = {n: min(r, key=lambda x: x["seconds"]) for n, r in results.items()}
    peak = {n: max(x["peak_mib"] for x in r) for n, r in results.items()}
    bare = min((x["printed"]["gram_eigh_seconds"] for x in results.get("numpy Gram+eigh", [])), default=None)
    print(f"{a.rows} x {a.columns} float32 ({size:.0f} MiB), rank {a.rank}; {os.cpu_count()} cores, {platform.machine()}; "
          f"best of {a.repeat}, alternating, input in the page cache\n")
    print(f"{'whole job':24} {'seconds':>8} {'median':>8} {'peak MiB':>9}")
    for name, r in results.items():
        print(f"{name:24} {best[name]['seconds']:8.2f} {statistics.median(x['seconds'] for x in r):8.2f} {peak[name]:9.0f}")
    if bare is not None:
        print(f"{'  (bare Gram+eigh)':24} {bare:8.2f}")
    ratios = {}

    def ratio(title, ours, theirs, target):
        if ours is not None and theirs is not None:
            ratios[title] = {"value": ours / theirs, "target": target, "met": ours / theirs <= target}
    seconds = {n: b["seconds"] for n, b in best.items()}
    ratio("svd / numpy Gram+eigh, whole jobs", seconds.get("clusterlp svd"), seconds.get("numpy Gram+eigh"), 1.5)
    ratio("svd, whole job / bare Gram+eigh (stricter)", seconds.get("clusterlp svd"), bare, 1.5)
    ratio("p=1.5 / numpy full SVD, whole jobs", seconds.get("clusterlp p=1.5"), seconds.get("numpy full SVD"), 2.0)
    for name in ("clusterlp svd", "clusterlp p=1.5"):
        ratio(f"peak memory of {name} / (3 x matrix + 300 MB)", peak.get(name), 3 * size + 300e6 / 2**20, 1.0)
    print()
    for title, r in ratios.items():
        print(f"{title:58} {r['value']:6.2f}   target <= {r['target']:g}   {'met' if r['met'] else 'NOT MET'}")
    if a.json:
        a.json.write_text(json.dumps({"rows": a.rows, "columns": a.columns, "rank": a.rank, "cores": os.cpu_count(),
                                      "bare_gram_eigh_seconds": bare, "runs": results, "ratios": ratios}, indent=1))


if __name__ == "__main__":
    main()
