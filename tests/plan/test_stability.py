import numpy as np
import pandas as pd
import pytest
from scipy import sparse, stats

from siting.errors import BadInput
from siting.plan import margins, score_candidates, stability, tables
from siting.plan.score import added_people
from siting.plan.stability import rank_stability
from siting.radio.calibration import Calibration, ClassFit
from siting.radio.scene import NLOS

PEOPLE_ONLY = tables.weights()[["part", "unit", "zero", "full"]].assign(weight=0.0)
PEOPLE_ONLY.loc[PEOPLE_ONLY["part"] == "added_persons", "weight"] = 1.0
NOBODY = Calibration(fits=(), devices={}, metrics=pd.DataFrame(), reliability=pd.DataFrame(), usable=True)


class Gains:
    def __init__(self, p):
        self.p = p


def margins_of(p, units, *, sigma_db=8.0, error_db=(8.0,), kind=None, share=1.0, network="", classes=()):
    matrix = sparse.csc_array(np.asarray(p, float))
    made = margins.layer((matrix.data, matrix.indices, matrix.indptr), units["present"], share=share,
        sigma_db=np.full(len(units), sigma_db), kind=np.zeros(len(units), int) if kind is None else kind, error_db=error_db,
        network=network, classes=classes)  # fmt: skip
    code, _ = pd.factorize(units["venue"])
    return margins.Margins((made,), units["persons"].to_numpy(float), (units["floor"] > 0).to_numpy(), code, matrix.shape[1])


def scene(rng, units=60, options=7):
    p = rng.random((units, options)) * (rng.random((units, options)) < 0.5)
    frame = pd.DataFrame({
        "persons": rng.integers(1, 400, units).astype(float), "floor": rng.integers(0, 3, units), "present": rng.random(units) * 0.4,
        "venue": np.where(np.arange(units) < 6, "a", np.where(np.arange(units) < 9, "b", None)),
    })  # fmt: skip
    return p, frame


def listed(p, units):
    names = pd.DataFrame({"option_id": [f"o{at}" for at in range(p.shape[1])], "candidate_id": [f"c{at}" for at in range(p.shape[1])]})
    parts = added_people(units, Gains(sparse.csc_array(p)), names, base=units["present"])
    return names[["candidate_id"]].join(score_candidates(names, parts, profile=tables.weights()))


def test_without_an_error_the_draw_counts_what_the_score_counts(rng):
    p, units = scene(rng)
    p[:9, 2] = 0.97
    scored = listed(p, units)
    found = margins.drawn(scored["candidate_id"].tolist(), margins_of(p, units), draws=3)
    assert found.added_persons[0] == pytest.approx(scored["added_persons"].to_numpy(), rel=1e-5)
    assert found.indoor_share[0] == pytest.approx(scored["indoor_share"].to_numpy(), rel=1e-5)
    assert found.key_venues[0].tolist() == scored["key_venues"].tolist()
    assert found.key_venues[0][2] == 2


def test_a_draw_equals_every_probability_moved_one_by_one(rng, monkeypatch):
    p, units = scene(rng, units=25, options=4)
    kind = rng.integers(0, 2, 25)
    shift = {"class": np.array([[3.0, -5.0]]), "site": np.array([[1.0, -2.0, 0.5, 4.0]])}

    class Source:
        def __init__(self):
            self.given = iter([shift["class"] / [8.0, 2.0], shift["site"] / 4.0])

        def standard_normal(self, shape):
            found = next(self.given)
            assert found.shape == shape
            return found

    monkeypatch.setattr(margins.np.random, "default_rng", lambda _seed: Source())
    made = margins_of(p, units, sigma_db=6.0, error_db=(8.0, 2.0), kind=kind)
    found = margins.drawn(["c0", "c1", "c2", "c3"], made, draws=1)
    by_hand = np.zeros(4)
    for j in range(4):
        for i in range(25):
            if p[i, j] > 0:
                off = shift["class"][0][kind[i]]
                level = stats.norm.cdf((6.0 * stats.norm.ppf(units["present"][i]) + off) / 6.0)
                now = stats.norm.cdf((6.0 * stats.norm.ppf(p[i, j]) + off + shift["site"][0][j]) / 6.0)
                by_hand[j] += units["persons"][i] * max(0.0, now - level)
    assert found.added_persons[1] == pytest.approx(by_hand, rel=1e-4)


