"""What recovery costs.

killed:       a coordinator and two workers of one thread, 8 blocks a stage; one worker is killed (SIGKILL) at half the time
              an undisturbed run takes, and another is started at once, as a supervisor would. The time that adds, beside
              the time one block takes and the time until the coordinator hands the lost block out again.
coordinator:  the same with the coordinator killed and started again.
checkpoints:  `compress` with a job directory on disk, every blob and checkpoint flushed to the device, beside one in memory
              (/dev/shm), alternating.
"""
import argparse, datetime, hashlib, json, pathlib, re, shutil, socket, statistics, subprocess, sys, time
from measure import PROGRAM, WORK, generated


def options():
    p = argparse.ArgumentParser(prog="bench/recovery", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--rows", type=int, default=100_000)
    p.add_argument("--columns", type=int, default=512)
    p.add_argument("--p", default="1")
    p.add_argument("--repeat", type=int, default=3)
    p.add_argument("--only", choices=["killed", "coordinator", "checkpoints"])
    p.add_argument("--work", type=pathlib.Path, default=WORK)
    return p.parse_args()


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Cluster:
    """One coordinator and two workers on loopback."""

    def __init__(self, a, matrix, name):
        self.job, self.out, self.log = a.work / f"{name}.job", a.work / f"{name}.out", a.work / f"{name}.log"
        for path in (self.job, self.out):
            shutil.rmtree(path, ignore_errors=True)
        self.log.unlink(missing_ok=True)
        self.file = a.work / f"{name}.json"
        self.file.write_text(json.dumps({
            "model": str(matrix), "output": str(self.out), "job-dir": str(self.job), "compression": 0.3, "p": float(a.p),
            "block-rows": (a.rows + 7) // 8}))
        self.port = free_port()
        self.start = time.perf_counter()
        self.start_coordinator()
        self.workers = [self.start_worker(), self.start_worker()]

    def start_coordinator(self):
        self.coordinator = subprocess.Popen(
            [PROGRAM, "coordinator", "--job", str(self.file), "--listen", f"127.0.0.1:{self.port}", "--threads", "1", "--log-format", "json"],
            stdout=subprocess.DEVNULL, stderr=self.log.open("a"))

    def start_worker(self):
        return subprocess.Popen([PROGRAM, "worker", "--coordinator", f"127.0.0.1:{self.port}", "--threads", "1", "--quiet"],
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def wait(self):
        code = self.coordinator.wait(900)
        seconds = time.perf_counter() - self.start
        for worker in self.workers:
            worker.wait(60)
        if code != 0:
            sys.exit(f"bench: the coordinator exited with {code}; see {self.log}")
        return seconds

    def digest(self):
        return hashlib.sha256((self.out / "model.safetensors").read_bytes()).hexdigest()

    def block_seconds(self):
        """Mean time of a block of the last stage, which has nearly all the work: its span over what each worker did."""
        times = sorted(f.stat().st_mtime for f in (self.job / "blobs" / "t0" / "factorise").iterdir())
        return (times[-1] - times[0]) / (len(times) / 2 - 1) if len(times) > 2 else float("nan")

    def noticed_after(self, killed_at):
        """Seconds from the kill until the coordinator said that the connection broke."""
        for line in self.log.read_text().splitlines():
            if line.startswith("{") and "broke" in line:
                stamp = re.sub(r"(\.\d{6})\d*", r"\1", json.loads(line)["@t"]).replace("Z", "+00:00")
                return datetime.datetime.fromisoformat(stamp).timestamp() - killed_at
        return float("nan")


def killed(a, matrix, victim):
    rows = []
    for _ in range(a.repeat):
        calm = Cluster(a, matrix, "undisturbed")
        undisturbed, block = calm.wait(), calm.block_seconds()
        cluster = Cluster(a, matrix, "killed")
        time.sleep(max(0, undisturbed / 2 - (time.perf_counter() - cluster.start)))
        now = time.time()
        if victim == "worker":
            cluster.workers[0].kill()
            cluster.workers[0].wait()
            cluster.workers[0] = cluster.start_worker()
        else:
            cluster.coordinator.kill()
            cluster.coordinator.wait()
            cluster.start_coordinator()
        disturbed = cluster.wait()
        if cluster.digest() != calm.digest():
            sys.exit("bench: the disturbed run gave other factors")
        rows.append((undisturbed, disturbed, block, cluster.noticed_after(now)))
        print(f"  {undisturbed:7.1f} s {disturbed:7.1f} s {disturbed - undisturbed:+7.1f} s {block:7.1f} s {rows[-1][3]:7.2f} s", flush=True)
    added = statistics.median(r[1] - r[0] for r in rows)
    print(f"  median added: {added:.1f} s; a block takes {statistics.median(r[2] for r in rows):.1f} s")


def checkpoints(a, matrix):
    disk, memory = a.work / "checkpoint.job", pathlib.Path("/dev/shm/clusterlp-bench.job")
    seconds = {"disk": [], "memory": []}
    try:
        for _ in range(a.repeat):
            for name, job in (("disk", disk), ("memory", memory)):
                shutil.rmtree(job, ignore_errors=True)
                start = time.perf_counter()
                subprocess.run([PROGRAM, "compress", str(matrix), "--compression", "0.3", "--p", a.p, "--output", str(a.work / "checkpoint.out"),
                                "--force", "--job-dir", str(job), "--quiet"], check=True, stdout=subprocess.DEVNULL)
                seconds[name].append(time.perf_counter() - start)
            print(f"  {seconds['disk'][-1]:7.2f} s {seconds['memory'][-1]:7.2f} s  {seconds['disk'][-1] / seconds['memory'][-1]:.3f}", flush=True)
    finally:
        shutil.rmtree(memory, ignore_errors=True)
    print(f"  best: {min(seconds['disk']):.2f} s / {min(seconds['memory']):.2f} s = {min(seconds['disk']) / min(seconds['memory']):.3f}")


def main():
    a = options()
    matrix = generated(a.rows, a.columns, a.work)
    if a.only in (None, "killed"):
        print("worker killed at half time, another started: undisturbed, disturbed, added, a block's time, noticed after")
        killed(a, matrix, "worker")
    if a.only in (None, "coordinator"):
        print("coordinator killed at half time and started again: undisturbed, disturbed, added, a block's time")
        killed(a, matrix, "coordinator")
    if a.only in (None, "checkpoints"):
        print("checkpoints: job directory on disk and flushed, in memory, ratio")
        checkpoints(a, matrix)


if __name__ == "__main__":
    main()
