"""Peak memory of a worker, of a coordinator and of an embedded job, as the matrix grows, under a limit smaller than it."""
from groups import Group
from processes import MIB, Cluster, compress, matrix, target

LIMIT = 1 << 30


def block_bytes(rows, columns):
    """A block as the default cut makes it: at most 16 MiB of float32, and of more than four a multiple of 4."""
    at_most = max(512, (16 << 20) // 4 // columns)
    at_least = min(max(512, 2 * columns, min(rows // 8, 4 * columns)), at_most)
    blocks = -(-rows // max(at_least, min(-(-rows // 32), at_most)))
    if blocks > 4:
        fewer = blocks // 4 * 4
        blocks = fewer if fewer >= -(-rows // at_most) else fewer + 4
    return 4 * columns * -(-rows // blocks)


def allowed(rows, columns):
    return 3 * block_bytes(rows, columns) + 6 * 8 * columns**2 + 150e6


class Limited:
    """A control group where one can be made; otherwise a limit on the runtime's own heap, which is said."""

    def __init__(self, name):
        self.group = Group.create(name, LIMIT)
        self.environment = {} if self.group else {"DOTNET_GCHeapHardLimit": f"{LIMIT:x}"}
        self.how = "1 GiB control group" if self.group else "1 GiB DOTNET_GCHeapHardLimit (no control group can be made here)"

    def close(self):
        used = self.group.peak if self.group else float("nan")
        if self.group:
            self.group.close()
        return used


def run(a, results):
    d = a.columns
    kept = results.setdefault("memory", {"runs": [], "targets": []})
    print(f"memory: d = {d}, rank {a.rank}, one worker of one thread; MiB resident at the peak (of these anonymous), the limit in brackets")
    worst = {}
    for n in a.memory_rows:
        path = matrix(a.work, n, d)
        size = path.stat().st_size
        for method in a.methods:
            keys = {"method": "svd"} if method == "svd" else {"p": 1.5}
            coordinator, worker = Limited("coordinator"), Limited("worker")
            cluster = Cluster(a, path, "memory", 1, {"rank": a.rank, **keys}, groups=(coordinator.group, worker.group), environment=worker.environment)
            used = {"coordinator": coordinator.close(), "worker": worker.close()}
            entry = {"rows": n, "columns": d, "bytes": size, "method": method, "limit": worker.how, "seconds": cluster.seconds}
            for role, process in (("worker", cluster.workers[0]), ("coordinator", cluster.coordinator)):
                entry[role] = {"peak": process.peak, "anonymous": process.anonymous, "group_peak": used[role], "allowed": allowed(n, d)}
            embedded = Limited("embedded")
            options = ["--rank", a.rank] + (["--p", "1.5"] if method == "p=1.5" else ["--method", "svd"])
            alone = compress(a, path, "memory", *options, group=embedded.group, environment=embedded.environment)
            entry["embedded"] = {"peak": alone.peak, "anonymous": alone.anonymous, "group_peak": embedded.close(), "allowed": allowed(n, d), "seconds": alone.seconds}
            kept["runs"].append(entry)
            text = "  ".join(f"{role} {entry[role]['peak'] / MIB:5.0f} ({entry[role]['anonymous'] / MIB:4.0f})" for role in ("worker", "coordinator", "embedded"))
            print(f"  {n:9,} rows {size / 1e9:5.2f} GB {method:6} {text}  [{allowed(n, d) / MIB:.0f}]  {worker.how}", flush=True)
            for role in ("worker", "coordinator", "embedded"):
                worst[role] = max(worst.get(role, 0), entry[role]["peak"] / entry[role]["allowed"])
    for role in ("worker", "coordinator", "embedded"):
        target(f"{role}: largest peak / (3 blocks + 6 d^2 doubles + 150 MB)", worst[role], 1.0, "<=", kept["targets"])
