"""Candidates of several networks: what each operator gets, what a shared host costs, and why some are never used."""

from types import SimpleNamespace

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from siting import settings
from siting.actions import candidate_emf, candidate_near, candidates, runs
from siting.store import artefacts
from siting.store.database import open_database

NETWORKS = ["ctcu-n78-a", "cm-n41"]


@pytest.fixture(scope="module")
def two(two_folder, actor):
    """A district in which two networks were covered and scored."""
    folder, ids = two_folder
    db = open_database(settings.load(folder))
    scored, offered = (artefacts.load_table(runs.folder(db, ids["score"]), name) for name in ("scored", "options"))
    yield offered, candidates.base_of(db, actor, ids["coverage"]), scored, candidates.reaches(db, ids["score"])
    db.engine.dispose()


def test_operators_of_one_network_share_what_reaches_them_and_others_have_their_own(two):
    _, base, scored, reach = two
    assert reach["ctc"] is reach["cucc"]
    assert reach["cmcc"] is reach["cbn"]
    assert base.presents["ctc"] is base.presents["cucc"]
    for operator, p in reach.items():
        assert p.shape == (len(base.units), len(scored))
        silent = [operator not in own for own in scored["operators"]]
        assert p[:, np.flatnonzero(silent)].nnz == 0


def test_every_host_is_offered_alone_and_together_and_the_joint_option_costs_what_two_pay(two):
    scored = two[2]
    per_host = scored.groupby(["candidate_id", "configuration", "start_deg"])
    whole = [group for _, group in per_host if len(group) == 3]
    assert whole
    for group in whole:
        single, both = group[group["parties"] == 1], group[group["parties"] == 2].iloc[0]
        assert both["cost_yuan"] == pytest.approx(0.7 * single["cost_yuan"].sum())
        assert set(both["operators"]) == {name for own in single["operators"] for name in own}


def test_a_joint_option_gives_each_operator_what_its_network_alone_gives(two):
    _, _, scored, reach = two
    place = {
        (row.candidate_id, row.configuration, row.start_deg, tuple(row.networks)): at
        for at, row in enumerate(scored.itertuples())
    }
    checked = 0
    for (host, configuration, start, networks), at in place.items():
        alone = place.get((host, configuration, start, (NETWORKS[1],)))
        if len(networks) == 2 and alone is not None:
            assert abs(reach["cmcc"][:, [at]] - reach["cmcc"][:, [alone]]).nnz == 0
            checked += 1
    assert checked > 10


def test_people_added_are_weighted_over_all_operators_and_joint_ones_count_the_least_served(two):
    _, base, scored, reach = two
    persons = base.units["persons"].to_numpy(float)
    for at in scored.index[scored["parties"] == 2][:5]:
        p = {name: reach[name][:, [at]].toarray().ravel() for name in ("ctc", "cmcc")}
        b = {name: base.presents[name].astype(float) for name in p}
        after = {name: np.maximum(p[name], b[name]) for name in p}
        added = [persons @ (after[name] - b[name]) for name in p]
        least = np.minimum(after["ctc"], after["cmcc"]) - np.minimum(b["ctc"], b["cmcc"])
        assert scored.loc[at, "added_persons"] == pytest.approx(sum(added) / 2, rel=1e-6)
        assert scored.loc[at, "added_joint"] == pytest.approx(persons @ least, rel=1e-6, abs=1e-9)


def test_two_starts_of_a_host_stay_and_nothing_offered_is_lost(two):
    offered, _, scored, _ = two
    assert scored.groupby(["candidate_id", "configuration", scored["networks"].map("+".join)]).size().max() <= 2
    assert set(scored["option_id"]) <= set(offered["option_id"])
    assert offered["option_id"].is_unique
    assert offered["message"].str.len().gt(0).all()


def test_the_nearest_own_site_counts_for_each_operator_apart():
    made = pd.DataFrame({"easting_m": [0.0, 0.0], "northing_m": [0.0, 0.0], "operators": [["ctc"], ["cmcc", "ctc"]]})
    sites = {"ctc": np.array([[300.0, 400.0]]), "cmcc": np.array([[30.0, 40.0], [1000.0, 0.0]])}
    assert candidate_near.own_site_m(made, sites).tolist() == [500.0, 50.0]


def test_a_sensitive_building_counts_within_30_m_and_above_the_antenna_only():
    made = pd.DataFrame({"easting_m": [0.0, 0.0, 60.0], "northing_m": 0.0, "antenna_height_m": [8.0, 20.0, 8.0]})
    houses = gpd.GeoDataFrame(geometry=[shapely.box(29.0, -5.0, 29.5, 5.0)], crs="EPSG:4548")
    assert candidate_near.sensitive_within(made, houses, np.array([15.0]), 30.0).tolist() == [True, False, False]


@pytest.mark.parametrize(("q", "factored", "word"), [
    (0.9, 0.2, "passed_precheck"), (4.4, 0.83, "needs_assessment"), (6.0, 1.13, "exceeds_precheck"),
])  # fmt: skip
def test_only_what_exceeds_at_actual_maximum_power_too_is_excluded(q, factored, word):
    verdict = "passed_precheck" if q <= 1 else "exceeds_precheck"
    spot = SimpleNamespace(q=q, building_id="b", face="s", distance_m=40.0)
    report = SimpleNamespace(worst=spot, verdict=verdict, factored=factored, reasons=())
    assert candidate_emf._row(report)["emf"] == word
