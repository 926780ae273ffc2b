"""The quick lower estimate of fields: closed formula at one wall, never above the pre-check."""

import math

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from siting.radio import emf
from siting.radio.emf_lower import lower
from siting.radio.network import load_networks, shipped_gear

# The stricter of f / 7500 W/m2 and 0.22 sqrt(f) V/m, both in power density.
S_LIMIT = min(3450.0 / 7500.0, (0.22 * math.sqrt(3450.0)) ** 2 / 376.730)
# 240 W at 24.5 dBi on the boresight, W/m2 at 1 m.
STRENGTH = 240.0 * 10**2.45 / (4 * math.pi)


def _sectors(azimuths=(0.0,), tilt=0.0):
    rows = [
        {"site_id": "a", "sector_id": f"a{n}", "easting_m": 0.0, "northing_m": 0.0, "antenna_height_m": 25.0, "mount": "tower",
         "azimuth_deg": azimuth, "electrical_tilt_deg": tilt, "equipment": "aau64-240w", "network": "ctcu-n78-a"}
        for n, azimuth in enumerate(azimuths)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def _found(frame, shapes, tops_m, radius_m=200.0):
    sources = emf.sources_of(frame, networks=load_networks(), gear=shipped_gear())
    return lower(
        sources, np.array(shapes, object), np.array(tops_m, float), radius_m=radius_m, factors=emf.usual_factors()
    )


def test_a_wall_straight_in_the_beam_takes_the_share_of_free_space():
    found = _found(_sectors(), [shapely.box(-30, 40, 30, 50)], [30.0])
    expected = STRENGTH / 40.0**2 / S_LIMIT
    assert found.q == pytest.approx(expected, rel=1e-9)
    assert found.factored == pytest.approx(0.75 * 0.25 * expected, rel=1e-9)
    assert (found.building, found.distance_m) == (0, 40.0)


def test_the_host_itself_a_wall_of_unknown_height_and_one_out_of_range_tell_nothing():
    host, unknown, far = shapely.box(-5, -5, 5, 5), shapely.box(-5, 20, 5, 30), shapely.box(-5, 300, 5, 310)
    found = _found(_sectors(), [host, unknown, far], [22.0, np.nan, 30.0])
    assert (found.q, found.building) == (0.0, -1)


def test_the_estimate_is_never_above_the_pre_check():
    rng = np.random.default_rng(7)
    for _ in range(10):
        corners = rng.uniform(-80, 80, (6, 2))
        boxes = [shapely.box(x, y, x + 12, y + 9) for x, y in corners if max(abs(x), abs(y)) > 30]
        tops = rng.uniform(6, 60, len(boxes)).tolist()
        frame = _sectors((0.0, 120.0, 240.0), tilt=6.0)
        buildings = gpd.GeoDataFrame(
            {"building_id": [str(n) for n in range(len(boxes))], "height_m": tops}, geometry=boxes, crs="EPSG:4548"
        )
        report = emf.precheck(frame, buildings, factors=emf.usual_factors(), spacing_m=0.5)
        whole = report.points.loc[~report.points["near_field"], "q"].max()
        # Between points of the pre-check 0.5 m apart the field may be a little higher.
        assert _found(frame, boxes, tops).q <= whole * 1.02
