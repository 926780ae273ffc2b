"""What a plan adds if the model is off, against the normal distribution by hand and against plain loops."""

import numpy as np
import pytest
from scipy import sparse, stats

from siting.errors import BadInput
from siting.plan.modelerror import SITES, Part, added_interval
from siting.radio.draws import errors_db

P = stats.norm.cdf
# 5 % point of the standard normal distribution, from a printed table
Z = 1.6449


def part(p, present, *, error_db=(8.0,), sigma_db=8.0, kind=None, network="n", share=1.0):
    units = len(present)
    spread = np.broadcast_to(np.asarray(sigma_db, float), units)
    return Part(network, share, sparse.csc_array(np.asarray(p, float)), np.asarray(present, float), spread,
        np.zeros(units, int) if kind is None else kind, np.asarray(error_db))  # fmt: skip


def scene(rng, units=40, sites=5):
    p = rng.random((units, sites)) * (rng.random((units, sites)) < 0.6)
    made = part(p, rng.random(units) * 0.5, error_db=(8.0, 3.0, 5.0), kind=rng.integers(0, 3, units), sigma_db=rng.uniform(6, 11, units))  # fmt: skip
    return rng.integers(1, 400, units).astype(float), made, [f"c{n}" for n in range(sites)]


def test_one_site_at_one_place_follows_the_normal_distribution():
    """1 000 people at a margin of half a spread, class off by one spread: Phi(0.5 -+ 1.6449)."""
    found = added_interval([1000.0], [part([[P(0.5)]], [0.0])], ["a"], site_sigma_db=0.0)
    assert found.added == pytest.approx(691.46, abs=0.01)
    assert found.low == pytest.approx(126.1, abs=0.5)
    assert found.high == pytest.approx(984.0, abs=0.5)


def test_the_error_of_the_site_alone_moves_by_its_own_spread():
    """4 dB over a spread of 8 dB moves the margin by half."""
    found = added_interval([1000.0], [part([[P(0.5)]], [0.0], error_db=(0.0,))], ["a"], site_sigma_db=4.0)
    assert (found.low, found.high) == pytest.approx((1000 * P(0.5 - Z / 2), 1000 * P(0.5 + Z / 2)), abs=0.5)


def test_the_network_of_today_is_off_by_the_same():
    """From Phi(-2) to Phi(-1): the gain is Phi(-1 + s) - Phi(-2 + s), which grows with s up to 1.5 spreads."""
    found = added_interval([1000.0], [part([[P(-1)]], [P(-2)], error_db=(4.0,))], ["a"], site_sigma_db=0.0)
    low, high = (1000 * (P(-1 + s) - P(-2 + s)) for s in (-Z / 2, Z / 2))
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.5)


def test_a_gain_that_any_error_lessens_lies_above_its_interval():
    """From Phi(-1) to Phi(1) nothing could be gained more: both ends are below."""
    found = added_interval([1000.0], [part([[P(1)]], [P(-1)])], ["a"], site_sigma_db=0.0)
    assert found.added == pytest.approx(682.7, abs=0.1)
    assert found.low < found.high < found.added + 1e-3


def test_without_any_error_both_ends_are_what_is_added(rng):
    persons, made, names = scene(rng)
    still = part(made.p.todense(), made.present, error_db=(0.0,))
    found = added_interval(persons, [still], names, site_sigma_db=0.0)
    best = np.maximum(made.present, made.p.todense().max(axis=1))
    assert found.low == found.high == found.added == pytest.approx(persons @ (best - made.present), rel=1e-6)


