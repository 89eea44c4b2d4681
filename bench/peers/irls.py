"""numpy: IRLS for the l_2,p subspace, the textbook loop: weigh every row by its residual^(p-2), take the top eigenvectors of
the weighted Gram matrix, until the sum of residual^p falls by less than 1e-4; U by projection. In float64."""
import numpy as np
import peer


def subspace(A, rank, p, rounds=30, tolerance=1e-4):
    """V, rank x d, orthonormal rows, for A (n x d float64)."""
    weights, last = np.ones(len(A)), np.inf
    for _ in range(rounds):
        V = np.linalg.eigh((A * weights[:, None]).T @ A)[1][:, ::-1][:, :rank].T
        residuals = np.linalg.norm(A - (A @ V.T) @ V, axis=1)
        objective = (residuals**p).sum()
        if last - objective < tolerance * objective:
            break
        last = objective
        weights = np.maximum(residuals, 1e-3 * np.median(residuals) + 1e-30) ** (p - 2)
    return V


def factorise(A, rank, p):
    V = subspace(A.astype(np.float64), rank, p).astype(np.float32)
    return A @ V.T, V


if __name__ == "__main__":
    peer.main(factorise)
