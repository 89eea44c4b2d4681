"""numpy: full (thin) SVD, LAPACK's gesdd in float32, truncated. usage: full_svd.py MATRIX.npy RANK OUT.npz"""
import json, sys, time
import numpy as np

path, rank, out = sys.argv[1], int(sys.argv[2]), sys.argv[3]
A = np.load(path)
start = time.perf_counter()
U, s, V = np.linalg.svd(A, full_matrices=False)
bare = time.perf_counter() - start
np.savez(out, U=U[:, :rank] * s[:rank], V=V[:rank])
print(json.dumps({"svd_seconds": bare}))
