"""Memory control groups: a limit that the kernel enforces, page cache and all."""
import os, pathlib, time

V1, V2 = pathlib.Path("/sys/fs/cgroup/memory"), pathlib.Path("/sys/fs/cgroup")


class Group:
    """A control group with a memory limit; None in place of one where this user cannot make any."""

    def __init__(self, folder, names):
        self.folder, self.names = folder, names

    @staticmethod
    def create(name, limit):
        one = (V1 / "cgroup.procs").exists()
        folder = (V1 if one else V2) / f"clusterlp-bench-{os.getpid()}-{name}"
        names = ("memory.limit_in_bytes", "memory.max_usage_in_bytes") if one else ("memory.max", "memory.peak")
        try:
            folder.mkdir()
            (folder / names[0]).write_text(str(limit))
            if not one:
                (folder / "memory.swap.max").write_text("0")
            return Group(folder, names)
        except OSError:
            if folder.exists():
                folder.rmdir()
            return None

    def enter(self):
        """In a child, before it becomes the measured program."""
        (self.folder / "cgroup.procs").write_text(str(os.getpid()))

    @property
    def peak(self):
        """Largest use, in bytes: of the limit's kind, so with the page cache."""
        return int((self.folder / self.names[1]).read_text())

    def close(self):
        for _ in range(50):
            try:
                self.folder.rmdir()
                return
            except OSError:
                time.sleep(0.1)
