import numpy as np
import pandas as pd
import pytest
from scipy import stats

from siting.plan import permission
from siting.plan.permission import interval, risk, said


def cases(host, owner, *, agreed, refused, days=10.0):
    lines = [{"class": host, "owner_org": owner, "agreed": True, "days": days}] * agreed
    lines += [{"class": host, "owner_org": owner, "agreed": False, "days": np.nan}] * refused
    return pd.DataFrame(lines, columns=["class", "owner_org", "agreed", "days"]).astype({"agreed": bool, "days": float})


ASKED = pd.DataFrame({"class": ["street_light", "street_light", "bridge", "street_light", "spaceport"],
    "owner_org": ["城管委", "园林局", "城管委", None, "城管委"]}, index=[5, 6, 7, 8, 9])  # fmt: skip


@pytest.mark.parametrize(("s", "n"), [(0, 0), (3, 5), (8, 13), (20, 20), (0, 9)])
def test_mean_and_interval_are_those_of_the_beta_distribution(s, n):
    mean, low, high = interval([s], [n])
    assert mean[0] == pytest.approx((s + 1) / (n + 2))
    # the ends by the integral of the density itself
    x = np.linspace(0, 1, 200_001)
    whole = np.cumsum(x**s * (1 - x) ** (n - s))
    whole /= whole[-1]
    assert low[0] == pytest.approx(x[np.searchsorted(whole, 0.05)], abs=1e-4)
    assert high[0] == pytest.approx(x[np.searchsorted(whole, 0.95)], abs=1e-4)
    assert low[0] == pytest.approx(stats.beta.ppf(0.05, s + 1, n - s + 1))


def test_enough_cases_of_owner_and_class_count_before_those_of_the_class():
    closed = pd.concat([cases("street_light", "城管委", agreed=8, refused=5), cases("street_light", "园林局", agreed=1, refused=6)])
    found = risk(ASKED, closed)
    assert found["permission_basis"].tolist() == ["owner_class", "class", "default", "class", "default"]
    assert found["permission_n"].tolist() == [13, 20, 0, 20, 0]
    assert found["permission"].tolist()[:2] == pytest.approx([9 / 15, 10 / 22])
    assert found["permission_days"].tolist()[:2] == [10.0, 10.0]
    assert list(found.index) == list(ASKED.index)


def test_without_any_case_the_order_of_hosts_counts_and_the_interval_says_that_nothing_is_known():
    found = risk(ASKED, cases("x", "y", agreed=0, refused=0))
    order = permission.host_classes().set_index("class")["probability"]
    assert found["permission"].tolist()[:3] == [order["street_light"], order["street_light"], order["bridge"]]
    assert np.isnan(found["permission"].iloc[4])
    assert found["permission_low"].tolist() == pytest.approx([0.05] * 5)
    assert found["permission_high"].tolist() == pytest.approx([0.95] * 5)


def test_few_cases_of_the_class_are_used_and_said_to_be_few():
    found = risk(ASKED, cases("bridge", "别的单位", agreed=2, refused=0))
    row = found.loc[7].to_dict()
    assert (row["permission_basis"], row["permission_n"]) == ("class", 2)
    assert "样本不足" in said(row)
    assert "75%" in said(row)


def test_the_words_hold_mean_interval_and_count():
    row = risk(ASKED, cases("street_light", "城管委", agreed=8, refused=5)).loc[5].to_dict()
    low, high = (stats.beta.ppf(q, 9, 6) for q in (0.05, 0.95))
    assert said(row, lang="en") == f"60% ({low:.0%}–{high:.0%}, n = 13, same class and owner)"
    assert said({"permission": float("nan")}) == "—"
    assert "待核实" in said(risk(ASKED, cases("x", "y", agreed=0, refused=0)).loc[7].to_dict())


def test_the_default_order_of_hosts_never_rises_along_itself():
    table = permission.host_classes()
    groups = table[table["class"] != "telecom_tower"].groupby("host_order")["probability"]
    assert groups.min().equals(groups.max())
    assert groups.first().is_monotonic_decreasing
    assert set(table["mark"]) == {"unverified"}
