import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import json
import numpy as np, pandas as pd
from tests.radio.radio_scenes import buildings, grid, sector
from siting.radio import coverage, demand, network, reach, terrain
frame = buildings(3, count=4, side_m=60.0)
ground = terrain.from_layers(grid(side_m=60.0), frame)[0]
units = demand.units(grid(20.0, side_m=60.0), ground, {"buildings": frame})
rows = [sector(easting=31.0, northing=29.0, option_id="a"), sector(number=1, easting=31.0, northing=29.0, mechanical_tilt_deg=4.0, option_id="a")]
sites = pd.DataFrame(rows)
carrier, weak = network.load_networks()["cm-n41"], network.load_thresholds()["weak-110"]
found = coverage.coverage(sites, ground, units, carrier)
gain = reach.reach(sites, ground, units, carrier, thresholds=weak)
print(json.dumps([found.rsrp_dbm.astype(float).tolist(), coverage.probability(found, weak).astype(float).tolist(), gain.p.sum().item()]))
"""


def _run(**environment):
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SCRIPT],
        cwd=root,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return json.loads(done.stdout)


@pytest.mark.parametrize("switch", ["NUMBA_DISABLE_JIT", "NUMBA_BOUNDSCHECK"])
def test_kernels_give_the_same_interpreted_and_with_bounds_checked(switch, tmp_path):
    plain, checked = _run(), _run(**{switch: "1", "NUMBA_CACHE_DIR": str(tmp_path)})
    assert checked[0] == pytest.approx(plain[0], abs=1e-4)
    assert checked[1] == pytest.approx(plain[1], abs=1e-5)
    assert checked[2] == pytest.approx(plain[2], rel=1e-5)
