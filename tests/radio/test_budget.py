"""The link budget of one path, held against the compiled run over all units."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from shapely.geometry import box

from siting.radio import budget as b
from siting.radio import coverage as radio
from siting.radio import demand, network
from siting.radio import terrain as t
from siting.radio.calibration import Calibration, ClassFit
from siting.radio.links import kinds_at
from siting.radio.network import shipped_gear
from siting.radio.scene import Antenna, Receiver
from tests.radio.radio_scenes import CRS, buildings, grid, sector

CARRIER = network.load_networks()["ctcu-n78-a"]


def fits(state, **more):
    given = {"offset_db": -4.0, "slope_db": 3.0, "pattern": 0.3, "power": 0.5, "power_mean_dbm": 17.0, "n": 200}
    return ClassFit(CARRIER.name, state, "", **given | more)


def calibrated(beta):
    made = (fits(0, beta=beta, loss_mean_db=25.0), fits(1, offset_db=2.0), fits(2, pattern=0.8, beta=beta))
    return Calibration(made, {}, pd.DataFrame(), pd.DataFrame(), usable=True)


@pytest.fixture(scope="module")
def town():
    frame = buildings(3).reset_index(drop=True)
    ground = np.tile(10.0 + 0.02 * grid().centres()[0], (120, 1))
    surface = t.from_layers(grid(), frame, ground_m=ground)[0]
    outline = gpd.GeoDataFrame({"level": ["district"], "name": ["d"]}, geometry=[box(0, 0, 300, 300)], crs=CRS)
    units = demand.units(grid(20.0), surface, {"buildings": frame, "districts": outline})
    masts = [
        sector("s1", 0, easting=41.0, northing=52.0, height=35.0, azimuth=40.0),
        sector("s2", 0, easting=251.0, northing=222.0, height=60.0, azimuth=230.0, mechanical_tilt_deg=3.0),
    ]
    return surface, units, pd.DataFrame(masts)


@pytest.mark.parametrize("calibration", [None, calibrated(0.0), calibrated(0.4)], ids=["textbook", "fitted", "bent"])
def test_one_path_gives_the_level_that_the_run_gives(town, calibration):
    surface, units, masts = town
    found = radio.coverage(masts, surface, units, CARRIER, calibration=calibration)
    kinds, same = kinds_at(CARRIER.frequency_ghz), []
    for i in np.random.default_rng(4).choice(np.flatnonzero(found.server >= 0), 80, replace=False):
        unit, row = units.iloc[i], found.sectors.iloc[int(found.server[i])]
        kind = "outdoor" if unit.floor == 0 else str(unit.building_class)
        antenna = Antenna(row.easting_m, row.northing_m, row.antenna_height_m, row.mount)
        path = t.trace(surface, antenna, Receiver(unit.easting_m, unit.northing_m, float(unit.height_m)))
        ground = float(surface.ground_at(unit.easting_m, unit.northing_m))
        wall = float(kinds.mean_wall_db[kinds.names.index(kind)])
        place = b.Place(unit.easting_m, unit.northing_m, float(unit.height_m), ground, wall)
        fit = None if calibration is None else calibration.fit_of(CARRIER.name, path.state, kind)
        made = b.budget(row, path, place, CARRIER.frequency_ghz, patterns=shipped_gear().patterns, fit=fit)
        same.append(made.rsrp_dbm == pytest.approx(float(found.rsrp_dbm[i]), abs=0.05))
    assert np.mean(same) >= 0.96  # the sweep agrees with the exact path on 99 % of cells; footprints overlap here
