"""Factorisations by our own code beside OpenBLAS': one at a time for several d, then whole jobs (CLUSTERLP_OPENBLAS=off
and on, alternating, best of the repetitions)."""
import argparse, os, pathlib, resource, shutil, subprocess, sys, time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
TARGET = 3.0


def options():
    p = argparse.ArgumentParser(prog="bench/factorisations/run", description=__doc__)
    p.add_argument("--sizes", type=int, nargs="*", default=[256, 512, 768, 1024, 2048], metavar="D", help="none: whole jobs only")
    p.add_argument("--rounds", type=int, default=3, help="of the single factorisations")
    p.add_argument("--rows", type=int, default=50000)
    p.add_argument("--columns", type=int, default=1024)
    p.add_argument("--rank", type=int, default=700)
    p.add_argument("--repeat", type=int, default=3, help="of the whole jobs; 0: none")
    p.add_argument("--work", type=pathlib.Path, default=ROOT / "artifacts" / "bench")
    return p.parse_args()


def run(matrix, rank, method, openblas, out):
    """Wall and processor seconds of one job."""
    command = [str(ROOT / "clusterlp"), "compress", str(matrix), "--rank", str(rank), "--force", "--json", "--output", str(out), *method]
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(command, env={**os.environ, "CLUSTERLP_OPENBLAS": openblas}, capture_output=True, text=True)
    seconds, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        sys.exit(f"bench: {' '.join(command)} failed:\n{done.stderr}")
    return seconds, after.ru_utime - before.ru_utime


def main():
    a = options()
    if a.sizes:
        bench = pathlib.Path(__file__).parent / "bin" / "Release" / "net10.0" / "ClusterLp.FactorisationBench.dll"
        subprocess.run(["dotnet", str(bench), str(a.rounds), *map(str, a.sizes)], check=True)
    if a.repeat < 1:
        return
    a.work.mkdir(parents=True, exist_ok=True)
    matrix = a.work / f"synthetic-{a.rows}x{a.columns}.npy"
    if not matrix.exists():
        subprocess.run([str(ROOT / "clusterlp"), "demo", "--generate", str(matrix),
                        "--rows", str(a.rows), "--columns", str(a.columns), "--seed", "1"], check=True)
    out = a.work / "factorisations"
    print(f"\nwhole jobs, {a.rows} x {a.columns}, rank {a.rank}, best of {a.repeat}: wall and processor seconds\n"
          f"{'':16} {'managed':>16} {'OpenBLAS':>16} {'ratio':>6} {'by processor':>13}")
    for name, method in {"svd": ["--method", "svd"], "p = 1.5": ["--p", "1.5"]}.items():
        best = {}
        for _ in range(a.repeat):
            for openblas in ("off", "on"):
                run_ = run(matrix, a.rank, method, openblas, out)
                best[openblas] = tuple(map(min, zip(best.get(openblas, run_), run_)))
        (wall, cpu), (wall_blas, cpu_blas) = best["off"], best["on"]
        ratio = wall / wall_blas
        print(f"{name:16} {wall:8.2f} {cpu:7.2f} {wall_blas:8.2f} {cpu_blas:7.2f} {ratio:6.2f} {cpu / cpu_blas:13.2f}"
              f"   target <= {TARGET:g}   {'met' if ratio <= TARGET else 'NOT MET'}")
    shutil.rmtree(out, ignore_errors=True)


if __name__ == "__main__":
    main()
