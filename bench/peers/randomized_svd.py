"""scikit-learn: randomized_svd with its default settings."""
import peer
from sklearn.utils.extmath import randomized_svd


def factorise(A, rank, p):
    U, s, V = randomized_svd(A, rank, random_state=0)
    return U * s, V


if __name__ == "__main__":
    peer.main(factorise)
