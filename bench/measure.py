"""What the benchmarks share: the program, generated matrices, a process with its wall time and peak memory, alternating
repetitions, and targets that are met or not. Standard library only."""
import json, os, pathlib, re, subprocess, sys

# OpenBLAS shall choose its kernels for the processor, for the peers as for us, whatever the environment pins.
os.environ.pop("OPENBLAS_CORETYPE", None)

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROGRAM = str(ROOT / "clusterlp")
WORK = ROOT / "artifacts" / "bench"


def generated(rows, columns, work=WORK):
    """Path of the generated rows x columns float32 matrix (seed 1), written on first use; its bytes are then in the page cache."""
    path = pathlib.Path(work) / f"synthetic-{rows}x{columns}.npy"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(".part")
        subprocess.run([PROGRAM, "demo", "--generate", str(unfinished), "--rows", str(rows), "--columns", str(columns), "--seed", "1"], check=True)
        unfinished.rename(path)
    return warmed(path)


def warmed(path):
    """Reads a file through, so that nobody pays for the disk; returns its path."""
    with open(path, "rb") as file:
        while file.read(1 << 24):
            pass
    return path


class Failed(Exception):
    """A measured process ended with an error; says which, and what it complained of."""


def launch(name, command, limit=0):
    """Wall seconds, peak resident MiB and CPU seconds of a process, and the JSON it printed; None where it took longer than
    the limit in seconds and was stopped. Raises Failed."""
    launched = subprocess.run([sys.executable, "-I", "-S", str(ROOT / "bench" / "launch.py"), str(limit or 0), *command],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    figures = json.loads(launched.stdout) if launched.returncode == 0 else {"stopped": False, "exit": launched.returncode}
    if figures.pop("stopped"):
        return None
    if figures.pop("exit") != 0:
        raise Failed(f"{name} failed:\n{launched.stderr.decode(errors='replace').strip()}")
    return figures | {"printed": json.loads(figures.pop("output"))}


def run(name, command, limit=0):
    """As launch; a failure ends the benchmark."""
    try:
        return launch(name, command, limit)
    except Failed as failed:
        sys.exit(f"bench: {failed}")


def alternating(commands, repeat, limit=0, once_above=float("inf"), run=run):
    """{name: [run, ...]} of {name: command}: every command once, then all again, so that a busy spell of the machine touches
    all. A command that once takes longer than the limit is left out; one that takes more than `once_above` seconds runs once."""
    results = {name: [] for name in commands}
    for _ in range(repeat):
        for name, command in commands.items():
            if name in results and (not results[name] or results[name][0]["seconds"] <= once_above):
                if one := run(name, command, limit):
                    results[name].append(one)
                else:
                    del results[name]
    return results


def best(runs):
    """The fastest of a command's runs."""
    return min(runs, key=lambda r: r["seconds"])


def peak(runs):
    """Largest peak resident MiB of a command's runs."""
    return max(r["peak_mib"] for r in runs)


class Targets:
    """Figures beside what they should be; `figures` is {title: {value, target, met}}."""

    def __init__(self):
        self.figures = {}

    def at_most(self, title, value, target):
        """Records a figure; None (something was not measured) is left out."""
        if value is not None:
            self.figures[title] = {"value": value, "target": target, "met": value <= target}

    def at_least(self, title, value, target):
        """Records a figure that should be large."""
        if value is not None:
            self.figures[title] = {"value": value, "at least": target, "met": value >= target}

    def ratio(self, title, ours, theirs, target):
        if ours is not None and theirs is not None:
            self.at_most(title, ours / theirs, target)

    def print(self):
        for title, r in self.figures.items():
            goal = f"<= {r['target']:g}" if "target" in r else f">= {r['at least']:g}"
            print(f"{title:58} {r['value']:6.2f}   target {goal}   {'met' if r['met'] else 'NOT MET'}")


def put_between(page, mark, lines):
    """Replaces what a page has between `<!-- mark -->` and `<!-- end mark -->`."""
    pattern = re.compile(rf"(<!-- {re.escape(mark)} -->\n).*?(<!-- end {re.escape(mark)} -->)", re.S)
    text = page.read_text()
    if not pattern.search(text):
        sys.exit(f"bench: {page} has no place for \"{mark}\"")
    page.write_text(pattern.sub(lambda m: m[1] + "\n" + "\n".join(lines) + "\n\n" + m[2], text))
