"""numpy: eigenvectors of the float64 Gram matrix, then the projection. usage: gram_eigh.py MATRIX.npy RANK OUT.npz"""
import json, sys, time
import numpy as np

path, rank, out = sys.argv[1], int(sys.argv[2]), sys.argv[3]
A = np.load(path)
start = time.perf_counter()
A64 = A.astype(np.float64)
gram = A64.T @ A64
del A64
values, vectors = np.linalg.eigh(gram)
bare = time.perf_counter() - start
V = np.ascontiguousarray(vectors[:, ::-1][:, :rank].T).astype(np.float32)
U = A @ V.T
np.savez(out, U=U, V=V)
print(json.dumps({"gram_eigh_seconds": bare}))
