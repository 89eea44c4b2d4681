#!/usr/bin/env python3
"""Maximum likelihood shapes by scipy, for tests/Core.Tests/Oracle/gennorm.json.

usage: gennorm.py > tests/Core.Tests/Oracle/gennorm.json

For matrices of tests/Core.Tests/Support/TestMatrix.cs: what numpy's SVD of a rank leaves, and on it scipy.stats.gennorm.fit
with the mean fixed at 0 (clipped to [1, 2]), and Hill's estimate from the largest 1 %.
"""
import json
import numpy as np
from scipy.stats import gennorm
from oracle import matrix


def main():
    cases = []
    for shape, rank in [
        (dict(rows=600, columns=24, hidden=12, spike=8, seed=1), 10),
        (dict(rows=600, columns=24, hidden=12, spike=2, seed=3), 12),
        (dict(rows=600, columns=24, hidden=12, spike=4, seed=5), 16),
        (dict(rows=400, columns=32, hidden=20, spike=1, seed=2), 20),
        (dict(rows=300, columns=16, hidden=4, spike=60, seed=4), 6),
    ]:
        a = matrix(**shape)
        u, s, vt = np.linalg.svd(a, full_matrices=False)
        r = (a - (u[:, :rank] * s[:rank]) @ vt[:rank]).ravel()
        b, _, _ = gennorm.fit(r, floc=0)
        sizes = np.sort(np.abs(r))[::-1]
        m = int(np.ceil(0.01 * r.size))
        cases.append(shape | {"rank": rank, "shape": float(b), "clipped": float(np.clip(b, 1, 2)),
                              "tail": float(m / np.log(sizes[:m] / sizes[m]).sum())})
    print(json.dumps(cases, indent=1))


if __name__ == "__main__":
    main()
