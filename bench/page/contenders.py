"""Who is on the benchmark page: our variants and the peers, each as a command that reads a .npy and writes its factors."""
import dataclasses, functools, subprocess, sys
from measure import PROGRAM, ROOT

REFERENCE = "numpy: full SVD"


@dataclasses.dataclass(frozen=True)
class Contender:
    name: str
    options: tuple
    script: str = ""  # of bench/peers; ours where empty

    @property
    def ours(self):
        return not self.script

    def output(self, folder):
        stem = "".join(c if c.isalnum() else "-" for c in self.name)
        return folder / (stem if self.ours else f"{stem}.npz")

    def command(self, matrix, rank, folder):
        out = str(self.output(folder))
        if self.ours:
            return [PROGRAM, "compress", str(matrix), "--rank", str(rank), *self.options, "--output", out, "--force", "--json", "--quiet"]
        return [sys.executable, str(ROOT / "bench" / "peers" / self.script), str(matrix), str(rank), out, *self.options]


OURS = {
    "svd": Contender("clusterlp: SVD", ("--method", "svd")),
    "lewis": Contender("clusterlp: Lewis, p = 1.5", ("--method", "lewis", "--p", "1.5")),
    "lewis1": Contender("clusterlp: Lewis, p = 1", ("--method", "lewis", "--p", "1")),
    "lp": Contender("clusterlp: p = 1.5", ("--p", "1.5")),
    "coreset": Contender("clusterlp: p = 1.5, coreset first", ("--p", "1.5", "--fit", "coreset")),
    "l1": Contender("clusterlp: p = 1", ("--p", "1")),
    "joint": Contender("clusterlp: p = 1.5, joint fit", ("--p", "1.5", "--fit", "joint")),
    "joint1": Contender("clusterlp: p = 1, joint fit", ("--p", "1", "--fit", "joint")),
}
PEERS = {
    "full": Contender(REFERENCE, (), "full_svd.py"),
    "gram": Contender("numpy: Gram + eigh", (), "gram_eigh.py"),
    "randomized": Contender("scikit-learn: randomized_svd", (), "randomized_svd.py"),
    "truncated": Contender("scikit-learn: TruncatedSVD", (), "truncated_svd.py"),
    "dask": Contender("dask: svd_compressed", (), "dask_svd.py"),
    "dask4": Contender("dask: svd_compressed, 4 power iterations", ("--power", "4"), "dask_svd.py"),
    "irls": Contender("numpy: IRLS, p = 1.5", ("--p", "1.5"), "irls.py"),
    "admm": Contender("numpy: IRLS + ADMM, p = 1.5", ("--p", "1.5"), "admm.py"),
    "admm1": Contender("numpy: IRLS + ADMM, p = 1", ("--p", "1"), "admm.py"),
    "ellipsoid": Contender("numpy: ellipsoid, p = 1.5", ("--p", "1.5"), "ellipsoid.py"),
    "ellipsoid1": Contender("numpy: ellipsoid, p = 1", ("--p", "1"), "ellipsoid.py"),
}
ALL = OURS | PEERS


@functools.cache
def help_text():
    return subprocess.run([PROGRAM, "compress", "--help"], stdout=subprocess.PIPE, text=True, check=True).stdout


def unknown(contender):
    """Why this build cannot run it, or None."""
    return "this build has no --fit joint" if "joint" in contender.options and "joint" not in help_text() else None
