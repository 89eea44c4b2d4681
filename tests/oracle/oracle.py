#!/usr/bin/env python3
"""Independent fits in float64 numpy, plain formulas, for tests/Core.Tests/Oracle/fits.json.

usage: oracle.py > tests/Core.Tests/Oracle/fits.json

The matrices are those of tests/Core.Tests/Support/TestMatrix.cs. l_p errors of: svd; lewis (top axes of the Lewis
ellipsoid, projected); lp (IRLS subspace from the SVD, then every row by smoothed IRLS regression, another algorithm than
the one under test); joint (V by 200 rounds of the alternating direction method, one step for all rows, V by a power step,
then the same regression).
"""
import json
import numpy as np


def matrix(rows, columns, hidden, spike, seed):
    state = seed

    def draw():
        nonlocal state
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        return (state >> 56) - 128

    x = [[draw() for _ in range(hidden)] for _ in range(rows)]
    y = [[draw() for _ in range(columns)] for _ in range(hidden)]
    scale = [2.0 ** (-6 - (1 + h).bit_length() + hidden.bit_length()) for h in range(hidden)]
    low = np.rint(np.array(x, float) * scale @ np.array(y, float))
    noise = np.array([[draw() * (spike if draw() >= 120 else 1) for _ in range(columns)] for _ in range(rows)], float)
    return (low + noise).astype(np.float32).astype(float)


def top(gram, k):
    return np.linalg.eigh(gram)[1][:, ::-1][:, :k].T


def lewis(A, p, k):
    w = np.full(len(A), A.shape[1] / len(A))
    for _ in range(60):
        M = A.T @ (A * w[:, None] ** (1 - 2 / p))
        w = np.einsum("ij,ij->i", A @ np.linalg.inv(M), A) ** (p / 2)
    return top(A.T @ (A * w[:, None] ** (1 - 2 / p)), k)


def subspace(A, p, k):
    V, last = top(A.T @ A, k), np.inf
    for _ in range(30):
        r = np.maximum(np.linalg.norm(A - A @ V.T @ V, axis=1), 1e-6 * np.linalg.norm(A, axis=1))
        if last - (r**p).sum() < 1e-4 * (r**p).sum():
            break
        last = (r**p).sum()
        V = top(A.T @ (A * np.maximum(r, 1e-3 * np.median(r))[:, None] ** (p - 2)), k)
    return V


def regress(A, V, p):
    L = np.empty_like(A)
    for i, a in enumerate(A):
        u = V @ a
        for smooth in [1.0] * 10 + [1e-2] * 20 + [1e-4] * 40 + [1e-6] * 80:
            r = a - u @ V
            w = (r * r + (smooth * np.abs(r).mean()) ** 2 + 1e-300) ** ((p - 2) / 2)
            u = np.linalg.solve((V * w) @ V.T, (V * w) @ a)
        L[i] = u @ V
    return L


def prox(X, step, p):
    a = np.abs(X)
    if p == 1:
        z = np.maximum(a - step, 0)
    elif p == 1.5:
        z = (np.sqrt(2.25 * step**2 + 4 * a) - 1.5 * step) ** 2 / 4
    else:
        z = np.maximum(np.minimum(a, (a / (step * p)) ** (1 / (p - 1))), 1e-30)
        for _ in range(30):
            z = np.maximum(z - (z + step * p * z ** (p - 1) - a) / (1 + step * p * (p - 1) * z ** (p - 2)), 1e-3 * z)
    return np.copysign(z, X)


def joint(A, V, p, rounds=200):
    """The V with the lowest sum |A - L|^p that the method passes, from an l_2,p subspace."""
    L = A @ V.T @ V
    step, Y, best, found = np.abs(A - L).mean() ** (2 - p), np.zeros_like(A), np.inf, V
    for _ in range(rounds):
        S = prox(A - L + Y, step, p)
        Z = A - S + Y
        V = np.linalg.qr(Z.T @ (Z @ V.T))[0].T
        L = Z @ V.T @ V
        Y += A - L - S
        now = (np.abs(A - L) ** p).sum()
        if now < best:
            best, found = now, V
    return found


def main():
    fits = []
    for shape in [dict(rows=600, columns=24, hidden=12, spike=8, seed=1), dict(rows=400, columns=32, hidden=20, spike=1, seed=2)]:
        A = matrix(**shape)
        for p, k in [(1.0, 16), (1.2, 10), (1.5, 16), (1.5, 6), (1.8, 16)]:
            V = top(A.T @ A, k)
            W = lewis(A, p, k)
            S = subspace(A, p, k)
            errors = {"svd": A @ V.T @ V, "lewis": A @ W.T @ W, "lp": regress(A, S, p), "joint": regress(A, joint(A, S, p), p)}
            fits.append(shape | {"p": p, "rank": k} | {m: (np.abs(A - L) ** p).sum() ** (1 / p) for m, L in errors.items()})
    print(json.dumps(fits, indent=1))


if __name__ == "__main__":
    main()
