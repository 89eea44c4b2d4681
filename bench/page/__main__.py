"""Measures everything on the benchmark page, piece by piece, and renders docs/benchmarks.md with its plots from what is
measured. Every piece leaves its figures as JSON in artifacts/bench/all, so that one can be measured again alone."""
import argparse, json, sys, time
from measure import ROOT, WORK
from page import companions, machine, render, sections


def pieces(quick):
    """{name: function that measures it} in order."""
    found = {s.key: (lambda s=s: sections.measure(s, quick)) for s in sections.sections(quick)}
    for key, name, heading, about, full, small in companions.COMPANIONS:
        found[key] = lambda a=(key, name, heading, about, small if quick else full): companions.measure(*a)
    return found


def options():
    names = list(pieces(False))
    p = argparse.ArgumentParser(prog="bench/all", description=__doc__)
    p.add_argument("--quick", action="store_true", help="small matrices, one run of each; the page stays in artifacts/bench/quick")
    p.add_argument("--render", action="store_true", help="measure nothing, render what was measured")
    p.add_argument("--only", action="append", choices=names, metavar="PIECE", help=f"measure only this (repeatable): {', '.join(names)}")
    return p.parse_args()


def main():
    a = options()
    data = WORK / ("quick" if a.quick else "all")
    page = data / "benchmarks.md" if a.quick else ROOT / "docs" / "benchmarks.md"
    data.mkdir(parents=True, exist_ok=True)
    if not a.render:
        write(data / "machine.json", machine.describe())
        start = time.perf_counter()
        for name, measure in pieces(a.quick).items():
            if a.only and name not in a.only:
                continue
            print(f"bench: {name} (at {time.perf_counter() - start:.0f} s)", file=sys.stderr, flush=True)
            figures = measure()
            if figures is None:
                print(f"bench: {name}: no matrix; left out of the page", file=sys.stderr)
                (data / f"{name}.json").unlink(missing_ok=True)
            else:
                write(data / f"{name}.json", figures)
        print(f"bench: measured in {time.perf_counter() - start:.0f} s", file=sys.stderr)
    if not (data / "machine.json").exists():
        sys.exit(f"bench: nothing measured yet in {data.relative_to(ROOT)}; run bench/all without --render")
    render.render(data, page)
    print(page.relative_to(ROOT))


def write(path, figures):
    path.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
