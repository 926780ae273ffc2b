"""Every measured comparison still runs and prints its table; what it measures is read by people."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SCRIPTS = sorted(p for p in (ROOT / "bench").glob("*.py") if "__main__" in p.read_text(encoding="utf-8"))
# A line that only a finished table has.
LAST = {
    "data.py": "| ours, the whole import |",
    "plan.py": "ratio plain HiGHS / siting",
    "radio.py": "reach of 60 options",
}


def test_every_script_is_known_here_and_described():
    described = (ROOT / "bench" / "README.md").read_text(encoding="utf-8")
    assert {p.name for p in SCRIPTS} == set(LAST)
    assert [p.name for p in (ROOT / "bench").glob("*.py") if f"`{p.name}`" not in described] == []


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda p: p.name)
def test_a_script_prints_its_table_at_the_smallest_size(script):
    done = subprocess.run(
        [sys.executable, str(script), "--size", "small"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert LAST[script.name] in done.stdout
    assert "peak memory" in done.stdout
