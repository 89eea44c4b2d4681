"""The other benchmarks of the page, as they print: kernels, targets, and what else stands in bench/."""
import os, shlex, signal, subprocess, time
from measure import ROOT

CHESS = "artifacts/bench/public/nnue.npy"
ONCE = ["--repeat", "1", "--skip", "clusterlp p=1", "--skip", "clusterlp p=1 to 0.5 %"]
# Key, name in bench/, heading, what it shows, options of the full page, options of the quick one.
COMPANIONS = [
    ("run", "run", "Targets", "Whole jobs beside numpy and scikit-learn, alternating, and what the ratios should be.",
     ["--repeat", "3"], ["--rows", "4096", "--columns", "128", "--rank", "89", "--repeat", "1"]),
    ("wide", "run", "Targets, 250,002 x 1024", "The same on a larger matrix, once.",
     ["--rows", "250002", "--columns", "1024", "--rank", "718", *ONCE], ["--rows", "8192", "--columns", "128", "--rank", "89", *ONCE]),
    ("long", "run", "Targets, 1,000,000 x 300", "And on a longer one.",
     ["--rows", "1000000", "--columns", "300", "--rank", "215", *ONCE], ["--rows", "16384", "--columns", "64", "--rank", "45", *ONCE]),
    ("kernels", "kernels", "Kernels", "Our kernels beside OpenBLAS in one process.", ["5"], ["1"]),
    ("factorisations", "factorisations", "Factorisations without OpenBLAS", "Our own beside OpenBLAS', alone and in whole jobs.",
     ["--sizes", "256", "768", "1024", "--rounds", "2", "--repeat", "1"], ["--sizes", "128", "--rounds", "1", "--repeat", "0"]),
    ("regression", "regression", "Regression step", "Variants of the row-wise regression on rows of the chess network: certified gap and time.",
     [CHESS, "183", "1024", "1"], [CHESS, "183", "64", "1"]),
    ("joint", "joint", "Joint fit", "Entrywise error beside the plain one-machine prototype.", [], ["--rounds", "2"]),
    ("joint-tall", "joint", "Joint fit, more rows", "Where the start of a job weighs less.",
     ["--rows", "32768", "--compression", "0.28"], ["--rows", "2048", "--compression", "0.5", "--p", "1.5", "--rounds", "2"]),
    ("joint-chess", "joint", "Joint fit, chess network", "The same on a real embedding.",
     [CHESS, "--compression", "0.28"], [CHESS, "--compression", "0.5", "--p", "1.5", "--rounds", "2"]),
    ("scale", "scale", "Scale", "Time as the rows grow; workers, memory and the model of large clusters are in [scaling.md](scaling.md).",
     ["--only", "linear", "--rows", "50000", "200000", "1000000", "--repeat", "1"], ["--only", "linear", "--rows", "5000", "20000", "40000", "--repeat", "1"]),
]
LIMIT = 600  # seconds for one of them


def script(name):
    """bench/NAME, or bench/NAME/run; None where there is none."""
    for path in (ROOT / "bench" / name, ROOT / "bench" / name / "run"):
        if path.is_file():
            return path
    return None


def measure(key, name, heading, about, options, limit=LIMIT):
    """What it printed, how long it took and its exit code (None: stopped at the limit)."""
    path = script(name)
    shown = f"bench/{name}" if path is None else shlex.join([str(path.relative_to(ROOT)), *options])
    result = {"key": key, "title": heading, "about": about, "command": shown, "present": path is not None}
    if path is None:
        return result
    start = time.perf_counter()
    # A session of its own, so that nothing it started outlives it.
    process = subprocess.Popen([str(path), *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT, start_new_session=True)
    try:
        out, err = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGTERM)
        out, err = process.communicate()
        return result | {"seconds": time.perf_counter() - start, "exit": None, "output": out, "complaint": f"stopped after {limit} s"}
    return result | {"seconds": time.perf_counter() - start, "exit": process.returncode, "output": out, "complaint": err[-2000:]}
