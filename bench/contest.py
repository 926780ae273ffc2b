"""How the comparisons measure: medians inside a process, CPU and peak memory of whole processes."""

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Spent:
    """Seconds of a whole child process with all it started, its peak memory, and what it printed."""

    wall_s: float
    cpu_s: float
    peak_gb: float
    code: int
    out: str
    error: str


def timed(call, repeat):
    """Seconds of the first call and median seconds of `repeat` later ones (of the first if none), and the last result."""
    spent, result = [], None
    for _ in range(repeat + 1):
        wall, cpu = time.perf_counter(), time.process_time()
        result = call()
        spent.append((time.perf_counter() - wall, time.process_time() - cpu))
    wall, cpu = np.median(spent[1:] or spent, axis=0)
    return {"wall_s": float(wall), "cpu_s": float(cpu), "first_s": spent[0][0], "repeats": max(repeat, 1)}, result


def child(command, *, folder=HERE, env=None):
    """Run a command to its end and account for it and all its own children."""
    with tempfile.TemporaryDirectory() as name:
        figures = Path(name) / "figures.json"
        done = subprocess.run(
            [sys.executable, "-S", str(HERE / "launch.py"), str(figures), *command],
            cwd=folder,
            env={**os.environ, **(env or {})},
            capture_output=True,
            text=True,
            check=True,
        )
        found = json.loads(figures.read_text(encoding="utf-8"))
    return Spent(**found, out=done.stdout, error=done.stderr)


def alone(script, *arguments, python=sys.executable, env=None):
    """One contender as a whole process: the figures it prints as JSON on a line, with its peak memory."""
    paths = os.pathsep.join([str(HERE.parent), os.environ.get("PYTHONPATH", "")])
    spent = child([python, str(HERE / script), *arguments], env={"PYTHONPATH": paths, **(env or {})})
    if spent.code:
        return {"skipped": f"{script} ended with {spent.code}: {(spent.error.strip() or '-').splitlines()[-1]}"}
    told = [text[text.index("{") :] for text in spent.out.splitlines() if "{" in text]
    if not told:
        return {"skipped": f"{script} gave no figures: {(spent.out.strip() or '-').splitlines()[-1]}"}
    found = json.loads(told[-1])
    return {**found, "peak_gb": spent.peak_gb}


def line(name, figures, ours=None):
    """One row of the table."""
    if "skipped" in figures:
        return print(f"{name:<54} skipped: {figures['skipped']}")
    ratio = f"{figures['cpu_s'] / ours['cpu_s']:>9.1f}" if ours and "cpu_s" in ours else f"{'':>9}"
    first = f"{figures['first_s']:>8.2f}" if "first_s" in figures else f"{'':>8}"
    peak = f"{figures['peak_gb']:>6.2f}" if "peak_gb" in figures else f"{'':>6}"
    seconds = f"{figures['wall_s']:>10.3f}{figures['cpu_s']:>10.3f}"
    return print(f"{name:<54}{seconds}{first}{peak}{ratio}  {figures.get('note', '')}")
