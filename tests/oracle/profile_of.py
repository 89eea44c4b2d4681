#!/usr/bin/env python3
"""What `clusterlp report` should draw of a layer, by numpy in float64 from whole matrices; p = 1.5.

usage: profile_of.py MODEL.npy OUT/model.safetensors

Prints one JSON object. Used by tests/Cli.Tests/Report/ProfileTests.cs.
"""
import json
import sys
import numpy as np
from fidelity import safetensors

P, RANKS, QUANTILES = 1.5, 8, 200


def quantiles(values):
    values = np.sort(values)
    return [float(values[(len(values) - 1) * q // QUANTILES]) for q in range(QUANTILES + 1)]


def main():
    a = np.load(sys.argv[1]).astype(float)
    tensors = safetensors(sys.argv[2])
    u, vt = (next(t for name, t in tensors.items() if name.endswith(end)).astype(float) for end in (".0.weight", ".1.weight"))
    d, k = a.shape[1], u.shape[1]
    left, s, right = np.linalg.svd(a, full_matrices=False)
    ranks = sorted({max(1, d * i // RANKS) for i in range(1, RANKS)} | {max(1, d // 32), max(1, d // 16), k})
    cut = lambda r: (left[:, :r] * s[:r]) @ right[:r]
    power = lambda r: (np.abs(r) ** P).sum()
    residual = a - cut(k)
    norms = np.linalg.norm(a, axis=1)
    print(json.dumps({
        "singular": s.tolist(),
        "frobenius": [float(np.linalg.norm(a - cut(r)) / np.linalg.norm(a)) for r in range(d + 1)],
        "ranks": ranks,
        "svdLp": [float((power(a - cut(r)) / power(a)) ** (1 / P)) for r in ranks],
        "rowQuantiles": quantiles(np.linalg.norm(a - u @ vt.T, axis=1) / norms),
        "svdRowQuantiles": quantiles(np.linalg.norm(residual, axis=1) / norms),
        "unit": float(np.sqrt((residual ** 2).mean())),
        "svdSizes": np.abs(residual).ravel().tolist(),
    }))


if __name__ == "__main__":
    main()
