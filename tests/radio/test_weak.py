"""Weak areas as ranked blocks."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from siting.errors import OutOfRange
from siting.radio.chances import ALWAYS, NEVER, OPEN, Chance
from siting.radio.gap import gap
from siting.radio.network import load_networks, load_thresholds
from siting.radio.weak import weak_blocks

CARRIER, WEAK = load_networks()["ctcu-n78-a"], load_thresholds()["weak-110"]


def crowd(east, north, persons):
    n = len(persons)
    return pd.DataFrame(
        {
            "unit_id": np.arange(n),
            "row": 0,
            "col": np.arange(n),
            "building_id": pd.Categorical([None] * n),
            "floor": 0,
            "persons": np.asarray(persons, float),
            "street_office": pd.Categorical([None] * n),
            "venue": pd.Categorical([None] * n),
            "easting_m": np.asarray(east, float),
            "northing_m": np.asarray(north, float),
            "measure": "persons",
        }
    )


def missing(frame, p, *, bound=None, error_db=8.0):
    p = np.asarray(p, np.float32)
    bounds = np.where(p >= 0.9, ALWAYS, NEVER) if bound is None else np.asarray(bound)
    n, spread = len(p), np.full(30, error_db)
    chance = Chance(
        CARRIER,
        p,
        bounds.astype(np.uint8),
        np.zeros(n, bool),
        np.full(n, 9.0, np.float32),
        np.zeros(n, np.uint8),
        spread,
        calibrated=False,
        no_sites=False,
    )
    return gap(frame, chance, thresholds=WEAK)


def test_people_are_summed_by_block_and_the_most_uncovered_block_comes_first():
    frame = crowd([10.0, 140.0, 160.0, 900.0], [10.0, 20.0, 10.0, 310.0], [4.0, 6.0, 30.0, 5.0])
    blocks = weak_blocks(missing(frame, [0.5, 0.0, 0.5, 1.0]))
    assert blocks["rank"].tolist() == [1, 2]
    assert blocks[["easting_m", "northing_m"]].to_numpy().tolist() == [[225.0, 75.0], [75.0, 75.0]]
    assert blocks["persons"].tolist() == [30.0, 10.0]
    assert blocks["uncovered"].tolist() == pytest.approx([15.0, 8.0])


def test_the_interval_is_that_of_the_models_error():
    blocks = weak_blocks(missing(crowd([10.0], [10.0], [100.0]), [0.5]))
    edge = norm.ppf(0.95) * 8.0 / 9.0
    assert blocks["p05"][0] == pytest.approx(100 * norm.cdf(-edge), rel=0.02)
    assert blocks["p95"][0] == pytest.approx(100 * norm.cdf(edge), rel=0.02)
    sure = weak_blocks(missing(crowd([10.0], [10.0], [100.0]), [0.5], error_db=0.0))
    assert sure["p05"][0] == sure["p95"][0] == pytest.approx(50.0)


def test_blocks_hold_all_the_uncovered_people_and_the_unknown_stand_apart():
    draw = np.random.default_rng(1)
    frame = crowd(draw.uniform(0, 2000, 500), draw.uniform(0, 2000, 500), draw.random(500))
    found = missing(frame, draw.random(500), bound=draw.choice([NEVER, OPEN], 500))
    for side in (100.0, 200.0):
        blocks = weak_blocks(found, block_m=side)
        assert blocks["uncovered"].sum() == pytest.approx(found.total["uncovered"])
        assert (blocks["uncovered"] + blocks["unknown"] <= blocks["persons"] + 1e-9).all()
        assert blocks["uncovered"].is_monotonic_decreasing
        assert (blocks["p05"] <= blocks["uncovered"] + 1e-9).all()
        assert (blocks["p95"] >= blocks["uncovered"] - 1e-9).all()


@pytest.mark.parametrize("side", [50.0, 99.0, 201.0])
def test_a_side_that_claims_too_much_or_hides_the_place_is_refused(side):
    with pytest.raises(OutOfRange, match=r"100|200"):
        weak_blocks(missing(crowd([10.0], [10.0], [1.0]), [0.5]), block_m=side)
