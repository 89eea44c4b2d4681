#!/usr/bin/env python3
"""Checks a finished job's certificate: solves sampled rows exactly given its stored V (linear programming at p = 1, Newton
steps elsewhere; tests/oracle/regression.py) and compares the sums. Needs numpy and scipy; float32 factors of a .npy.
usage: exact.py MATRIX.npy OUTPUT-DIRECTORY [ROWS (20)]"""
import json, pathlib, sys, time
import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "oracle"))
from regression import optimum  # noqa: E402


def factors(path):
    """The two float32 tensors of a safetensors file, by the ends of their names."""
    raw = path.read_bytes()
    length = int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8:8 + length])
    found = {}
    for name, entry in header.items():
        if name != "__metadata__" and entry["dtype"] == "F32":
            begin, end = entry["data_offsets"]
            found[name.split(".")[-2]] = np.frombuffer(raw[8 + length + begin:8 + length + end], "<f4").reshape(entry["shape"])
    return found["0"], found["1"].T.astype(float)


def main():
    if not 3 <= len(sys.argv) <= 4:
        sys.exit(__doc__)
    matrix, output = np.load(sys.argv[1], mmap_mode="r"), pathlib.Path(sys.argv[2])
    tensor = json.loads((output / "clusterlp.json").read_text())["tensors"][0]
    u, v = factors(output / "model.safetensors")
    p, count = tensor["p"], int(sys.argv[3]) if len(sys.argv) == 4 else 20
    ours = best = worst = 0.0
    start = time.perf_counter()
    for i in np.linspace(0, len(matrix) - 1, count).astype(int):
        a = matrix[i].astype(float)
        error = (np.abs(a - u[i].astype(float) @ v) ** p).sum() ** (1 / p)
        least = optimum(v, a, p)
        ours, best = ours + error ** p, best + least ** p
        worst = max(worst, error / least - 1)
    print(f"p = {p}, {count} rows solved exactly in {time.perf_counter() - start:.0f} s: the sum of |r|^p is {100 * (ours / best - 1):.3f} % above its "
          f"least (certified on all rows: {100 * tensor['sumGap']:.3f} %), the worst row's norm {100 * worst:.3f} % (certified: {100 * tensor['largestGap']:.3f} %)")
    if ours / best - 1 < -1e-6 or worst > tensor["largestGap"] / (1 - tensor["largestGap"]) + 1e-5:
        sys.exit("the certificate does not hold")


if __name__ == "__main__":
    main()
