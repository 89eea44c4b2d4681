"""Runs a command and prints one JSON line: its exit code, wall seconds, CPU seconds, peak resident MiB and standard output.
A process of its own because the kernel counts the memory of whoever forks into the peak of the child: this one is small."""
import json, os, subprocess, sys, time

start = time.perf_counter()
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE)
text = process.stdout.read()
_, status, usage = os.wait4(process.pid, 0)
seconds = time.perf_counter() - start
process.returncode = os.waitstatus_to_exitcode(status)
print(json.dumps({"exit": process.returncode, "seconds": seconds, "cpu_seconds": usage.ru_utime + usage.ru_stime,
                  "peak_mib": usage.ru_maxrss / 1024, "output": text.decode(errors="replace")}))
