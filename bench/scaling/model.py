"""Seconds and bytes of a job on paper: rates from two measured jobs of one worker, checked on others, then 8 to 512 workers.

A stage of B blocks of b rows on S slots takes ceil(B / S) (b (x d^2 + y d) + h), or as long as its blobs take over the
coordinator's line, or as adding up its Gram matrices takes, B g s; and then what is left of its reduction, c + z d^3, during
which the slots wait. x, y (seconds a row), h (from one block to the next), s (seconds a byte of Gram matrix), c and z are
fitted to the two jobs; d^2 is the arithmetic (k / d is fixed), d what is done once an entry: reading, hashing, converting.
"""
import math

from memory import block_bytes
from processes import Cluster, matrix

# Assumed of machines that are not here; the table says so.
CORES, LINE, DISK, RAM, JOIN = 8, 1.0e9, 1.0e9, 64e9, 2.0
KINDS = ("scan", "refine", "factorise")


def gram_bytes(d):
    return 4 * d * (d + 1)


def nonnegative(a11, a12, r1, a21, a22, r2):
    """x, y >= 0 of two equations; where one would be negative it is zero, and the other that of the second equation."""
    det = a11 * a22 - a12 * a21
    x, y = (r1 * a22 - r2 * a12) / det, (a11 * r2 - a21 * r1) / det
    return (x, y) if min(x, y) >= 0 else (r2 / a21, 0.0) if y < 0 else (0.0, r2 / a22)


