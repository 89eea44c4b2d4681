"""scikit-learn: randomized_svd with its default settings, or with another number of power iterations."""
import peer
from sklearn.utils.extmath import randomized_svd


def factorise(A, rank, p, iterations=0):
    U, s, V = randomized_svd(A, rank, n_iter=iterations or "auto", random_state=0)
    return U * s, V


if __name__ == "__main__":
    peer.main(factorise, iterations=0)
