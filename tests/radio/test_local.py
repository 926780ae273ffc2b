"""Local residuals: what measurements say of their surroundings, and what that does to a coverage."""

import numpy as np
import pandas as pd
import pytest

from siting.errors import BadInput
from siting.radio import kriging
from siting.radio.kriging import Covariance

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
