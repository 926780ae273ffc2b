import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import json
import numpy as np, pandas as pd
from tests.radio.radio_scenes import buildings, grid
from siting.radio import kernels_samples, rays, terrain
ground = terrain.from_layers(grid(side_m=60.0), buildings(3, count=4, side_m=60.0))[0]
row, col = np.divmod(np.arange(0, 576, 23), 24)
frame = pd.DataFrame({"easting_m": 2.5 * col + 1.0, "northing_m": 59.0 - 2.5 * row, "z_m": 1.5})
frame = frame.assign(antenna_easting_m=31.3, antenna_northing_m=28.7, antenna_z_m=30.0, roof=0, frequency_ghz=3.5)
found = rays.with_rays(frame, ground)
depth, building = np.zeros(len(row)), ground.building[row, col].astype(np.int32)
turn = np.arange(len(row))
field = terrain.field_of(ground, row, col)
kernels_samples.depths(field, row, col, np.cos(turn), np.sin(turn), building, np.full(len(row), 80.0), depth)
print(json.dumps([found[list(rays.UNDER)].to_numpy().tolist(), depth.tolist()]))
"""


def _run(**environment):
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SCRIPT],
        cwd=Path(__file__).parents[2],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return json.loads(done.stdout)


def test_kernels_of_single_links_give_the_same_interpreted_and_with_bounds_checked(tmp_path):
    plain = _run()
    assert any(plain[1])
    for switch in ("NUMBA_DISABLE_JIT", "NUMBA_BOUNDSCHECK"):
        checked = _run(**{switch: "1", "NUMBA_CACHE_DIR": str(tmp_path)})
        for one, other in zip(plain[0], checked[0], strict=True):
            assert other == pytest.approx(one, abs=1e-6)
        assert checked[1] == pytest.approx(plain[1], abs=1e-6)
