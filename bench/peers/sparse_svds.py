"""scipy: svds (ARPACK) of a sparse matrix, float64."""
import peer
from scipy.sparse.linalg import svds


def factorise(A, rank, p):
    U, s, V = svds(A.astype("f8"), rank, random_state=0)
    return (U * s).astype("f4"), V.astype("f4")


if __name__ == "__main__":
    peer.main(factorise)
