"""U solved in a sample of the columns (--active-columns) beside U solved in all: for each rank k and sample size M the l_p error of the
output divided by that of all columns, the same of the sampled rows alone as the report has it for up to 1024 rows, the share of
rows that stayed projected, and the thread seconds of the last stage, which solves U, stores it and measures the errors."""
import argparse, json, pathlib, subprocess, tempfile
import numpy as np
from measure import PROGRAM, WORK


def generated(n=12000, d=768, rank=24):
    """Low rank and noise, of which one entry in fifty is twenty times as large."""
    path = WORK / f"spikes-{n}x{d}.npy"
    if not path.exists():
        g = np.random.default_rng(2)
        noise = g.normal(size=(n, d)) * np.where(g.random((n, d)) < 0.02, 20, 1)
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, (g.normal(size=(n, rank)) @ g.normal(size=(rank, d)) + noise).astype(np.float32))
    return path


def job(matrix, rank, p, columns):
    with tempfile.TemporaryDirectory() as folder:
        command = [PROGRAM, "compress", str(matrix), "--rank", str(rank), "--p", str(p), "--output", folder + "/out", "--json", "--quiet"]
        run = subprocess.run(command + (["--active-columns", str(columns)] if columns else []), capture_output=True, text=True)
        if run.returncode:
            raise SystemExit(f"{' '.join(run.args)}: {run.stderr}")
        report = json.loads(run.stdout)
        seconds = sum(span["busy"] for span in report["timeline"]["spans"] if span["stage"].startswith("factorise") and span["kind"] == "blocks")
        return report["tensors"][0], seconds


def main():
    a = argparse.ArgumentParser(prog="bench/active-columns", description=__doc__)
    a.add_argument("matrix", nargs="*", type=pathlib.Path, help="float32 .npy files, beside the generated one")
    a.add_argument("--p", type=float, action="append", help="repeatable; default 1, 1.25 and 1.5")
    a.add_argument("--rank", type=int, action="append", help="repeatable; default d/32, d/8 and d/4")
    a.add_argument("--times", type=float, action="append", help="columns of the sample, for each of the rank; repeatable; default 2, 3, 4 and 8")
    a = a.parse_args()
    print("| matrix | k | p | M | order of epsilon | l_p / all columns | l_p, SVD / all columns | compared rows | stay projected | seconds | seconds, all columns |\n" + "|---" * 11 + "|")
    for matrix in [generated(), *a.matrix]:
        d = np.load(matrix, mmap_mode="r").shape[1]
        for k in a.rank or [d // 32, d // 8, d // 4]:
            for p in a.p or [1, 1.25, 1.5]:
                full, whole = job(matrix, k, p, None)
                for m in [int(times * k) for times in a.times or [2, 3, 4, 8] if times * k < d]:
                    t, seconds = job(matrix, k, p, m)
                    s = t["activeColumns"]
                    print(f"| {matrix.stem} | {k} | {p:g} | {m} of {d} | {s['epsilon']:.2f} | {t['errors']['lp'] / full['errors']['lp']:.4f} "
                          f"| {full['svd']['lp'] / full['errors']['lp']:.4f} | {s['errorRatio']:.4f} | {s['projectedRows'] / t['rows']:.0%} | {seconds:.2f} | {whole:.2f} |", flush=True)


if __name__ == "__main__":
    main()
