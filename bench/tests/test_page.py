"""The page has every program, every column and every matrix, with the right figure in the right place, and no plot is empty."""
import json, pathlib, sys, tempfile, unittest, xml.etree.ElementTree as xml

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from page import findings, render

try:
    import matplotlib  # noqa: F401
except ImportError:
    matplotlib = None

SVD, GRAM, OURS, L1 = "numpy: full SVD", "numpy: Gram + eigh", "clusterlp: p = 1.5", "clusterlp: p = 1"
MACHINE = {"date": "2020-02-02", "cpu": "A processor", "cores": 3, "memory_gib": 7.6, "system": "Linux", "clusterlp": "9.9.9", "commit": "abc",
           "runtime": ".NET 10", "kernels": "avx2", "factorisations": "OpenBLAS 0.3", "python": "3.11", "packages": {"numpy": "1.24"}, "blas": "openblas 0.3"}


def result(name, compression, rank, seconds, peak, l1, lp, frobenius, max_row):
    return {"name": name, "ours": name.startswith("clusterlp"), "compression": compression, "rank": rank, "seconds": seconds, "runs": 1, "peak_mib": peak,
            "cpu_seconds": seconds, "errors": {"l1": l1, "lp": lp, "frobenius": frobenius, "max_row": max_row}}


def section(key, rows, compressions):
    results = []
    for i, compression in enumerate(compressions):
        results += [result(SVD, compression, 50 - i, 4.0, 1000, 200, 80, 40, 8), result(OURS, compression, 50 - i, 6.0, 500, 150 + i, 72, 44, 10),
                    result(L1, compression, 50 - i, 10.0, 250, 120, 76, 50, 12)]
    results.append(result(GRAM, compressions[0], 50, 1.0, 400, 200, 80, 40, 8))
    return {"key": key, "title": f"Matrix {key}", "about": f"About {key}.", "rows": rows, "columns": 10, "p": 1.5, "quick": False, "date": "2020-02-02",
            "results": results, "skipped": [{"name": "clusterlp: p = 1, joint fit", "compression": 0.28, "reason": "this build has no --fit joint"}]}


def companion(name, **more):
    return {"key": name, "title": f"Title {name}", "about": f"Shows {name}.", "command": f"bench/{name}", "present": True, "seconds": 12.3, "exit": 0,
            "output": f"printed by {name}\n", "complaint": ""} | more


FOUND = {"generated": section("generated", 1000, [0.28]), "nnue": section("nnue", 500, [0.28, 0.5, 0.75]),
         "run": companion("run"), "kernels": companion("kernels", exit=3), "regression": companion("regression", exit=None, complaint="stopped after 240 s"),
         "scale": {"key": "scale", "title": "Scale", "about": "", "command": "bench/scale", "present": False}}


class Page(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        for name, figures in ({"machine": MACHINE} | FOUND).items():
            (self.folder / f"{name}.json").write_text(json.dumps(figures))

    def test_a_row_has_time_memory_and_errors_relative_to_svd(self):
        cells = {c[0]: c[1:] for c in (line.strip("| ").split(" | ") for line in render.table(FOUND["generated"]).splitlines())}
        self.assertEqual(cells["program"], ["s", "x SVD's", "peak MiB", "l_1", "l_1.5", "Frobenius", "largest row"])
        self.assertEqual(cells[SVD], ["4.00", "1.00", "1000", "1.000", "1.000", "1.000", "1.000"])
        self.assertEqual(cells[GRAM], ["1.00", "0.25", "400", "1.000", "1.000", "1.000", "1.000"])
        self.assertEqual(cells[OURS], ["6.00", "1.50", "500", "0.750", "**0.900**", "1.100", "1.250"])
        self.assertEqual(cells[L1], ["10.00", "2.50", "250", "**0.600**", "0.950", "1.250", "1.500"])

    def test_ranks_stand_side_by_side(self):
        lines = render.curve_table(FOUND["nnue"]).splitlines()
        self.assertEqual(lines[0], "| l_1 / l_1.5 / Frobenius | 28%, rank 50 | 50%, rank 49 | 75%, rank 48 |")
        self.assertIn(f"| {OURS} | 0.750 / 0.900 / 1.100 | 0.755 / 0.900 / 1.100 | 0.760 / 0.900 / 1.100 |", lines)
        self.assertNotIn(GRAM, render.curve_table(FOUND["nnue"]))

    def test_losses_are_said(self):
        text = "\n".join(findings.lost(FOUND))
        self.assertIn("p = 1.5: the Frobenius error is 1.10 times SVD's, the largest row's 1.25 times", text)
        self.assertIn("p = 1.5 takes 1.5 times numpy's full SVD", text)
        self.assertNotIn("numpy's Gram + eigh", text)  # SVD of ours was not measured here
        better = json.loads(json.dumps(FOUND))
        better["nnue"]["results"].append(result("numpy: other", 0.28, 50, 1.0, 100, 60, 80, 40, 8))
        text = "\n".join(findings.lost(better))
        self.assertIn("numpy: other has the lowest l_1 error, 50.00% below our best", text)
        self.assertIn("Memory, Matrix nnue: the leanest of ours takes 250 MiB; less take numpy: other.", text)

    def test_gains_are_said(self):
        text = "\n".join(findings.won(FOUND))
        self.assertIn("p = 1.5: the l_1.5 error is 0.900 of SVD's", text)
        self.assertIn("p = 1: the l_1 error is 0.600 of SVD's", text)
        self.assertIn("Memory, Matrix nnue: 0.25 to 0.50 of numpy's full SVD", text)

    @unittest.skipUnless(matplotlib, "matplotlib is missing")
    def test_the_page_has_every_piece_and_its_plots_show_every_program(self):
        page = self.folder / "docs" / "benchmarks.md"
        render.render(self.folder, page)
        text = page.read_text()
        for piece in [s["title"] for s in FOUND.values() if "results" in s] + ["3 cores", "A processor", "avx2", "numpy 1.24", "2020-02-02",
                      "printed by run", "exit code 3", "stopped after 240 s", "`bench/scale` is not part of this version", "Not measured: lid, heavy",
                      "joint fit (this build has no --fit joint)"]:
            self.assertIn(piece, text)
        self.assertNotIn("$", text)
        plots = sorted((self.folder / "docs" / "benchmarks").iterdir())
        self.assertEqual([p.name for p in plots], ["curves.svg", "time-and-error.svg", "time-and-memory.svg"])
        for plot in plots:
            self.assertIn(f"](benchmarks/{plot.name})", text)
            drawing = "".join(xml.parse(plot).getroot().itertext())
            for name in ("p = 1.5", "p = 1"):
                self.assertIn(name, drawing, plot.name)
        self.assertIn(GRAM, "".join(xml.parse(plots[1]).getroot().itertext()))
        before = [p.read_bytes() for p in plots]
        render.render(self.folder, page)
        self.assertEqual(before, [p.read_bytes() for p in plots])


if __name__ == "__main__":
    unittest.main()