@pytest.mark.parametrize("mode", ["people", "binary", "permission"])
def test_every_draw_is_the_plan_revalued_place_by_place(rng, mode):
    persons, made, names = scene(rng)
    names[3] = names[1]
    standing, willing = np.array([0, 0, 1, 0, 0], bool), np.array([0.9, 0.4, 1.0, 0.4, 0.7])
    told = {"permission": willing} if mode == "permission" else {"cell_probability": 0.6} if mode == "binary" else {}
    draws = 9
    found = added_interval(persons, [made], names, standing=standing, draws=draws, seed=3, **told)
    classes = errors_db("n", made.error_db, draws=draws, seed=3)
    own = errors_db(SITES, [4.0] * 4, draws=draws, seed=3)[:, [0, 1, 2, 1, 3]]
    p, added = made.p.todense(), []
    for of_class, of_site in zip(classes, own, strict=True):
        total = 0.0
        for i, people in enumerate(persons):
            shift = of_class[made.kind[i]]

            def off(value, more=0.0, i=i, shift=shift):
                return P(stats.norm.ppf(value) + (shift + more) / made.sigma_db[i])

            factor = willing if mode == "permission" else np.ones(5)
            each = [factor[j] * off(p[i, j], of_site[j]) for j in range(5)]
            had = max(off(made.present[i]), *(v for v, known in zip(each, standing, strict=True) if known))
            has = max(had, *each)
            total += people * ((has >= 0.6) - float(had >= 0.6) if mode == "binary" else has - had)
        added.append(total)
    low, high = np.quantile(added, (0.05, 0.95), method="hazen")
    assert (found.low, found.high) == pytest.approx((low, high), rel=1e-5)


def test_the_same_seed_gives_the_same_figures_and_the_order_of_rows_does_not_matter(rng):
    persons, made, names = scene(rng)
    first = added_interval(persons, [made], names)
    assert added_interval(persons, [made], names) == first
    assert added_interval(persons, [made], names, seed=1) != first
    row, column = rng.permutation(len(persons)), rng.permutation(len(names))
    turned = part(made.p.todense()[row][:, column], made.present[row], error_db=made.error_db, kind=made.kind[row], sigma_db=made.sigma_db[row])  # fmt: skip
    again = added_interval(persons[row], [turned], [names[at] for at in column])
    assert (again.low, again.high) == pytest.approx((first.low, first.high), rel=1e-12)


def test_the_interval_widens_with_the_spread(rng):
    persons, made, names = scene(rng)
    p, present = made.p.todense(), np.zeros(len(persons))
    found = [added_interval(persons, [part(p, present, error_db=(own,))], names, site_sigma_db=own / 2) for own in (0.0, 2.0, 4.0, 8.0)]  # fmt: skip
    widths = [one.high - one.low for one in found]
    assert widths == sorted(widths)
    assert widths[0] == 0
    assert widths[-1] > 2 * widths[1]


def test_a_plan_of_no_sites_adds_nothing_in_any_draw():
    found = added_interval([5.0, 7.0], [part(np.zeros((2, 0)), [0.2, 0.3])], [])
    assert (found.low, found.high, found.added) == (0, 0, 0)


def test_sites_that_stand_already_add_nothing(rng):
    persons, made, names = scene(rng)
    found = added_interval(persons, [made], names, standing=np.ones(len(names), bool))
    assert (found.low, found.high) == (0, 0)


def test_where_no_site_serves_today_no_draw_makes_one_serve():
    """A place without a server has no spread: the middle one of the district counts for what is new there."""
    made = part([[P(0.5)], [0.0]], [0.0, 0.5], sigma_db=[np.nan, 8.0])
    found = added_interval([1000.0, 1.0], [made], ["a"], site_sigma_db=0.0)
    assert found.high == pytest.approx(1000 * P(0.5 + Z), abs=0.5)


def test_networks_are_off_independently_and_one_network_is_off_once(rng):
    persons, made, names = scene(rng)

    def half(network):
        return part(made.p.todense(), made.present, error_db=made.error_db, kind=made.kind, sigma_db=made.sigma_db, network=network, share=0.5)  # fmt: skip

    whole = added_interval(persons, [made], names)
    same = added_interval(persons, [half("n"), half("n")], names)
    apart = added_interval(persons, [half("n"), half("m")], names)
    assert (same.low, same.high) == pytest.approx((whole.low, whole.high), rel=1e-9)
    assert apart.high - apart.low < whole.high - whole.low


def test_no_draw_is_refused():
    with pytest.raises(BadInput):
        added_interval([1.0], [part([[0.5]], [0.0])], ["a"], draws=0)
