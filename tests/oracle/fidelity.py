#!/usr/bin/env python3
"""What `clusterlp evaluate` should say, by numpy in float64 and with whole matrices in memory.

usage: fidelity.py MODEL.npy OUT/model.safetensors [--activations X.npy] [--weights W.txt]

Every row is a query, the SVD is numpy's of the (row-weighted) matrix, outputs are computed from the activations themselves.
Prints one JSON object. Used by tests/Cli.Tests/EvaluateTests.cs.
"""
import argparse
import json
import struct
import numpy as np

NEIGHBOURS, WORST = 10, 10


def safetensors(path):
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        data = file.read()
    return {name: np.frombuffer(data[entry["data_offsets"][0]:entry["data_offsets"][1]], "<f4").reshape(entry["shape"])
            for name, entry in header.items() if name != "__metadata__"}


def cosines(a, b):
    return (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)


def neighbours(m):
    unit = m / np.linalg.norm(m, axis=1, keepdims=True)
    similarity = unit @ unit.T
    np.fill_diagonal(similarity, -np.inf)
    return np.argsort(-similarity, axis=1, kind="stable")[:, :NEIGHBOURS]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("output")
    parser.add_argument("--activations")
    parser.add_argument("--weights")
    arguments = parser.parse_args()
    a = np.load(arguments.model).astype(float)
    tensors = safetensors(arguments.output)
    u, vt = (next(t for name, t in tensors.items() if name.endswith(end)).astype(float) for end in (".0.weight", ".1.weight"))
    k = u.shape[1]
    weights = np.loadtxt(arguments.weights) if arguments.weights else np.ones(len(a))
    right = np.linalg.svd(np.sqrt(weights)[:, None] * a, full_matrices=False)[2][:k]
    # Rows of zeros have neither direction nor neighbours.
    kept = np.linalg.norm(a, axis=1) > 0
    numbers = np.flatnonzero(kept)
    rank = np.empty(len(a), int)
    rank[np.argsort(-weights, kind="stable")] = np.arange(len(a))
    ours, svd = u @ vt.T, a @ right.T @ right
    true = neighbours(a[kept])
    edges, end = [0], 100
    while edges[-1] < len(a):
        edges.append(min(end, len(a)))
        end *= 10
    result = {"rows": len(a), "zeroRows": int((~kept).sum()), "edges": edges}
    for name, b in (("ours", ours), ("svd", svd)):
        found = neighbours(b[kept])
        overlap = np.array([len(set(x) & set(y)) / NEIGHBOURS for x, y in zip(true, found)])
        cosine, error = cosines(a[kept], b[kept]), np.linalg.norm(a - b, axis=1)
        ratio = np.linalg.norm(b[kept], axis=1) / np.linalg.norm(a[kept], axis=1)
        bands = []
        for low, high in zip(edges, edges[1:]):
            inside = (rank >= low) & (rank < high)
            within = inside[kept]
            bands.append({
                "relativeError": float(np.sqrt((error[inside] ** 2).sum() / (a[inside] ** 2).sum())),
                "meanCosine": float(cosine[within].mean()), "leastCosine": float(cosine[within].min()),
                "meanNormRatio": float(ratio[within].mean()), "overlap": float(overlap[within].mean())})
        relative = error[kept] / np.linalg.norm(a[kept], axis=1)
        order = np.argsort(-relative, kind="stable")[:WORST]
        result[name] = {
            "overlap": float(overlap.mean()), "relativeError": float(np.linalg.norm(a - b) / np.linalg.norm(a)), "bands": bands,
            "worst": [int(numbers[i]) for i in order], "worstErrors": [float(relative[i]) for i in order]}
        if arguments.activations:
            x = np.load(arguments.activations).astype(float)
            result[name]["output"] = float(np.linalg.norm(x @ a.T - x @ b.T) / np.linalg.norm(x @ a.T))
    print(json.dumps(result))


if __name__ == "__main__":
    main()
