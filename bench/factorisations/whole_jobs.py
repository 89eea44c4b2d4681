"""Factorisations by our own code beside OpenBLAS': one at a time for several d, then whole jobs (CLUSTERLP_OPENBLAS=off
and on, alternating, the best of the repetitions)."""
import argparse, pathlib, shutil, subprocess
from measure import PROGRAM, WORK, Targets, alternating, best, generated

BENCH = pathlib.Path(__file__).parent / "bin" / "Release" / "net10.0" / "ClusterLp.FactorisationBench.dll"


def options():
    p = argparse.ArgumentParser(prog="bench/factorisations/run", description=__doc__)
    p.add_argument("--sizes", type=int, nargs="*", default=[256, 512, 768, 1024, 2048], metavar="D", help="none: whole jobs only")
    p.add_argument("--rounds", type=int, default=3, help="of the single factorisations")
    p.add_argument("--rows", type=int, default=50000)
    p.add_argument("--columns", type=int, default=1024)
    p.add_argument("--rank", type=int, default=700)
    p.add_argument("--repeat", type=int, default=3, help="of the whole jobs; 0: none")
    p.add_argument("--work", type=pathlib.Path, default=WORK)
    return p.parse_args()


def main():
    a = options()
    if a.sizes:
        subprocess.run(["dotnet", str(BENCH), str(a.rounds), *map(str, a.sizes)], check=True)
    if a.repeat < 1:
        return
    matrix, out = generated(a.rows, a.columns, a.work), a.work / "factorisations"
    job = [PROGRAM, "compress", str(matrix), "--rank", str(a.rank), "--force", "--json", "--output", str(out)]
    targets = Targets()
    print(f"\n{a.rows} x {a.columns}, rank {a.rank}; best of {a.repeat}, alternating\n\n{'whole job':24} {'seconds':>8} {'CPU':>8}")
    for name, method in {"svd": ["--method", "svd"], "p=1.5": ["--p", "1.5"]}.items():
        runs = alternating({f"{name}, {by}": ["env", f"CLUSTERLP_OPENBLAS={switch}", *job, *method]
                            for by, switch in (("managed", "off"), ("OpenBLAS", "on"))}, a.repeat)
        for title, r in runs.items():
            print(f"{title:24} {best(r)['seconds']:8.2f} {min(x['cpu_seconds'] for x in r):8.2f}", flush=True)
        managed, library = (best(r)["seconds"] for r in runs.values())
        targets.ratio(f"{name}: managed / OpenBLAS, whole jobs", managed, library, 3.0)
    shutil.rmtree(out, ignore_errors=True)
    print()
    targets.print()


if __name__ == "__main__":
    main()
