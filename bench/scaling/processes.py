"""Jobs as processes: compress, or a coordinator and its workers, with their wall time, processor time and memory."""
import atexit, json, os, pathlib, re, shutil, signal, socket, subprocess, sys, threading, time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import measure  # noqa: E402
from measure import WORK, generated  # noqa: E402

# An installed program can be measured in place of the sources beside this.
PROGRAM = os.environ.get("CLUSTERLP", measure.PROGRAM)

MIB = 2**20

# A benchmark that fails or is stopped leaves no worker looking for its coordinator.
RUNNING = []
atexit.register(lambda: [child.kill() for child in RUNNING if child.returncode is None])
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def matrix(work, rows, columns):
    """The generated matrix of this shape; made where it is missing."""
    size, free = 4 * rows * columns, shutil.disk_usage(work).free
    if not (work / f"synthetic-{rows}x{columns}.npy").exists() and free < 3 * size:
        sys.exit(f"bench: {rows} x {columns} takes {size / 1e9:.1f} GB, and its jobs twice as much again; {free / 1e9:.1f} GB are free.")
    return generated(rows, columns, work)


class Process:
    """A clusterlp process, watched until it ends."""

    def __init__(self, arguments, log, group=None, environment=None):
        self.group = group
        self.log = log
        self.start = time.perf_counter()
        with open(log, "wb") as err:
            self.child = subprocess.Popen(
                [PROGRAM, *map(str, arguments)], stdout=subprocess.PIPE, stderr=err, env={**os.environ, **(environment or {})},
                preexec_fn=group.enter if group else None)
        RUNNING.append(self.child)
        # Where memory is limited it is watched too; elsewhere the watching would take time from what is measured.
        self.anonymous = 0
        self.watch = threading.Thread(target=self._watch, daemon=True) if group else None
        if self.watch:
            self.watch.start()

    def _watch(self):
        """The largest anonymous part of the resident memory; the kernel keeps a peak of the whole only."""
        while True:
            try:
                status = pathlib.Path(f"/proc/{self.child.pid}/status").read_text()
            except OSError:
                return
            found = re.search(r"RssAnon:\s+(\d+)", status)
            if not found:
                return
            self.anonymous = max(self.anonymous, int(found[1]) * 1024)
            time.sleep(0.05)

    def wait(self):
        """Sets seconds, cpu (user and system seconds), peak (bytes resident) and printed; ends the benchmark if the process failed."""
        text = self.child.stdout.read()
        _, status, usage = os.wait4(self.child.pid, 0)
        self.seconds = time.perf_counter() - self.start
        self.child.returncode = os.waitstatus_to_exitcode(status)
        if self.watch:
            self.watch.join()
        self.cpu, self.peak = usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024
        if self.child.returncode != 0:
            sys.exit(f"bench: clusterlp exited with {self.child.returncode}:\n{pathlib.Path(self.log).read_text()[-2000:]}")
        self.printed = json.loads(text) if text.strip() else None
        return self


def compress(a, path, name, *options, **how):
    """One job in one process."""
    out = a.work / f"{name}.out"
    process = Process(["compress", path, "--output", out, "--force", "--json", "--verbose", "--log-format", "json", *options], a.work / f"{name}.log", **how).wait()
    shutil.rmtree(out, ignore_errors=True)
    return process


class Cluster:
    """A coordinator and its workers on loopback, run to the job's end; seconds and processor times as attributes."""

    def __init__(self, a, path, name, workers, keys, serve=False, groups=(None, None), environment=None):
        job, out, file = a.work / f"{name}.job", a.work / f"{name}.out", a.work / f"{name}.json"
        for folder in (job, out):
            shutil.rmtree(folder, ignore_errors=True)
        file.write_text(json.dumps({"model": str(path), "output": str(out), "job-dir": str(job), **keys}))
        port = free_port()
        served = ["--serve-blobs", "127.0.0.1:0"] if serve else []
        self.coordinator = Process(
            ["coordinator", "--job", file, "--listen", f"127.0.0.1:{port}", "--json", "--log-format", "json", *served],
            a.work / f"{name}.log", groups[0], environment)
        self.workers = [
            Process(["worker", "--coordinator", f"127.0.0.1:{port}", "--threads", 1, "--quiet"], a.work / f"{name}.worker-{i}.log", groups[1], environment)
            for i in range(workers)]
        self.coordinator.wait()
        for worker in self.workers:
            worker.wait()
        self.seconds, self.report = self.coordinator.seconds, self.coordinator.printed
        self.hash = self.report["outputs"][0]["sha256"]
        self.stages = stages(self.coordinator.log)
        lines = [line for journal in (job / "checkpoints").glob("*.journal") for line in journal.read_bytes().splitlines() if b'"commit"' in line]
        self.record_bytes = sum(map(len, lines)) / max(1, len(lines))
        for folder in (job, out):
            shutil.rmtree(folder, ignore_errors=True)


STAGE = re.compile(r'tensor "[^"]*", ([a-z]+)(?:-\d+)?: (\d+) blocks in ([\d.E-]+) s, ([\d.E-]+) s each; reduced in ([\d.E-]+) s')
ADDED = re.compile(r': (\d+) Gram matrices added up in ([\d.E-]+) s')


def stages(log):
    """What a coordinator said of its stages: (kind, blocks, seconds of all, seconds of one, seconds of the reduction, Gram matrices
    added up before it, seconds of that)."""
    found, added = [], (0, 0.0)
    for line in pathlib.Path(log).read_text().splitlines():
        if not line.startswith("{"):
            continue
        entry = json.loads(line)
        # The compact format keeps template and values apart.
        text = entry.get("@m") or entry.get("@mt", "")
        for key, value in entry.items():
            if isinstance(value, str) or not key.startswith("@"):
                text = text.replace("{" + key + "}", str(value))
        match = STAGE.search(text)
        if match:
            found.append((match[1], int(match[2]), *map(float, match.groups()[2:]), *added))
            added = (0, 0.0)
        if match := ADDED.search(text):
            added = (int(match[1]), float(match[2]))
    return found


def target(title, value, limit, better, kept):
    """Prints and keeps one target."""
    met = value >= limit if better == ">=" else value <= limit
    print(f"  {title:66} {value:8.3f}   target {better} {limit:g}   {'met' if met else 'NOT MET'}", flush=True)
    kept.append({"title": title, "value": value, "target": limit, "better": better, "met": met})
