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
from siting.radio import antenna, coverage, demand, network, reach, terrain
from siting.radio.calibration import Calibration, ClassFit
frame = buildings(3, count=4, side_m=60.0)
ground = terrain.from_layers(grid(side_m=60.0), frame)[0]
units = demand.units(grid(20.0, side_m=60.0), ground, {"buildings": frame})
rows = [sector(easting=31.0, northing=29.0, option_id="a"), sector(number=1, easting=31.0, northing=29.0, mechanical_tilt_deg=4.0, option_id="a", pattern="cut")]
sites = pd.DataFrame(rows)
carrier, weak = network.load_networks()["cm-n41"], network.load_thresholds()["weak-110"]
cut = tuple(10.0 + 10.0 * np.cos(np.radians(np.arange(360.0) + 180.0)))
gear = network.Gear(network.load_equipment(), {"cut": antenna.Pattern("cut", 17.0, horizontal_db=cut, vertical_db=cut)})
fits = tuple(ClassFit("cm-n41", s, "", offset_db=-3.0, pattern=0.5, beta=0.4 if s == 0 else 0.0, n=90) for s in (0, 1, 2))
taught = Calibration(fits, {}, pd.DataFrame(), pd.DataFrame(), True)
given = {"gear": gear, "calibration": taught}
found = coverage.coverage(sites, ground, units, carrier, **given)
gain = reach.reach(sites, ground, units, carrier, thresholds=weak, **given)
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
        timeout=400,
    )
    return json.loads(done.stdout)


@pytest.mark.parametrize("switch", ["NUMBA_DISABLE_JIT", "NUMBA_BOUNDSCHECK"])
def test_kernels_give_the_same_interpreted_and_with_bounds_checked(switch, tmp_path):
    plain, checked = _run(), _run(**{switch: "1", "NUMBA_OPT": "0", "NUMBA_CACHE_DIR": str(tmp_path)})
    assert checked[0] == pytest.approx(plain[0], abs=1e-4)
    assert checked[1] == pytest.approx(plain[1], abs=1e-5)
    assert checked[2] == pytest.approx(plain[2], rel=1e-5)
