import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from siting.plan.options import from_assets, sectors_of
from siting.plan.quality import change_db, covered_groups
from siting.radio import losprob, pathloss
from siting.radio.network import load_networks, shipped_gear

NETWORK = load_networks()["ctcu-n78-a"]


def _pole():
    row = {"asset_id": "a", "class": "street_light", "mount_height_m": 8.0, "geometry": shapely.Point(0, 0)}
    frame = gpd.GeoDataFrame([row], geometry="geometry", crs="EPSG:4548")
    return sectors_of(from_assets(frame, network=NETWORK.name, operators=NETWORK.operators))


def _people(east_m, rsrp_dbm, sinr_db, persons=10.0):
    row = {"easting_m": east_m, "northing_m": 0.0, "height_m": 1.5, "persons": persons, "rsrp_dbm": rsrp_dbm,
           "sinr_db": sinr_db, "wall_db": 0.0}  # fmt: skip
    return pd.DataFrame([row])


def _level_dbm(flat_m):
    """10 W over 273 blocks of 12 subcarriers, 10 dBi less 0.5 dB of feeder, the mean over both states of TR 38.901 UMi."""
    loss = [f(flat_m, 3.45, bs_height_m=8.0, ut_height_m=1.5) for f in (pathloss.umi_los_db, pathloss.umi_nlos_db)]
    clear = float(losprob.umi_los_probability(flat_m))
    mean = clear * 10 ** (-loss[0] / 10) + (1 - clear) * 10 ** (-loss[1] / 10)
    down = np.degrees(np.arctan2(6.5, flat_m))
    lobe = min(12 * (down / 10.0) ** 2, 30.0)
    return 10 * np.log10(10_000 / (273 * 12)) + 10.0 - 0.5 - lobe + 10 * np.log10(mean)


def test_a_strong_server_keeps_its_people_and_loses_what_the_load_adds_to_the_noise():
    found = change_db(_pole(), _people(100.0, -50.0, 20.0), NETWORK, shipped_gear())
    added = 0.5 * 10 ** (_level_dbm(100.0) / 10)
    noise = 10 ** (-70.0 / 10)
    expected = -10 * np.log10((noise + added) / noise)
    assert found["persons"].tolist() == [10.0]
    assert found["person_db"].iloc[0] / 10.0 == pytest.approx(expected, abs=1e-6)
    assert expected < 0


def test_a_weak_server_is_replaced_and_becomes_what_interferes():
    found = change_db(_pole(), _people(60.0, -100.0, 3.0), NETWORK, shipped_gear())
    noise = 10 ** (-103.0 / 10) + 0.5 * 10 ** (-100.0 / 10)
    expected = _level_dbm(60.0) - 10 * np.log10(noise) - 3.0
    assert expected > 10
    assert found["person_db"].iloc[0] / 10.0 == pytest.approx(expected, abs=1e-6)


def test_people_beyond_the_reach_of_a_pole_do_not_count():
    found = change_db(_pole(), _people(301.0, -90.0, 3.0), NETWORK, shipped_gear())
    assert found["persons"].tolist() == [0.0]


def test_covered_people_are_put_together_by_squares_and_weighted():
    units = pd.DataFrame({
        "row": [0, 1, 9, 0], "col": [0, 1, 9, 0], "floor": [0, 0, 0, 0], "building_class": ["unknown"] * 4,
        "easting_m": [0.0, 10.0, 90.0, 0.0], "northing_m": 0.0, "height_m": 1.5, "persons": [1.0, 3.0, 2.0, 7.0],
        "present": [0.95, 0.99, 0.5, 0.91], "rsrp_dbm": [-80.0, -60.0, -90.0, np.nan], "sinr_db": [10.0, 2.0, 1.0, 1.0],
    })  # fmt: skip
    found = covered_groups(units, NETWORK, cell_m=10.0, cell_probability=0.9)
    assert found["persons"].tolist() == [4.0]
    assert found["rsrp_dbm"].tolist() == [-65.0]
    assert found["easting_m"].tolist() == [7.5]
