"""dask: svd_compressed on blocks of 4096 rows, by default without power iterations, as dask has it."""
import dask, dask.array as da
import peer


def factorise(A, rank, p, power=0):
    U, s, V = da.linalg.svd_compressed(da.from_array(A, chunks=(4096, -1)), rank, n_power_iter=power, seed=0)
    U, V = dask.compute(U * s, V)
    return U, V


if __name__ == "__main__":
    peer.main(factorise, power=0)
