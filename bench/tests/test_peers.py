"""The peers factorise what they say, and the evaluator's errors are those of closed forms."""
import json, pathlib, struct, sys, tempfile, unittest

BENCH = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(BENCH), str(BENCH / "peers")]
import importlib
import numpy as np
from page.errors import errors, read_factors


def matrix(n=300, d=8, seed=3):
    random = np.random.default_rng(seed)
    A = random.standard_normal((n, 4)) @ random.standard_normal((4, d)) + 0.2 * random.standard_normal((n, d))
    A[random.random((n, d)) < 0.02] += 20
    return A.astype(np.float32)


class Evaluator(unittest.TestCase):
    def test_errors_are_the_sums_of_their_definitions(self):
        A = np.array([[3, 0], [0, 4], [1, 1]], np.float32)
        U, V = np.array([[1], [0], [0]], np.float32), np.array([[1, 0]], np.float32)
        for block in (1, 2, 7):  # residuals (2, 0), (0, 4), (1, 1)
            found = errors(A, U, V, 1.5, block)
            self.assertAlmostEqual(found["l1"], 8, 12)
            self.assertAlmostEqual(found["lp"], (2**1.5 + 8 + 1 + 1) ** (2 / 3), 12)
            self.assertAlmostEqual(found["frobenius"], 22**0.5, 12)
            self.assertAlmostEqual(found["max_row"], 4, 12)
        self.assertAlmostEqual(errors(A, U, V, 1)["lp"], 8, 12)

    def test_factors_that_do_not_fit_or_are_not_finite_are_refused(self):
        A, U, V = np.ones((3, 2)), np.ones((3, 1)), np.ones((1, 2))
        for u, v in ((U[:2], V), (U, V[:, :1]), (U * np.nan, V)):
            with self.assertRaises(ValueError):
                errors(A, u, v, 1.5)

    def test_our_factors_are_read_from_safetensors(self):
        U, V = np.arange(6, dtype="<f4").reshape(3, 2), np.arange(8, dtype="<f4").reshape(2, 4)
        header = json.dumps({"some.name.0.weight": {"dtype": "F32", "shape": [3, 2], "data_offsets": [0, 24]},
                             "some.name.1.weight": {"dtype": "F32", "shape": [4, 2], "data_offsets": [24, 56]}, "__metadata__": {}}).encode()
        with tempfile.TemporaryDirectory() as folder:
            (pathlib.Path(folder) / "model.safetensors").write_bytes(
                struct.pack("<Q", len(header)) + header + U.tobytes() + np.ascontiguousarray(V.T).tobytes())
            u, v = read_factors(folder)
            np.testing.assert_array_equal(u, U)
            np.testing.assert_array_equal(v, V)
            np.savez(pathlib.Path(folder) / "x.npz", U=U, V=V)
            np.testing.assert_array_equal(read_factors(pathlib.Path(folder) / "x.npz")[1], V)


class Peers(unittest.TestCase):
    def setUp(self):
        self.A = matrix()
        s = np.linalg.svd(self.A.astype(float), compute_uv=False)
        self.least = (s[5:] ** 2).sum() ** 0.5  # Eckart and Young

    def run_peer(self, name, p):
        try:
            peer = importlib.import_module(name)
        except ImportError as missing:
            self.skipTest(str(missing))
        U, V, *_ = peer.factorise(self.A, 5, p)
        return np.asarray(U), np.asarray(V), errors(self.A, np.asarray(U), np.asarray(V), p)

    def test_squared_error_peers_come_near_the_svd(self):
        for name, slack in (("full_svd", 1e-4), ("gram_eigh", 1e-4), ("truncated_svd", 1e-4), ("randomized_svd", 0.05), ("dask_svd", 0.05)):
            with self.subTest(name):
                frobenius = self.run_peer(name, 2)[2]["frobenius"]
                self.assertLess(self.least * (1 - 1e-5), frobenius)
                self.assertLess(frobenius, self.least * (1 + slack))

    def test_admm_finds_the_least_error_of_every_row(self):
        import scipy.optimize
        for p in (1, 1.5, 1.3):
            U, V, _ = self.run_peer("admm", p)
            for i in range(0, len(self.A), 30):
                found = (np.abs(self.A[i] - U[i] @ V) ** p).sum()
                best = scipy.optimize.minimize(lambda u: (np.abs(self.A[i] - u @ V) ** p).sum(), U[i], method="Powell", options={"xtol": 1e-8, "ftol": 1e-12}).fun
                self.assertLess(found, best * 1.02, (p, i))

    def test_irls_lowers_the_sum_of_row_residuals(self):
        rows = lambda U, V: np.linalg.norm(self.A - U @ V, axis=1).sum()
        self.assertLess(rows(*self.run_peer("irls", 1)[:2]), rows(*self.run_peer("full_svd", 1)[:2]))

    def test_the_ellipsoid_holds_the_body_and_touches_it(self):
        import ellipsoid
        A = matrix(200, 3).astype(float)
        for p in (1, 1.5):
            M = ellipsoid.loewner(A, p)[0]
            angles = np.random.default_rng(0).standard_normal((3, 20000))
            X = angles / (np.abs(A @ angles) ** p).sum(0) ** (1 / p)
            reach = np.einsum("ij,ij->j", X, M @ X)
            self.assertLess(reach.max(), 1.05)  # found by ascent: near p = 1 it can stop short
            self.assertGreater(reach.max(), 0.97)
            # John: shrunk by sqrt(d), the least ellipsoid lies in the body; a larger one need not touch all around.
            E = np.linalg.solve(np.linalg.cholesky(M).T, angles / np.linalg.norm(angles, axis=0))
            self.assertLess((np.abs(A @ E) ** p).sum(0).max() ** (1 / p), 3**0.5 * 1.02)


if __name__ == "__main__":
    unittest.main()
