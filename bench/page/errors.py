"""One evaluator for every program: the errors of stored factors against the matrix, in float64, block by block of rows."""
import json, pathlib
import numpy as np

FIELDS = ["l1", "lp", "frobenius", "max_row"]


def errors(A, U, V, p, block=2048):
    """Errors of A (n x d) - U (n x k) V (k x d): sum of absolute values, (sum |.|^p)^(1/p), Frobenius, largest row's length."""
    if U.shape != (len(A), V.shape[0]) or V.shape[1] != A.shape[1]:
        raise ValueError(f"factors {U.shape} and {V.shape} do not fit a matrix {A.shape}")
    V = V.astype(np.float64)
    l1 = lp = squares = largest = 0.0
    for first in range(0, len(A), block):
        rows = slice(first, first + block)
        R = np.abs(A[rows].astype(np.float64) - U[rows].astype(np.float64) @ V)
        lengths = np.einsum("ij,ij->i", R, R)
        l1, squares, largest = l1 + R.sum(), squares + lengths.sum(), max(largest, lengths.max())
        lp += (R * np.sqrt(R)).sum() if p == 1.5 else (R**p).sum()
    figures = [l1, lp ** (1 / p), squares**0.5, largest**0.5]
    if not np.isfinite(figures).all():
        raise ValueError("the factors hold values that are not finite")
    return dict(zip(FIELDS, map(float, figures)))


def read_factors(path):
    """U (n x k) and V (k x d) as stored: a peer's .npz, or the model.safetensors in a directory that clusterlp wrote for a .npy."""
    path = pathlib.Path(path)
    if path.suffix == ".npz":
        with np.load(path) as stored:
            return stored["U"], stored["V"]
    raw = np.memmap(path / "model.safetensors", mode="r")
    size = int(raw[:8].view("<u8")[0])
    tensors = {}
    for name, tensor in json.loads(bytes(raw[8:8 + size])).items():
        if name == "__metadata__":
            continue
        if tensor["dtype"] != "F32":
            raise ValueError(f"{path}: {name} is {tensor['dtype']}; the benchmarks store F32")
        first, end = tensor["data_offsets"]
        tensors[".".join(name.rsplit(".", 2)[-2:])] = raw[8 + size + first:8 + size + end].view("<f4").reshape(tensor["shape"])
    return tensors["0.weight"], tensors["1.weight"].T