class Job:
    """Shape and cut of a job, and the stages of p = 1.5 from SVD's V."""

    def __init__(self, rows, columns, refine_rounds=2):
        self.n, self.d, self.k = rows, columns, max(1, int(0.72 * columns))
        self.b = block_bytes(rows, columns) // (4 * columns)
        self.blocks = -(-rows // self.b)
        self.stages = ["scan"] + ["refine"] * refine_rounds + ["factorise"]

    def waves(self, slots):
        return math.ceil(self.blocks / slots)

    def blob_bytes(self, kind):
        """What a block sends, and what a process fetches once for all its blocks."""
        d, g = self.d, gram_bytes(self.d)
        return {"scan": (g, 0), "refine": (g, 4 * d * d), "factorise": (4 * self.b * self.k, 8 * d * d)}[kind]

    def over_the_line(self, kind, machines):
        """Bytes to and from the coordinator in a stage."""
        up, once = self.blob_bytes(kind)
        return self.blocks * up + machines * once


class Rates:
    def __init__(self, first, second):
        """Two runs of one worker, of different widths; each {job, stages, seconds, parts}."""
        self.block, self.reduction = {}, {}
        for kind in KINDS:
            (j1, t1, r1), (j2, t2, r2) = self.of(first, kind), self.of(second, kind)
            self.block[kind] = nonnegative(j1.d**2, j1.d, t1 / j1.b, j2.d**2, j2.d, t2 / j2.b)
            self.reduction[kind] = nonnegative(1, j1.d**3, r1, 1, j2.d**3, r2)
        runs = (first, second)
        added = sum(s[5] * gram_bytes(run["job"].d) for run in runs for s in run["stages"])
        self.adding = sum(s[6] for run in runs for s in run["stages"]) / max(1, added)
        gaps = [total - blocks * each for run in runs for _, blocks, total, each, *_ in run["stages"]]
        self.gap = max(0.0, sum(gaps)) / sum(s[1] for run in runs for s in run["stages"])
        self.start = sum(run["seconds"] - run["parts"]["assemble"] - sum(s[2] + s[4] for s in run["stages"]) for run in runs) / 2
        self.assemble = sum(run["parts"]["assemble"] for run in runs) / sum(4 * run["job"].n * run["job"].k for run in runs)

    @staticmethod
    def of(run, kind):
        stages = [s for s in run["stages"] if s[0] == kind]
        mean = lambda column: sum(s[column] for s in stages) / len(stages)
        return run["job"], mean(3), mean(4)

    def block_seconds(self, job, kind):
        x, y = self.block[kind]
        return job.b * (x * job.d**2 + y * job.d)

    def stage(self, job, kind, machines, cores, line=None):
        """Seconds of the blocks, with what goes on beside them, and of what is left of the reduction."""
        computing = job.waves(machines * cores) * (self.block_seconds(job, kind) + self.gap)
        sending = job.over_the_line(kind, machines) / line if line else 0
        once, cubic = self.reduction[kind]
        return max(computing, sending, self.adding_seconds(job, kind)), once + cubic * job.d**3

    def adding_seconds(self, job, kind):
        return job.blocks * gram_bytes(job.d) * self.adding if kind in ("scan", "refine") else 0

    def total(self, job, machines, cores, line=None):
        share = 4 * job.n * job.d / machines
        seconds = self.start + (JOIN if machines > 1 else 0) + 4 * job.n * job.k * self.assemble
        for i, kind in enumerate(job.stages):
            computing, reducing = self.stage(job, kind, machines, cores, line)
            # From disk where the machine's memory does not keep its share of the rows.
            reading = share / DISK if i == 0 or share > RAM else 0
            seconds += max(computing, reading) + reducing
        return seconds


def measured(a, rows, columns, p, workers):
    cluster = Cluster(a, matrix(a.work, rows, columns), "model", workers, {"rank": max(1, int(0.72 * columns)), "p": p})
    rounds = sum(1 for s in cluster.stages if s[0] == "refine")
    return {"job": Job(rows, columns, rounds), "stages": cluster.stages, "seconds": cluster.seconds, "parts": cluster.report["seconds"], "record": cluster.record_bytes}


def run(a, results):
    kept = results.setdefault("model", {"checks": [], "targets": []})
    runs = [measured(a, rows, columns, p, 1) for rows, columns, p in a.model_jobs]
    rates = Rates(*runs[:2])
    kept["rates"] = {"block": rates.block, "reduction": rates.reduction, "adding": rates.adding, "gap": rates.gap, "start": rates.start, "assemble": rates.assemble,
                     "record_bytes": runs[0]["record"]}
    print("model: measured and calculated seconds; the first two jobs gave the rates")
    print(f"  {'job':20} {'workers':>7} {'measured':>9} {'model':>8} {'ratio':>6}")
    for number, ((rows, columns, p), one) in enumerate(zip(a.model_jobs, runs)):
        for workers in (1, 2):
            got = one if workers == 1 else measured(a, rows, columns, p, 2)
            said = rates.total(got["job"], 1, workers)
            kept["checks"].append({"rows": rows, "columns": columns, "workers": workers, "measured": got["seconds"], "model": said, "gave_rates": number < 2 and workers == 1})
            print(f"  {rows:11,} x {columns:<6} {workers:7} {got['seconds']:9.1f} {said:8.1f} {said / got['seconds']:6.2f}{'  (gave the rates)' if number < 2 and workers == 1 else ''}", flush=True)
    kept["tables"] = tables(rates, kept)
    print("\n" + "\n".join(kept["tables"]))


def tables(rates, kept):
    """What the page says of clusters that are not here, as Markdown lines."""
    lines = []
    say = lines.append
    say(f"On paper: machines of {CORES} cores like this one's, {LINE / 1e9:g} GB/s to and from the coordinator, {DISK / 1e9:g} GB/s from disk, p = 1.5, 28 % saved.")
    sizes = [(50_000, 256), (1_000_000, 256), (10_000_000, 256), (100_000_000, 256), (1_000_000, 1024), (10_000_000, 1024), (100_000_000, 1024)]
    counts = (1, 8, 32, 128, 512)
    say("\nSeconds of a job by machines:\n\n| matrix | blocks |" + "".join(f" {m} |" for m in counts) + "\n|---|---|" + "---|" * len(counts))
    kept["jobs"] = []
    for n, d in sizes:
        job = Job(n, d)
        seconds = [rates.total(job, m, CORES, LINE if m > 1 else None) for m in counts]
        kept["jobs"].append({"rows": n, "columns": d, "seconds": dict(zip(map(str, counts), seconds))})
        say(f"| {n:,} x {d} | {job.blocks:,} |" + "".join(f" {s:,.1f} |" for s in seconds))
    say("\nOne refine round of 10,000,000 x 1024 by machines:\n\n| | " + " | ".join(map(str, counts[1:])) + " |\n|---|" + "---|" * len(counts[1:]))
    job = Job(10_000_000, 1024)
    up, once = job.blob_bytes("refine")
    rows = {
        "blocks a slot": lambda m: f"{job.blocks / (m * CORES):.1f}",
        "rows read by a machine, GB": lambda m: f"{4 * job.n * job.d / m / 1e9:.2f}",
        "Gram matrices sent by a machine, GB": lambda m: f"{job.blocks * up / m / 1e9:.3f}",
        "basis fetched by a machine, MB": lambda m: f"{once / 1e6:.1f}",
        "over the coordinator's line, GB": lambda m: f"{job.over_the_line('refine', m) / 1e9:.1f}",
        "computing, s": lambda m: f"{job.waves(m * CORES) * rates.block_seconds(job, 'refine'):.1f}",
        "the line, s": lambda m: f"{job.over_the_line('refine', m) / LINE:.1f}",
        "adding up Gram matrices, s": lambda m: f"{rates.adding_seconds(job, 'refine'):.1f}",
        "what is left of the reduction, s": lambda m: f"{rates.stage(job, 'refine', m, CORES)[1]:.1f}",
        # Assigned, computed, committed, asked for; and progress four times a second.
        "messages to and from the coordinator": lambda m: f"{job.blocks * (4 + int(4 * rates.block_seconds(job, 'refine'))):,}",
        "checkpoint records, MB": lambda m: f"{job.blocks * kept['rates']['record_bytes'] / 1e6:.1f}",
    }
    for title, value in rows.items():
        say(f"| {title} | " + " | ".join(value(m) for m in counts[1:]) + " |")
    say("\nWhere one machine wins (rows below which it is faster):\n\n| columns |" + "".join(f" {m} machines |" for m in counts[1:]) + "\n|---|" + "---|" * len(counts[1:]))
    kept["crossover"] = []
    for d in (256, 1024):
        at = []
        for m in counts[1:]:
            n = 20 * d
            while n < 1e9 and rates.total(Job(n, d), m, CORES, LINE) > rates.total(Job(n, d), 1, CORES):
                n = int(n * 1.1)
            at.append(n)
        kept["crossover"].append({"columns": d, "rows": dict(zip(map(str, counts[1:]), at))})
        say(f"| {d} |" + "".join(f" {round(n, -3):,} |" if n < 1e9 else " none |" for n in at))
    return [part for line in lines for part in line.split("\n")]
