"""scikit-learn: randomized_svd with its default settings. usage: randomized_svd.py MATRIX.npy RANK OUT.npz"""
import json, sys, time
import numpy as np
from sklearn.utils.extmath import randomized_svd

path, rank, out = sys.argv[1], int(sys.argv[2]), sys.argv[3]
A = np.load(path)
start = time.perf_counter()
U, s, V = randomized_svd(A, rank, random_state=0)
bare = time.perf_counter() - start
np.savez(out, U=U * s, V=V)
print(json.dumps({"randomized_svd_seconds": bare}))
