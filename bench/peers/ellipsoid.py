"""numpy: the published method (Tukan, Maalouf, Weksler and Feldman, arXiv 2009.05647), written from the paper: the Loewner
ellipsoid, of least volume around the body {x : ||Ax||_p <= 1}; its axes in which ||Ax||_p is largest kept; U by projection.

Cutting planes of the dual problem: the least ellipsoid around points of the body's surface (Khachiyan's algorithm), and
points that stick out of it added until none is found more than TOLERANCE outside. They are sought by ascent from the
ellipsoid's axes, the points at hand and random ones; to prove that none is left would take the maximum of a convex function,
which is hard. O(n d^2) for each point and step, and up to d (d + 1) / 2 points touch the ellipsoid: for small d only."""
import numpy as np
import peer

TOLERANCE = 1e-2
ROUNDS = 200
STEPS = 6


def on_surface(A, X, p):
    """Columns of X, d x m, scaled to ||Ax||_p = 1."""
    return X / (np.abs(A @ X) ** p).sum(0) ** (1 / p)


def ascend(A, M, X, p):
    """Columns moved so that x^T M x rises on the surface. With weights w = |Ax|^(p-2), ||y||_p^p has a quadratic above it that
    touches it at x; the y farthest along M x under that quadratic is one linear solve away."""
    X = on_surface(A, X, p)
    for _ in range(STEPS):
        sizes = np.abs(A @ X)
        W = np.maximum(sizes, 1e-6 * sizes.mean(0)) ** (p - 2)
        C = M @ X
        X = on_surface(A, np.stack([np.linalg.solve((A * w[:, None]).T @ A, c) for w, c in zip(W.T, C.T)], axis=1), p)
    return X


def least_ellipsoid(X, u, tolerance=2e-3):
    """M (d x d) of the least {x : x^T M x <= 1} around +-columns of X (d x m), and its weights, from weights u: Khachiyan's
    ascent with steps away from points inside (Todd and Yildirim, 2007)."""
    d = len(X)
    while True:
        inverse = np.linalg.inv((X * u) @ X.T)
        g = np.einsum("ij,ij->j", X, inverse @ X)
        far, near = g.argmax(), np.where(u > 0, g, np.inf).argmin()
        if g[far] <= (1 + tolerance) * d and g[near] >= (1 - tolerance) * d:
            return inverse / g.max(), u
        j = far if g[far] - d >= d - g[near] else near
        step = max((g[j] - d) / (d * (g[j] - 1)), -u[j] / (1 - u[j])) if g[j] > 1 else -u[j] / (1 - u[j])
        u = (1 - step) * u
        u[j] = 0 if u[j] + step < 1e-15 else u[j] + step


def loewner(A, p):
    """M (d x d) of the Loewner ellipsoid {x : x^T M x <= 1}, the rounds it took and the points that touch it."""
    M = A.T @ A
    X = np.empty((A.shape[1], 0))
    u = np.empty(0)
    random = np.random.default_rng(0)
    for round in range(1, ROUNDS + 1):
        found = ascend(A, M, np.hstack([np.linalg.eigh(M)[1], X, random.standard_normal((len(M), 2 * len(M)))]), p)
        outside = found[:, np.einsum("ij,ij->j", found, M @ found) > 1 + TOLERANCE] if X.size else found
        if not outside.size:
            return M, round, X.shape[1]
        X = np.hstack([X, outside])
        share = outside.shape[1] / X.shape[1]
        M, u = least_ellipsoid(X, np.hstack([(1 - share) * u, np.full(outside.shape[1], share / outside.shape[1])]))
        X, u = X[:, u > 0], u[u > 0]
    raise SystemExit(f"no ellipsoid after {ROUNDS} rounds")


def factorise(A, rank, p):
    A64 = A.astype(np.float64)
    M, rounds, touching = loewner(A64 / np.abs(A64).mean(), p)
    V = np.linalg.eigh(M)[1][:, ::-1][:, :rank].T
    return (A64 @ V.T).astype(np.float32), V.astype(np.float32), {"rounds": rounds, "touching": touching}


if __name__ == "__main__":
    peer.main(factorise)
