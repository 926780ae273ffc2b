import numpy as np
import pandas as pd
import pytest
import shapely

from siting.ledger import screening
from siting.plan import tables, verdicts


@pytest.mark.parametrize(
    ("codes", "status", "word"),
    [
        ([], None, "paper_ok"),
        (["POWER_SHORT"], "tested_ok", "tested_ok"),
        (["AGE_UNKNOWN"], "tested_ok", "needs_test"),
        (["MOMENT_OVER"], "tested_ok", "excluded"),
        (["WEIGHT_NEAR", "SAIL_OVER"], None, "excluded"),
        (["conditions", "POWER_UNKNOWN"], None, "paper_ok"),
        ([], "needs_test", "needs_test"),
    ],
)
def test_the_worst_reason_decides_what_is_said_of_a_structure(codes, status, word):
    assert verdicts.structure([codes], [status]) == [word]


def test_every_word_on_structure_and_field_has_a_value_in_the_score():
    known = set(tables.score_states())
    structure = verdicts.structure([[], [], ["AGE_UNKNOWN"], ["SAIL_OVER"]], ["tested_ok", None, None, None])
    field = verdicts.emf([0.5, 0.5, 2.0], [True, False, False])
    assert {("structure", w) for w in structure} | {("emf", w) for w in field} <= known


def test_every_structural_reason_is_one_of_the_screening_with_the_same_weight():
    outcome = screening.codes()
    assert {outcome[code] for code in verdicts.STRUCTURE_DOUBTS} == {"needs_test"}
    assert {outcome[code] for code in verdicts.STRUCTURE_REFUSALS} == {"excluded"}


def test_power_decides_before_distance_and_the_limit_itself_is_not_passed():
    words = verdicts.emf([5.0, 0.999, 1.0, np.inf, np.nan], [True, False, False, False, False])
    assert words == ["power_exempt", "passed_precheck", "needs_assessment", "needs_assessment", "needs_assessment"]


def brute_force(options, buildings):
    """Distance to every building; a roof's own one, which holds the point, does not count."""
    found = []
    for x, y, mount in options.itertuples(index=False):
        gaps = [shapely.Point(x, y).distance(b) for b in buildings]
        found.append(min((g for g in gaps if mount != "roof" or g > 0), default=np.inf))
    return found


def test_the_nearest_facade_equals_the_one_found_by_trying_all():
    seed = np.random.default_rng(3)
    corners = seed.uniform(0, 250, (12, 2))
    buildings = np.array([shapely.box(x, y, x + w, y + w) for (x, y), w in zip(corners, seed.uniform(5, 20, 12), strict=True)])  # fmt: skip
    roofs = shapely.get_coordinates(shapely.centroid(buildings[:6]))
    spots = np.vstack([seed.uniform(0, 300, (40, 2)), roofs])
    mounts = ["pole"] * 40 + ["roof"] * 6
    options = pd.DataFrame({"easting_m": spots[:, 0], "northing_m": spots[:, 1], "mount": mounts})
    assert verdicts.nearest_building_m(options, buildings) == pytest.approx(brute_force(options, buildings))


def test_without_buildings_nothing_is_near():
    options = pd.DataFrame({"easting_m": [0.0, 1.0], "northing_m": [0.0, 1.0], "mount": ["pole", "roof"]})
    assert verdicts.nearest_building_m(options, np.array([], dtype=object)).tolist() == [np.inf, np.inf]
    assert verdicts.nearest_building_m(options.iloc[:0], np.array([shapely.box(0, 0, 1, 1)])).shape == (0,)
