"""A real campus, measured: a transmitter drove about, fixed receivers listened; by reciprocity the receivers are sites.

Each receiver is the measuring device of its own samples, so its unknown calibration is the offset of a device.  The log
holds -101 while a receiver was switched off (a handful of switches per receiver, without regard to distance); those
rows are no samples.
"""

import numpy as np
import pandas as pd
import pytest
from pyproj import Transformer

from siting.radio import antenna, calibrate, heldout, network, samplelinks, terrain
from tests.radio.radio_scenes import buildings, grid

CRS = "EPSG:32612"
OFF_DBM = -101.0
CARRIER = network.Network(
    "cw462", ("powder",), "462 MHz", 0.4627, 0.0, 15.0, 1, "cw462", 0.0, 7.0, True, "POWDER single transmitter", "std"
)
GEAR = network.Gear(network.load_equipment(), {"listener": antenna.isotropic()})
OPTIONS = calibrate.Options(floor_dbm=OFF_DBM, level_dbm=-90.0, far_m=3000.0)


@pytest.fixture(scope="module")
def campus(data_folder):
    folder = data_folder / "powder-utah"
    if not folder.is_dir():
        pytest.skip("the folder of real data holds no powder-utah")
    log, places = pd.read_csv(folder / "single_tx.csv"), pd.read_csv(folder / "receiver_locations.csv")
    project = Transformer.from_crs("EPSG:4326", CRS, always_xy=True).transform
    x, y = project(places["lon_deg"].to_numpy(), places["lat_deg"].to_numpy())
    east, north = project(log["tx_y_coord"].to_numpy(), log["tx_x_coord"].to_numpy())
    west, south = east.min() - 500.0, north.min() - 500.0
    sites = pd.DataFrame(
        {
            "site_id": places["receiver"],
            "sector_id": places["receiver"],
            "easting_m": x - west,
            "northing_m": y - south,
            "antenna_height_m": 5.0,
            "mount": "pole",
            "azimuth_deg": 0.0,
            "equipment": "micro-2x5w",
            "pattern": "listener",
            "power_w": 1.0,
            "model": "free_space",
        }
    )
    heard = log.melt(
        id_vars="timestamp", value_vars=list(places["receiver"]), var_name="site_id", value_name="rsrp_dbm"
    )
    heard = heard.assign(
        time=heard["timestamp"],
        easting_m=np.tile(east - west, len(places)),
        northing_m=np.tile(north - south, len(places)),
        network=CARRIER.name,
        sector_id=heard["site_id"],
        device_id=heard["site_id"],
    )
    away = np.hypot(
        heard["easting_m"] - np.repeat(x - west, len(log)), heard["northing_m"] - np.repeat(y - south, len(log))
    )
    heard = heard[(heard["rsrp_dbm"] > OFF_DBM) & (away.to_numpy() >= 20.0)]
    ground = terrain.from_layers(grid(10.0, 4500.0), buildings(0, count=0))[0]
    return heard, sites, ground


@pytest.fixture(scope="module")
def calibrated(campus):
    heard, sites, ground = campus
    return calibrate.fit(heard, sites, ground, {CARRIER.name: CARRIER}, seed=1, gear=GEAR, options=OPTIONS)


def test_the_error_on_unseen_blocks_of_a_real_campus_is_at_most_seven_decibels(calibrated):
    table = calibrated.metrics
    held = {n: heldout.whole(table, n, "rmse_db") for n in ("calibrated", "constant", "free_space", "uncalibrated")}
    assert calibrated.fits[0].n > 40_000
    assert held["calibrated"] <= 7.0
    assert held["calibrated"] < held["free_space"] - 1.0 < held["constant"] - 2.0
    assert held["uncalibrated"] > 20.0
    assert calibrated.usable


def test_weak_places_of_a_real_campus_are_told_better_than_by_distance(calibrated):
    f1 = {n: heldout.whole(calibrated.metrics, n, "f1") for n in ("calibrated", "distance", "constant")}
    assert f1["calibrated"] > f1["distance"] + 0.1 > f1["constant"] + 0.1


def test_a_receiver_that_reads_the_same_everywhere_is_left_out(calibrated):
    assert "cellsdr1-hospital-comp" in {f.value for f in calibrated.findings if f.code == "sector_suspect"}


def test_distances_and_levels_of_the_links_give_the_published_exponent_and_error(campus):
    heard, sites, ground = campus
    asked = heard.assign(floor=0, building_class=None).reset_index(drop=True)
    found, _ = samplelinks.links(asked, sites, ground, {CARRIER.name: CARRIER}, gear=GEAR)
    offsets = pd.get_dummies(found["site_id"]).to_numpy(float)
    x = np.column_stack([np.log10(found["distance_3d_m"].to_numpy(float)), offsets])
    y = found["rsrp_dbm"].to_numpy(float)
    terms = np.linalg.lstsq(x, y, rcond=None)[0]
    assert len(y) == pytest.approx(92_915, abs=5)
    assert -terms[0] / 10.0 == pytest.approx(2.55, abs=0.02)
    assert np.sqrt(np.mean((y - x @ terms) ** 2)) == pytest.approx(6.96, abs=0.02)
