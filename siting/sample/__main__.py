"""Rebuild the shipped sample: ``python -m siting.sample [FOLDER]``."""

import sys
from pathlib import Path

from siting.sample import HOME, facts, make, write

if __name__ == "__main__":
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else HOME
    for path in write(make(**facts().frames()), folder):
        sys.stdout.write(f"{path.relative_to(folder)} {path.stat().st_size}\n")
