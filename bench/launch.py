"""usage: launch.py SECONDS COMMAND...: runs the command, stops it after SECONDS (0: never), and prints one JSON line: whether
it was stopped, its exit code, wall seconds, CPU seconds, peak resident MiB and standard output.
A process of its own because the kernel counts the memory of whoever forks into the peak of the child: this one is small."""
import json, os, subprocess, sys, threading, time

limit = float(sys.argv[1])
start = time.perf_counter()
process = subprocess.Popen(sys.argv[2:], stdout=subprocess.PIPE)
alarm = threading.Timer(limit, process.kill)
if limit > 0:
    alarm.start()
text = process.stdout.read()
_, status, usage = os.wait4(process.pid, 0)
seconds = time.perf_counter() - start
alarm.cancel()
process.returncode = os.waitstatus_to_exitcode(status)
print(json.dumps({"stopped": 0 < limit <= seconds and process.returncode < 0, "exit": process.returncode, "seconds": seconds,
                  "cpu_seconds": usage.ru_utime + usage.ru_stime, "peak_mib": usage.ru_maxrss / 1024, "output": text.decode(errors="replace")}))
