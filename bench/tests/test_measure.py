"""A process' time, memory, failure and limit."""
import pathlib, sys, unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import measure


def python(code):
    return [sys.executable, "-c", code]


class Run(unittest.TestCase):
    def test_memory_is_that_of_the_command_alone(self):
        kept = bytearray(b"1") * (200 << 20)  # what this process holds is not the command's
        small = measure.run("small", python("print(1)"))
        large = measure.run("large", python("x = bytearray(b'1') * (100 << 20); print(2)"))
        self.assertLess(small["peak_mib"], 60)
        self.assertGreater(large["peak_mib"], small["peak_mib"] + 90)
        self.assertEqual((small["printed"], large["printed"], len(kept)), (1, 2, 200 << 20))

    def test_a_failure_ends_the_benchmark_with_what_was_said(self):
        with self.assertRaises(SystemExit) as end:
            measure.run("the name", python("import sys; sys.exit('the reason')"))
        self.assertIn("the name", str(end.exception))
        self.assertIn("the reason", str(end.exception))

    def test_what_takes_too_long_is_left_out(self):
        runs = measure.alternating({"slow": python("import time; time.sleep(60)"), "quick": python("print(1)")}, 3, limit=5)
        self.assertNotIn("slow", runs)
        self.assertEqual(len(runs["quick"]), 3)

    def test_what_takes_long_runs_once(self):
        runs = measure.alternating({"slow": python("import time; time.sleep(1.5); print(1)"), "quick": python("print(1)")}, 2, once_above=1.5)
        self.assertEqual(len(runs["slow"]), 1)


class Targets(unittest.TestCase):
    def test_met_or_not(self):
        targets = measure.Targets()
        targets.at_most("low", 2, 1)
        targets.at_least("high", 2, 1)
        targets.ratio("ratio", 3, 4, 0.75)
        targets.ratio("not measured", None, 4, 1)
        self.assertEqual({t: f["met"] for t, f in targets.figures.items()}, {"low": False, "high": True, "ratio": True})


if __name__ == "__main__":
    unittest.main()
