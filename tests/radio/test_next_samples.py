"""Where a walk should measure next."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from siting.errors import BadInput
from siting.findings import Findings
from siting.radio import kriging, links
from siting.radio.network import load_networks, load_thresholds
from siting.radio.nextsamples import WITHIN_SQUARE, next_samples
from siting.radio.verdict import Coverage, Local, Strongest

CARRIER, WEAK = load_networks()["ctcu-n78-a"], load_thresholds()["weak-110"]
SIDE_M, SPREAD_DB = 50.0, 9.0
WEST_M, SOUTH_M = 500_000.0, 4_320_000.0
DEFAULT = kriging.default_covariance()
ALIKE = DEFAULT.scaled(SPREAD_DB**2 / DEFAULT.sill_db2)


def district(p, persons, server=None):
    """A coverage with a probability and people in every block [row, col] of 50 m, all outdoors."""
    p, persons = np.asarray(p, float), np.asarray(persons, float)
    rows, cols = np.divmod(np.arange(p.size), p.shape[1])
    units = pd.DataFrame(
        {
            "unit_id": np.arange(p.size),
            "floor": 0,
            "persons": persons.ravel(),
            "easting_m": WEST_M + SIDE_M * (cols + 0.5),
            "northing_m": SOUTH_M + SIDE_M * (rows + 0.5),
        }
    )
    level = (WEAK.rsrp_dbm + SPREAD_DB * norm.ppf(p.ravel())).astype(np.float32)
    nothing, n = np.full(p.size, -np.inf, np.float32), p.size
    kinds = links.kinds_at(CARRIER.frequency_ghz)
    return Coverage(
        network=CARRIER,
        unit_id=np.arange(n),
        rsrp_dbm=level,
        server=np.zeros(n, np.int32) if server is None else np.asarray(server, np.int32).ravel(),
        p_los=np.zeros(n, np.float32),
        state=np.zeros(n, np.uint8),
        sinr_db=np.full(n, 20.0, np.float32),
        sigma_db=np.full(n, SPREAD_DB, np.float32),
        flags=np.zeros(n, np.uint16),
        sectors=pd.DataFrame({"site_id": ["a", "b"], "sector_id": ["a-0", "b-0"]}),
        calibrated=False,
        no_sites=False,
        findings=Findings(),
        provenance={},
        kind=np.zeros(n, np.uint8),
        kinds=kinds,
        spread_db=np.full((len(kinds.names), 2, 4), SPREAD_DB),
        strongest=Strongest(nothing, level, nothing, nothing, np.zeros((1, n), np.float32), (WEAK.rsrp_dbm,)),
        units=units,
    )


def proposed(coverage, budget_km, *, seed=1):
    return next_samples(coverage, budget_km=budget_km, seed=seed, thresholds=WEAK)


def block_of(stops, shape):
    row = ((stops["northing_m"] - SOUTH_M) // SIDE_M).astype(int)
    return (row * shape[1] + ((stops["easting_m"] - WEST_M) // SIDE_M).astype(int)).to_numpy()


def dense(coverage):
    """Covariance of the field between all blocks, and what an error of 1 dB does to the uncovered people of each."""
    place = coverage.units[["easting_m", "northing_m"]].to_numpy()
    apart = np.hypot(*(place[:, None] - place[None]).transpose(2, 0, 1))
    inside = apart <= 400.0
    np.fill_diagonal(apart, WITHIN_SQUARE * SIDE_M)
    field = ALIKE.between(apart, coverage.server[:, None] == coverage.server[None]) * inside
    z = (coverage.rsrp_dbm.astype(float) - WEAK.rsrp_dbm) / SPREAD_DB
    return field, coverage.units["persons"].to_numpy() * norm.pdf(z) / SPREAD_DB


def test_the_walk_keeps_its_budget_and_its_length_is_that_between_the_stops():
    draw = np.random.default_rng(1)
    stops = proposed(district(draw.random((20, 24)), draw.random((20, 24))), 2.0)
    legs = np.hypot(np.diff(stops["easting_m"]), np.diff(stops["northing_m"]))
    assert stops["stop"].tolist() == list(range(1, len(stops) + 1))
    assert stops["cumulative_km"].to_numpy() == pytest.approx(np.append(0.0, np.cumsum(legs)) / 1000.0)
    assert 1.5 < stops["cumulative_km"].iloc[-1] <= 2.0
    assert not stops.duplicated(["easting_m", "northing_m"]).any()


def test_the_gains_are_what_gaussian_conditioning_takes_off_the_variance():
    draw = np.random.default_rng(2)
    coverage = district(draw.random((8, 8)), draw.random((8, 8)), draw.integers(0, 2, (8, 8)))
    stops = proposed(coverage, 0.4)
    field, weight = dense(coverage)
    chosen = block_of(stops, (8, 8))
    seen = field[np.ix_(chosen, chosen)]
    np.fill_diagonal(seen, ALIKE.sill_db2)
    toward = field[chosen] @ weight
    removed = toward @ np.linalg.solve(seen, toward)
    assert len(chosen) > 4
    assert stops["gain"].sum() == pytest.approx(removed / (weight @ field @ weight), rel=1e-4)


def test_the_first_stop_is_the_best_single_sample():
    draw = np.random.default_rng(3)
    coverage = district(draw.random((9, 9)), draw.random((9, 9)) ** 4)
    field, weight = dense(coverage)
    stops = proposed(coverage, 1e-6)
    assert len(stops) == 1
    assert block_of(stops, (9, 9))[0] == np.argmax((field @ weight) ** 2)


def test_nobody_measures_where_everything_is_sure():
    p, persons = np.full((10, 40), 0.999), np.ones((10, 40))
    p[:, 30:] = 0.5
    stops = proposed(district(p, persons), 0.6)
    assert (stops["easting_m"] > WEST_M + 30 * SIDE_M).all()
    assert stops["persons"].tolist() == [1.0] * len(stops)


def test_a_second_sample_beside_the_first_brings_less_than_one_elsewhere():
    persons = np.zeros((1, 40))
    persons[0, [5, 6, 34]] = 10.0, 10.0, 20.0
    coverage = district(np.full((1, 40), 0.5), persons, np.repeat([[0, 1]], 20, axis=1))
    stops = proposed(coverage, 2.0).set_index("easting_m")["gain"]
    crowd, apart = stops[WEST_M + SIDE_M * 5.5] + stops[WEST_M + SIDE_M * 6.5], stops[WEST_M + SIDE_M * 34.5]
    first = max(stops[WEST_M + SIDE_M * 5.5], stops[WEST_M + SIDE_M * 6.5])
    assert crowd - first < 0.5 * apart


def test_what_is_measured_already_is_not_walked_again():
    coverage = district(np.full((6, 30), 0.5), np.ones((6, 30)))
    west = (coverage.units["easting_m"] < WEST_M + 15 * SIDE_M).to_numpy()
    sigma = np.where(west, np.sqrt(ALIKE.nugget_db2 + 0.05 * ALIKE.field_db2), np.nan).astype(np.float32)
    local = Local(np.zeros(len(west), np.float32), sigma, np.ones(len(west), bool), ALIKE, 500)
    stops = proposed(replace(coverage, local=local), 0.5)
    assert (stops["easting_m"] > WEST_M + 15 * SIDE_M).all()


def test_the_seed_decides_between_equals_and_nothing_else():
    even = district(np.full((12, 12), 0.5), np.ones((12, 12)))
    pd.testing.assert_frame_equal(proposed(even, 0.5, seed=4), proposed(even, 0.5, seed=4))
    draw = np.random.default_rng(5)
    uneven = district(draw.random((12, 12)), draw.random((12, 12)))
    pd.testing.assert_frame_equal(proposed(uneven, 0.5, seed=1), proposed(uneven, 0.5, seed=2))


@pytest.mark.parametrize("budget_km", [0.0, -1.0, np.nan, np.inf])
def test_a_budget_that_is_no_length_is_refused(budget_km):
    with pytest.raises(BadInput, match="km"):
        proposed(district([[0.5]], [[1.0]]), budget_km)


def test_a_coverage_without_its_units_is_refused_and_one_without_servers_needs_no_walk():
    coverage = district([[0.5, 0.5]], [[1.0, 1.0]])
    with pytest.raises(BadInput, match=CARRIER.name):
        proposed(replace(coverage, units=None), 1.0)
    assert proposed(replace(coverage, server=np.full(2, -1, np.int32)), 1.0).empty
