"""Local residuals: what measurements say of their surroundings, and what that does to a coverage."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.special import ndtr, ndtri

from siting.errors import BadInput
from siting.findings import Findings
from siting.radio import coverage, demand, kriging, network, terrain
from siting.radio.calibration import Calibration
from siting.radio.kriging import Covariance
from siting.radio.local import local_residuals
from siting.radio.verdict import probability, probability_range
from tests.radio.radio_scenes import buildings, grid, sector

CARRIER, WEAK = network.load_networks()["ctcu-n78-a"], network.load_thresholds()["weak-110"]
PLAIN = Covariance(((60.0, 8.0), (8.0, 4.0)), ((150.0, 20.0),), 10.0)


def samples(place, sector, residual):
    place = np.asarray(place, float)
    return pd.DataFrame(
        {"easting_m": place[:, 0], "northing_m": place[:, 1], "sector_id": sector, "residual_db": residual}
    )


def drawn(covariance, count, *, side_m, sectors, seed):
    """Samples of a Gaussian field with a covariance, by the Cholesky factor of the whole matrix."""
    draw = np.random.default_rng(seed)
    place, sector = draw.uniform(0.0, side_m, (count, 2)), draw.integers(0, sectors, count)
    apart = np.hypot(*(place[:, None] - place[None]).transpose(2, 0, 1))
    whole = covariance.between(apart, sector[:, None] == sector[None]) + covariance.nugget_db2 * np.eye(count)
    names = np.array([f"k{i}" for i in range(sectors)], object)
    return samples(place, names[sector], np.linalg.cholesky(whole) @ draw.standard_normal(count))


def test_the_default_covariance_is_that_of_residuals_of_89_tenths_of_a_decibel():
    default = kriging.default_covariance()
    assert default.sill_db2 == pytest.approx(8.9**2, abs=0.1)
    assert default.nugget_db2 == 10.7
    assert default.between(0.0, same=False) == pytest.approx(4.4 + 1.5 + 5.7 + 13.6)
    assert default.between(60.0, same=True) - default.between(60.0, same=False) == pytest.approx(
        12.8 * np.exp(-1.0) + 30.5 * np.exp(-0.4)
    )


def test_one_sample_speaks_as_the_closed_formula_says():
    field = kriging.residual_field(samples([[0.0, 0.0]], ["a"], [6.0]), PLAIN)
    mean, sigma = field.predict([30.0, 30.0, 250.0], [40.0, 40.0, 0.0], ["a", "b", "a"])
    alike = np.array([PLAIN.between(50.0, same=True), PLAIN.between(50.0, same=False), 0.0])
    assert mean == pytest.approx(6.0 * alike / 42.0, abs=1e-3)
    assert sigma == pytest.approx(np.sqrt(42.0 - alike**2 / 42.0), abs=1e-3)
    assert field.measured([30.0, 250.0], [40.0, 0.0]).tolist() == [True, False]


def test_few_samples_give_what_one_dense_system_of_all_of_them_gives():
    draw = np.random.default_rng(3)
    place, sector = draw.uniform(0.0, 90.0, (18, 2)), np.array(list("abc") * 6, object)
    residual, asked = draw.normal(0.0, 6.0, 18), draw.uniform(0.0, 90.0, (40, 2))
    which = draw.choice(np.array(["a", "b", "new"], object), 40)
    apart = np.hypot(*(place[:, None] - place[None]).transpose(2, 0, 1))
    whole = PLAIN.between(apart, sector[:, None] == sector[None]) + PLAIN.nugget_db2 * np.eye(18)
    away = np.hypot(*(asked[:, None] - place[None]).transpose(2, 0, 1))
    known = PLAIN.between(away, which[:, None] == sector[None])
    weight = np.linalg.solve(whole, known.T)
    mean, sigma = kriging.residual_field(samples(place, sector, residual), PLAIN).predict(*asked.T, which)
    assert mean == pytest.approx(weight.T @ residual, abs=1e-3)
    assert sigma == pytest.approx(np.sqrt(PLAIN.sill_db2 - (known.T * weight).sum(axis=0)), abs=1e-3)


def test_only_twenty_of_the_sector_and_twenty_others_are_heard():
    along = np.column_stack([np.arange(1.0, 101.0), np.zeros(100)])
    sector = np.array(["a", "b"] * 50, object)
    loud = np.zeros(100)
    field = kriging.residual_field(samples(along, sector, loud), PLAIN)
    changed = kriging.residual_field(samples(along, sector, np.where(np.arange(100) >= 60, 99.0, loud)), PLAIN)
    assert field.predict([0.0], [0.0], ["a"])[0] == changed.predict([0.0], [0.0], ["a"])[0]
    within = kriging.residual_field(samples(along, sector, np.where(np.arange(100) == 38, 99.0, loud)), PLAIN)
    assert within.predict([0.0], [0.0], ["a"])[0] != 0.0


def test_a_sample_without_a_residual_says_nothing_and_a_missing_column_is_named():
    field = kriging.residual_field(samples([[0.0, 0.0], [5.0, 0.0]], ["a", "a"], [6.0, np.nan]), PLAIN)
    alone = kriging.residual_field(samples([[0.0, 0.0]], ["a"], [6.0]), PLAIN)
    assert field.predict([1.0], [1.0], ["a"]) == alone.predict([1.0], [1.0], ["a"])
    with pytest.raises(BadInput, match="residual_db"):
        kriging.residual_field(pd.DataFrame({"easting_m": [], "northing_m": [], "sector_id": []}), PLAIN)


def test_without_samples_the_field_is_nothing_with_the_whole_spread():
    field = kriging.residual_field(samples(np.zeros((0, 2)), [], []), PLAIN)
    mean, sigma = field.predict([0.0], [0.0], ["a"])
    assert (mean[0], sigma[0]) == (0.0, pytest.approx(np.sqrt(42.0)))
    assert not field.measured([0.0], [0.0]).any()


def test_fewer_than_a_hundred_samples_leave_the_default_as_it_is():
    few = drawn(PLAIN, 99, side_m=300.0, sectors=2, seed=1)
    assert kriging.fit_covariance(few) == kriging.default_covariance()


def test_the_scale_follows_the_samples_and_unseen_ones_lie_inside_their_spread():
    calm = kriging.default_covariance().scaled(0.25)
    frame = drawn(calm, 1900, side_m=1500.0, sectors=6, seed=2)
    seen, unseen = frame[:900], frame[900:]
    fitted = kriging.fit_covariance(seen)
    assert fitted.sill_db2 == pytest.approx(calm.sill_db2, rel=0.15)
    mean, sigma = kriging.residual_field(seen, fitted).predict(unseen.easting_m, unseen.northing_m, unseen.sector_id)
    assert np.std((unseen.residual_db - mean) / sigma) == pytest.approx(1.0, abs=0.05)


def test_two_thousand_samples_bring_their_own_shape():
    true = Covariance(((60.0, 1.0),), ((150.0, 40.0),), 4.0)
    frame = drawn(true, 3000, side_m=1500.0, sectors=6, seed=4)
    seen, unseen = frame[:2200], frame[2200:]
    spots = unseen.easting_m, unseen.northing_m, unseen.sector_id
    default, fitted = kriging.default_covariance(), kriging.fit_covariance(seen)
    errors = [unseen.residual_db - kriging.residual_field(seen, c).predict(*spots)[0] for c in (default, fitted, true)]
    rmse = [float(np.sqrt(np.mean(e**2))) for e in errors]
    assert rmse[1] < rmse[0]
    assert rmse[1] == pytest.approx(rmse[2], rel=0.02)
    sigma = kriging.residual_field(seen, fitted).predict(*spots)[1]
    assert np.std(errors[1] / sigma) == pytest.approx(1.0, abs=0.05)


def test_scattered_samples_tell_more_than_as_many_in_whole_blocks():
    frame = drawn(kriging.default_covariance(), 2600, side_m=1600.0, sectors=3, seed=5)
    block = (frame.easting_m // 400).astype(int) * 4 + (frame.northing_m // 400).astype(int)
    whole = frame.index[block < 2]
    scattered = frame.sample(len(whole), random_state=1).index
    left = []
    for chosen in (scattered, whole):
        rest = frame.drop(chosen)
        field = kriging.residual_field(frame.loc[chosen], kriging.default_covariance())
        mean, _sigma = field.predict(rest.easting_m, rest.northing_m, rest.sector_id)
        left.append(float(np.sqrt(np.mean((rest.residual_db - mean) ** 2))))
    assert left[0] < left[1] - 0.3


@pytest.fixture(scope="module")
def plain():
    """A city of 600 m with four weak poles; some of its buildings have no height."""
    frame = buildings(3, count=120, side_m=600.0)
    ground, _findings = terrain.from_layers(grid(side_m=600.0), frame)
    units = demand.units(grid(10.0, 600.0), ground, {"buildings": frame.assign(residents=10.0)})
    poles = [
        sector(f"s{i}", easting=e, northing=n, height=70.0, equipment="micro-2x5w")
        for i, (e, n) in enumerate([(100.0, 100.0), (500.0, 120.0), (130.0, 480.0), (480.0, 500.0)])
    ]
    return coverage.coverage(pd.DataFrame(poles), ground, units, CARRIER)


def heard(plain, rows, residual, **more):
    """Samples at units that are off the model by a residual, heard from the server there."""
    at = plain.units.iloc[rows]
    columns = at[["easting_m", "northing_m", "floor", "building_id"]].reset_index(drop=True)
    level = plain.rsrp_dbm[rows] + np.asarray(residual, float)
    server = plain.sectors.iloc[plain.server[rows]].reset_index(drop=True)
    named = {"site_id": server["site_id"], "sector_id": server["sector_id"]}
    return columns.assign(rsrp_dbm=level, network=CARRIER.name, **{**named, **more})


def outdoors(plain, *, unknown=False):
    wanted = (plain.state == 2) if unknown else (plain.state != 2) & np.isneginf(plain.strongest.maybe_nlos_dbm)
    return np.flatnonzero((plain.units["floor"] == 0).to_numpy() & wanted & (plain.server >= 0))


def alone(plain, distance_m):
    """Covariance with one sample of the same sector, and the sill: the default at the spread without measurements."""
    default = kriging.default_covariance()
    scaled = default.scaled(81.0 / default.sill_db2)
    return scaled.between(distance_m, same=True), 81.0


def test_a_sample_moves_the_level_of_its_place_and_narrows_the_spread(plain):
    row = outdoors(plain)[40]
    after = local_residuals(plain, heard(plain, [row], [12.0]), calibration=None)
    alike, sill = alone(plain, 0.0)
    assert after.rsrp_dbm[row] - plain.rsrp_dbm[row] == pytest.approx(12.0 * alike / sill, abs=1e-3)
    assert after.sigma_db[row] == pytest.approx(np.sqrt(sill - alike**2 / sill), abs=1e-3)
    assert after.local.samples == 1
    assert after.provenance["local_samples"] == "1"
    strongest = np.array([plain.strongest.nlos_dbm[row], plain.strongest.los_dbm[row]]) + 12.0 * alike / sill
    expected = ndtr((strongest.max() - WEAK.rsrp_dbm) / after.sigma_db[row])
    assert probability(after, WEAK)[row] == pytest.approx(expected, abs=1e-5)


def test_beyond_two_hundred_metres_nothing_changes_to_the_last_bit(plain):
    row = outdoors(plain)[0]
    after = local_residuals(plain, heard(plain, [row], [12.0]), calibration=None)
    away = np.hypot(
        *(
            plain.units[["easting_m", "northing_m"]].to_numpy()
            - plain.units[["easting_m", "northing_m"]].to_numpy()[row]
        ).T
    )
    far, near = away > 200.0, (away < 199.0) & (plain.server >= 0)
    assert far.any()
    for name in ("rsrp_dbm", "sinr_db", "sigma_db"):
        np.testing.assert_array_equal(getattr(after, name)[far], getattr(plain, name)[far])
    np.testing.assert_array_equal(probability(after, WEAK)[far], probability(plain, WEAK)[far])
    assert (after.sigma_db[near] < plain.sigma_db[near]).all()
    assert (after.rsrp_dbm[near] > plain.rsrp_dbm[near]).all()


def test_samples_outdoors_leave_people_indoors_the_spread_of_their_wall(plain):
    kind = np.array(plain.kinds.names)[plain.kind]
    inside = np.flatnonzero((kind == "brick_residential") & (plain.server >= 0) & (plain.state == 0))
    row = inside[0]
    sample = heard(plain, [row], [0.0]).assign(floor=0, residual_db=-8.0)
    after = local_residuals(plain, sample, calibration=None)
    alike, sill = alone(plain, 0.0)
    assert after.local.walled[row]
    assert after.sigma_db[row] == pytest.approx(np.sqrt(sill - alike**2 / sill + 4.4**2), abs=1e-2)
    assert after.rsrp_dbm[row] - plain.rsrp_dbm[row] == pytest.approx(-8.0 * alike / sill, abs=1e-3)


def test_samples_indoors_speak_for_their_own_building_alone(plain):
    table = plain.units
    row = np.flatnonzero((table["floor"] == 1).to_numpy() & (plain.server >= 0))[5]
    after = local_residuals(plain, heard(plain, [row], [10.0]), calibration=None)
    same = (table["building_id"] == table["building_id"].iloc[row]).to_numpy() & (table["floor"] > 0).to_numpy()
    np.testing.assert_array_equal(after.rsrp_dbm[~same], plain.rsrp_dbm[~same])
    assert (after.rsrp_dbm[same & (plain.server >= 0)] > plain.rsrp_dbm[same & (plain.server >= 0)]).all()
    assert not after.local.walled[same].any()
    assert after.sigma_db[row] < plain.sigma_db[row]


def test_a_sample_of_a_sector_that_does_not_serve_there_is_left_out_and_a_nameless_one_is_taken(plain):
    row = outdoors(plain)[40]
    other = local_residuals(plain, heard(plain, [row], [12.0], sector_id="elsewhere"), calibration=None)
    assert other.local.samples == 0
    np.testing.assert_array_equal(other.rsrp_dbm, plain.rsrp_dbm)
    nameless = heard(plain, [row], [12.0]).drop(columns=["site_id", "sector_id"])
    named = local_residuals(plain, heard(plain, [row], [12.0]), calibration=None)
    np.testing.assert_array_equal(local_residuals(plain, nameless, calibration=None).rsrp_dbm, named.rsrp_dbm)
    foreign = heard(plain, [row], [12.0]).assign(network="cm-n41")
    assert local_residuals(plain, foreign, calibration=None).local.samples == 0


def test_what_a_device_always_shows_too_much_is_taken_off(plain):
    row = outdoors(plain)[40]
    taught = Calibration((), {"phone": 12.0}, pd.DataFrame(), pd.DataFrame(), True, Findings())
    sample = heard(plain, [row], [12.0], device_id="phone")
    after = local_residuals(plain, sample, calibration=taught)
    np.testing.assert_allclose(after.rsrp_dbm, plain.rsrp_dbm, atol=1e-4)


def test_many_samples_of_one_place_are_one_witness(plain):
    row = outdoors(plain)[40]
    once = local_residuals(plain, heard(plain, [row], [12.0]), calibration=None)
    often = local_residuals(plain, heard(plain, [row] * 50, [12.0] * 50), calibration=None)
    assert often.local.samples == 1
    np.testing.assert_allclose(often.sigma_db, once.sigma_db, rtol=1e-6)


def test_unknown_paths_follow_too_and_their_bounds_keep_their_order(plain):
    row = outdoors(plain, unknown=True)[3]
    after = local_residuals(plain, heard(plain, [row], [-15.0]), calibration=None)
    before, then = probability(plain, WEAK)[row], probability(after, WEAK)[row]
    shift = after.rsrp_dbm[row] - plain.rsrp_dbm[row]
    expected = ndtr((ndtri(float(before)) * plain.sigma_db[row] + shift) / after.sigma_db[row])
    assert then == pytest.approx(expected, abs=1e-4)
    low, high = probability_range(after, WEAK)
    assert low[row] <= then <= high[row]


def test_a_planted_field_is_found_again_where_nobody_measured(plain):
    rows = np.flatnonzero((plain.units["floor"] == 0).to_numpy() & (plain.server >= 0))
    draw = np.random.default_rng(8)
    rows = draw.choice(rows, 1500, replace=False)
    place, server = plain.units[["easting_m", "northing_m"]].to_numpy()[rows], plain.server[rows]
    apart = np.hypot(*(place[:, None] - place[None]).transpose(2, 0, 1))
    default = kriging.default_covariance()
    whole = default.between(apart, server[:, None] == server[None]) + default.nugget_db2 * np.eye(len(rows))
    truth = np.linalg.cholesky(whole) @ draw.standard_normal(len(rows))
    after = local_residuals(plain, heard(plain, rows[:300], truth[:300]), calibration=None)
    left = truth[300:] - (after.rsrp_dbm - plain.rsrp_dbm)[rows[300:]]
    assert np.sqrt(np.mean(left**2)) < 0.75 * np.sqrt(np.mean(truth[300:] ** 2))
    assert np.std(left / after.sigma_db[rows[300:]]) == pytest.approx(1.0, abs=0.1)


def test_a_coverage_without_its_units_or_that_follows_samples_already_is_refused(plain):
    sample = heard(plain, [outdoors(plain)[0]], [1.0])
    with pytest.raises(BadInput, match=CARRIER.name):
        local_residuals(replace(plain, units=None), sample, calibration=None)
    with pytest.raises(BadInput, match=CARRIER.name):
        local_residuals(local_residuals(plain, sample, calibration=None), sample, calibration=None)
    with pytest.raises(BadInput, match="rsrp_dbm"):
        local_residuals(plain, sample.drop(columns="rsrp_dbm"), calibration=None)
