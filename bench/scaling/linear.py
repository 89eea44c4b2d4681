"""Time of a whole job in one process as the matrix grows: a + b n, and how far every measurement lies from that line."""
from processes import compress, matrix, target


def line(points):
    """a, b of the line that minimises the relative squared distances to (n, seconds)."""
    # Weighted least squares with weights 1/seconds^2, by its two normal equations.
    w = [(n, t, 1 / t**2) for n, t in points]
    s, sn, snn = sum(x[2] for x in w), sum(x[2] * x[0] for x in w), sum(x[2] * x[0] ** 2 for x in w)
    st, snt = sum(x[2] * x[1] for x in w), sum(x[2] * x[0] * x[1] for x in w)
    b = (s * snt - sn * st) / (s * snn - sn * sn)
    return (st - b * sn) / s, b


def run(a, results):
    kept = results.setdefault("linear", {"runs": [], "targets": []})
    print(f"time with n: d = {a.columns}, rank {a.rank}, compress with all cores, best of {a.repeat}")
    for method in a.methods:
        options = ["--method", "svd"] if method == "svd" else ["--p", "1.5"]
        points = []
        for n in a.rows:
            path = matrix(a.work, n, a.columns)
            # Short jobs are measured more often: what else the machine does weighs more in them.
            runs = [compress(a, path, "linear", "--rank", a.rank, *options) for _ in range(a.repeat if n >= 1_000_000 else 2 * a.repeat)]
            best = min(runs, key=lambda r: r.seconds)
            points.append((n, best.seconds, min(r.cpu for r in runs)))
            tensor = best.printed["tensors"][0]
            kept["runs"].append({"method": method, "rows": n, "columns": a.columns, "seconds": best.seconds, "cpu": points[-1][2],
                                 "parts": best.printed["seconds"], "refine_rounds": tensor["refineRounds"]})
        for what, column in (("seconds", 1), ("processor seconds", 2)):
            start, slope = line([(p[0], p[column]) for p in points])
            worst = 0
            for p in points:
                off = p[column] / (start + slope * p[0]) - 1
                worst = max(worst, abs(off))
                print(f"  {method:6} {p[0]:9,} rows {p[column]:8.2f} {what:17}  {off:+6.1%} of {start:.2f} + {slope * 1e6:.2f} a million rows", flush=True)
            if column == 1:
                target(f"{method}: farthest from the line", worst, 0.10, "<=", kept["targets"])