def test_two_places_change_order_as_often_as_their_own_errors_do():
    # One person each, alike but for 3 dB: the error of the class is common, those of the sites are N(0, 4^2), so the
    # stronger one stays first with probability Phi(3 / (4 sqrt 2)).
    units = pd.DataFrame({"persons": [1000.0, 1000.0], "floor": 0, "present": 0.0, "venue": None})
    p = np.diag(stats.norm.cdf([2.0 / 8.0, -1.0 / 8.0]))
    scored = listed(p, units)
    found = margins.drawn(["c0", "c1"], margins_of(p, units), draws=4000, seed=1)
    told = stability.judged(scored, found, profile=PEOPLE_ONLY, top=1)
    expected = stats.norm.cdf(3.0 / (4.0 * np.sqrt(2.0)))
    assert told.table["top_share"].tolist() == pytest.approx([expected, 1.0 - expected], abs=0.025)
    assert told.tau == pytest.approx(2.0 * expected - 1.0, abs=0.05)


def test_ranks_agree_with_a_plain_simulation_of_its_own(rng):
    p, units = scene(rng, units=30, options=5)
    scored = listed(p, units)
    found = margins.drawn(scored["candidate_id"].tolist(), margins_of(p, units), draws=1500, seed=3)
    told = stability.judged(scored, found, profile=PEOPLE_ONLY, top=2).table
    other, sigma = np.random.default_rng(99), 8.0
    level, entry = stats.norm.ppf(np.maximum(units["present"], 1e-6)), stats.norm.ppf(np.clip(p, 1e-6, 1 - 1e-6))
    ranks = []
    for _ in range(1500):
        off, site = other.normal(0, 8.0) / sigma, other.normal(0, 4.0, 5) / sigma
        rise = np.maximum(0.0, stats.norm.cdf(entry + off + site) - stats.norm.cdf(level + off)[:, None]) * (p > 0)
        # nobody counts more than 2,000 people: the part is full there
        total = np.minimum(units["persons"].to_numpy() @ rise, 2000.0)
        ranks.append(stats.rankdata(-total, method="ordinal"))
    assert told["rank_median"].to_numpy() == pytest.approx(np.median(ranks, axis=0), abs=1.0)
    assert told["top_share"].to_numpy() == pytest.approx((np.array(ranks) <= 2).mean(axis=0), abs=0.06)


def test_options_of_one_place_never_change_order_by_its_error():
    units = pd.DataFrame({"persons": [900.0], "floor": 0, "present": 0.0, "venue": None})
    p = np.array([[0.6, 0.5]])
    found = margins.drawn(["same", "same"], margins_of(p, units), draws=50)
    assert (found.added_persons[:, 0] > found.added_persons[:, 1]).all()


def test_a_measured_class_moves_less_than_an_unmeasured_one(rng):
    p, units = scene(rng)
    fit = ClassFit("n", NLOS, "outdoor", covariance=((0.25,),), n=50)
    known = Calibration(fits=(fit,), devices={}, metrics=pd.DataFrame(), reliability=pd.DataFrame(), usable=True)
    made, places = margins_of(p, units.assign(present=0.0), network="n", classes=(("outdoor", NLOS),)), list("abcdefg")
    spread = [
        margins.drawn(places, made, calibration=c, draws=300).added_persons[1:].sum(axis=1).std() for c in (known, NOBODY)
    ]
    assert spread[0] < 0.75 * spread[1]


def test_the_same_seed_gives_the_same_ranks_and_other_seeds_do_not(rng):
    p, units = scene(rng)
    scored, made = listed(p, units), margins_of(p, units)
    first, again, other = (rank_stability(scored, made, draws=40, seed=seed) for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(first, again)
    assert first.attrs == again.attrs
    assert not first["top_share"].equals(other["top_share"]) or first.attrs != other.attrs
    assert first["rank"].tolist() == scored["rank"].tolist()
    assert (first["rank_low"] <= first["rank_median"]).all()
    assert (first["rank_median"] <= first["rank_high"]).all()
    assert -1.0 <= first.attrs["tau"] <= 1.0


def test_what_half_the_list_could_be_is_not_separable():
    units = pd.DataFrame({"persons": np.full(12, 100.0), "floor": 0, "present": 0.0, "venue": None})
    p = np.diag(np.r_[0.999, np.full(11, 0.5)]) * np.r_[1.0, np.ones(11)][:, None]
    units.loc[0, "persons"] = 5000.0
    told = stability.judged(listed(p, units), margins.drawn([f"c{at}" for at in range(12)], margins_of(p, units), draws=200),
        profile=PEOPLE_ONLY)  # fmt: skip
    assert told.table["separable"].tolist() == [True, *[False] * 11]


def test_no_draw_is_refused():
    units = pd.DataFrame({"persons": [1.0], "floor": 0, "present": 0.0, "venue": None})
    with pytest.raises(BadInput):
        margins.drawn(["c"], margins_of(np.array([[0.5]]), units), draws=0)
