"""How jobs grow.

linear:   time of a whole job from 50,000 to 4,000,000 rows, p = 1.5 and SVD, beside a straight line.
workers:  one worker process of one thread beside two, on jobs of a minute or more.
memory:   peak memory of worker, coordinator and embedded job up to a 4 GB matrix, each under a limit of 1 GiB.
model:    seconds and bytes a round for 8 to 512 workers from the rates measured here, beside what one machine takes; the
          same formulas beside measured jobs of 1 and 2 workers.

Matrices are generated under --work and stay there: 8 GB with the defaults.
"""
import argparse, json, os, pathlib, platform

import linear, memory, model, page, workers
from processes import WORK


def job(text):
    rows, columns, *numbers = text.split(",")
    return int(rows), int(columns), *map(float, numbers)


def options():
    p = argparse.ArgumentParser(prog="bench/scale", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--only", choices=["linear", "workers", "memory", "model"], action="append", help="run this part (repeatable; default: all)")
    p.add_argument("--rows", type=int, nargs="+", default=[50_000, 200_000, 1_000_000, 4_000_000], help="sizes of the linear part")
    p.add_argument("--memory-rows", type=int, nargs="+", default=[50_000, 1_000_000, 4_000_000], help="sizes of the memory part")
    p.add_argument("--columns", type=int, default=256)
    p.add_argument("--rank", type=int, default=184, help="default: 184, 28 %% saved of 256 columns")
    p.add_argument("--jobs", type=job, nargs="+", default=[(250_002, 1024, 1.0, 0.005), (1_200_000, 256, 1.0)],
                   metavar="ROWS,COLUMNS,P[,TOLERANCE]", help="jobs of the workers part")
    p.add_argument("--model-jobs", type=job, nargs="+", default=[(200_000, 256, 1.5), (50_000, 1024, 1.5), (1_000_000, 256, 1.5), (100_000, 512, 1.5)],
                   metavar="ROWS,COLUMNS,P", help="the first two give the model its rates, the others check it")
    p.add_argument("--repeat", type=int, default=2)
    p.add_argument("--methods", choices=["svd", "p=1.5"], nargs="+", default=["svd", "p=1.5"], help="of the linear and memory parts")
    p.add_argument("--page", type=pathlib.Path, metavar="docs/scaling.md", help="also write the tables into this page")
    p.add_argument("--json", type=pathlib.Path, help="also write the figures here; parts not run are kept from it")
    p.add_argument("--work", type=pathlib.Path, default=WORK)
    return p.parse_args()


def main():
    a = options()
    a.work = a.work.resolve()
    a.work.mkdir(parents=True, exist_ok=True)
    results = json.loads(a.json.read_text()) if a.json and a.json.exists() else {}
    print(f"{os.cpu_count()} cores, {platform.machine()}")
    parts = {"linear": linear, "workers": workers, "memory": memory, "model": model}
    missed = []
    for name, part in parts.items():
        if a.only and name not in a.only:
            continue
        results.pop(name, None)
        part.run(a, results)
        missed += [t["title"] for t in results.get(name, {}).get("targets", []) if not t["met"]]
        if a.json:
            a.json.write_text(json.dumps(results, indent=1))
        if a.page:
            page.write(a.page, results)
    print("all targets met" if not missed else f"NOT MET: {'; '.join(missed)}")


if __name__ == "__main__":
    main()
