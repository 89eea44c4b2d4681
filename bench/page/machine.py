"""What the figures were measured on."""
import datetime, importlib, json, os, pathlib, platform, subprocess
from measure import PROGRAM, ROOT


def cpu():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def peers_blas():
    """The BLAS that numpy calls, as threadpoolctl (a dependency of scikit-learn) sees it."""
    import numpy, threadpoolctl  # noqa: F401 (numpy loads the library)
    libraries = [f"{x['internal_api']} {x['version']}, {x.get('architecture', 'unknown kernels')}, {x['num_threads']} threads" for x in threadpoolctl.threadpool_info() if x["user_api"] == "blas"]
    return libraries[0] if libraries else "unknown"


def commit():
    found = subprocess.run(["git", "-C", str(ROOT), "rev-parse", "--short=12", "HEAD"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    return found.stdout.strip() or "unknown"


def describe():
    doctor = {x["subject"]: x["found"] for x in json.loads(subprocess.run(
        [PROGRAM, "doctor", "--json"], stdout=subprocess.PIPE, text=True).stdout)}
    version = subprocess.run([PROGRAM, "--version"], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
    packages = {name: importlib.import_module(name).__version__ for name in ("numpy", "scipy", "sklearn", "dask", "matplotlib")}
    return {
        "date": datetime.date.today().isoformat(), "cpu": cpu(), "cores": len(os.sched_getaffinity(0)),
        "memory_gib": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, "system": f"{platform.system()} {platform.machine()}",
        "clusterlp": version, "commit": commit(), "runtime": doctor["runtime"], "kernels": doctor["kernels"],
        "factorisations": doctor["factorisations"], "python": platform.python_version(), "packages": packages, "blas": peers_blas()}
