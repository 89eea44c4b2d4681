"""numpy: the method of clusterlp as one would write it in an afternoon: V by IRLS (irls.py), then every row's l_p regression
on V by ADMM, in whole-matrix float32 operations."""
import numpy as np
import peer
from irls import subspace


def shrink(X, step, p):
    """argmin over z of step |z|^p + (z - x)^2 / 2, entrywise."""
    x = np.abs(X)
    if p == 1:
        z = np.maximum(x - step, 0)
    elif p == 1.5:
        z = ((np.sqrt(2.25 * step * step + 4 * x) - 1.5 * step) / 2) ** 2
    else:
        z = x / (1 + step * p)
        for _ in range(30):
            z = np.maximum(z - (z + step * p * z ** (p - 1) - x) / (1 + step * p * (p - 1) * (z + 1e-30) ** (p - 2)), 1e-3 * z)
    return np.copysign(z, X)


def regress(A, V, p, rounds=150, tolerance=1e-4):
    """U, n x rank, of lowest l_p error found for each row; the projection is the first candidate."""
    U = A @ V.T
    L = U @ V
    errors = (np.abs(A - L) ** p).sum(1)
    step = (np.abs(A - L).mean(1, keepdims=True) + 1e-30) ** (2 - p)
    Y = np.zeros_like(A)
    for t in range(1, rounds + 1):
        S = shrink(A - L + Y, step, p)
        candidate = (A - S + Y) @ V.T
        L = candidate @ V
        Y += A - L - S
        if t % 5 == 0:
            now, before = (np.abs(A - L) ** p).sum(1), errors.sum()
            better = now < errors
            U[better], errors[better] = candidate[better], now[better]
            if before - errors.sum() < tolerance * before:
                break
    return U


def factorise(A, rank, p):
    V = subspace(A.astype(np.float64), rank, p).astype(np.float32)
    return regress(A, V, p), V


if __name__ == "__main__":
    peer.main(factorise)
