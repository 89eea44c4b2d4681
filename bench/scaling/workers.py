"""One worker process of one thread beside two, on loopback, alternating; the factors must be the same bytes. Beside them
what two cores of this machine give at best: two jobs of one thread that know nothing of each other."""
import sys

from processes import Cluster, Process, compress, matrix, target


def apart(a, path, keys):
    """How much more two one-thread jobs do in their time, side by side, than one alone: 2 where cores do not disturb each other."""
    options = [word for key, value in keys.items() for word in (f"--{key}", value)] + ["--threads", 1]
    alone = compress(a, path, "alone", *options).seconds
    pair = [Process(["compress", path, "--output", a.work / f"pair-{i}.out", "--force", "--json", "--quiet", *options], a.work / f"pair-{i}.log") for i in range(2)]
    return 2 * alone / max(process.wait().seconds for process in pair)


def run(a, results):
    kept = results.setdefault("workers", {"runs": [], "targets": []})
    print("workers: whole jobs from the coordinator's start to its end, one thread a worker; best of the repetitions")
    for rows, columns, p, *tolerance in a.jobs:
        path = matrix(a.work, rows, columns)
        rank = max(1, int(a.rank * columns / a.columns))
        keys = {"rank": rank, "p": p, **({"tolerance": tolerance[0]} if tolerance else {})}
        job = f"{rows:,} x {columns} p={p:g}" + (f" to {100 * tolerance[0]:g} %" if tolerance else "")
        seconds = {1: [], 2: []}
        for _ in range(a.repeat):
            hashes = set()
            for count in (1, 2):
                cluster = Cluster(a, path, f"workers-{count}", count, keys)
                hashes.add(cluster.hash)
                seconds[count].append(cluster.seconds)
                cpu = [w.cpu for w in cluster.workers]
                kept["runs"].append({
                    "job": job, "rank": rank, "workers": count, "seconds": cluster.seconds, "parts": cluster.report["seconds"],
                    "coordinator_cpu": cluster.coordinator.cpu, "worker_cpu": cpu, "stages": cluster.stages})
                print(f"  {job:>31}, {count} worker(s): {cluster.seconds:7.1f} s, writing the output {cluster.report['seconds']['assemble']:5.1f} s;"
                      f" processor seconds: workers {sum(cpu):7.1f}, coordinator {cluster.coordinator.cpu:6.1f}", flush=True)
            if len(hashes) > 1:
                sys.exit("bench: one worker and two gave different factors")
        speedup = min(seconds[1]) / min(seconds[2])
        ceiling = apart(a, path, keys)
        kept.setdefault("ceilings", []).append({"job": job, "ratio": ceiling})
        print(f"  {job:>31}: two jobs of one thread that share nothing but the machine do {ceiling:.3f} times one's work in its time", flush=True)
        title = f"{job}: one worker / two"
        if min(seconds[1]) >= 60:
            target(title, speedup, 1.8, ">=", kept["targets"])
        else:
            print(f"  {title:66} {speedup:8.3f}   (less than a minute: no target)")
