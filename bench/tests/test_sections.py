"""What did not end is named on the page with its reason, and the rest is measured."""
import pathlib, sys, tempfile, unittest, unittest.mock

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import numpy as np
from page import contenders, sections


class AtRank(unittest.TestCase):
    def test_a_peer_that_fails_is_left_out_with_its_reason(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "matrix.npy"
            A = np.random.default_rng(0).standard_normal((60, 6)).astype(np.float32)
            np.save(path, A)
            broken = contenders.Contender("broken", ("--no-such-option",), "irls.py")
            self.addCleanup(contenders.ALL.pop, "broken")
            contenders.ALL["broken"] = broken
            self.enterContext(unittest.mock.patch.object(sections, "WORK", pathlib.Path(folder)))
            results, skipped = sections.at_rank(path, A, ("full", "broken", "gram"), 0.28, 1)
        self.assertEqual([r["name"] for r in results], ["numpy: full SVD", "numpy: Gram + eigh"])
        self.assertEqual(results[0]["rank"], 3)  # floor(0.72 * 60 * 6 / 66)
        least = (np.linalg.svd(A.astype(float), compute_uv=False)[3:] ** 2).sum() ** 0.5
        for r in results:
            self.assertAlmostEqual(r["errors"]["frobenius"], least, 4)
        self.assertEqual([s["name"] for s in skipped], ["broken"])
        self.assertIn("--no-such-option", skipped[0]["reason"])


if __name__ == "__main__":
    unittest.main()
