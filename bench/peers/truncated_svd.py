"""scikit-learn: TruncatedSVD with its ARPACK solver (its default solver is randomized_svd, a peer of its own here)."""
import peer
from sklearn.decomposition import TruncatedSVD


def factorise(A, rank, p):
    svd = TruncatedSVD(rank, algorithm="arpack", random_state=0)
    U = svd.fit_transform(A)
    return U, svd.components_


if __name__ == "__main__":
    peer.main(factorise)
