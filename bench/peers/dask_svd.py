"""dask: svd_compressed on blocks of 4096 rows, by default without power iterations, as dask has it.
With them it orthogonalises in between: its default iterator overflows float32 on entries in the ten thousands."""
import dask, dask.array as da
import peer


def factorise(A, rank, p, power=0):
    U, s, V = da.linalg.svd_compressed(da.from_array(A, chunks=(4096, -1)), rank, iterator="QR" if power else "power", n_power_iter=power, seed=0)
    U, V = dask.compute(U * s, V)
    return U, V


if __name__ == "__main__":
    peer.main(factorise, power=0)
