"""Run a command from a small process, so that its peak memory is its own: ``python -S launch.py FIGURES COMMAND ...``."""

import json
import os
import subprocess
import sys
import time

figures, *command = sys.argv[1:]
start = time.perf_counter()
with subprocess.Popen(command) as run:
    _pid, status, usage = os.wait4(run.pid, 0)
    run.returncode = os.waitstatus_to_exitcode(status)
wall = time.perf_counter() - start
found = {"wall_s": wall, "cpu_s": usage.ru_utime + usage.ru_stime, "peak_gb": usage.ru_maxrss / 1e6}
with open(figures, "w", encoding="utf-8") as file:  # noqa: PTH123 - pathlib would be loaded for it
    json.dump({**found, "code": run.returncode}, file)
