import numpy as np
import pandas as pd
import pytest
from shapely.geometry import LineString, MultiLineString, Point, box

from siting.geo.grid import Grid
from siting.radio import complaints, venues
from siting.radio.network import load_thresholds

WEAK = load_thresholds()["weak-110"]
GRID = Grid(0.0, 20.0, 10.0, 2, 100, "EPSG:4548")


def street(p, *, floor=0, venue=None):
    """A row of cells along the south edge of the map."""
    n = len(p)
    return pd.DataFrame(
        {
            "row": 1,
            "col": np.arange(n),
            "floor": floor,
            "venue": pd.Categorical([venue] * n, categories=["hall", "line"]),
            "persons": np.arange(1.0, n + 1),
            "probability": np.asarray(p, np.float32),
        }
    )


def verdict(table, geometry):
    return venues.verdicts(table, GRID, {"hall": geometry}, thresholds=WEAK).iloc[0]


@pytest.mark.parametrize(
    ("p", "expected"),
    [
        ([0.9, 0.95, 1.0], "passed"),
        ([0.9, 0.89, 1.0], "missed"),
        ([0.9, np.nan, 1.0], "unknown"),
        ([0.2, np.nan], "missed"),
    ],
)
def test_a_venue_is_deeply_covered_when_every_key_point_is(p, expected):
    found = verdict(street(p, floor=1, venue="hall"), Point(1, 1))
    assert found["verdict"] == expected
    assert found["met"] + found["missed"] + found["unknown"] == pytest.approx(1.0)


@pytest.mark.parametrize(("weak", "expected"), [(5, "passed"), (6, "missed")])
def test_a_line_is_deeply_covered_when_95_percent_of_its_length_is(weak, expected):
    p = np.where(np.arange(100) < weak, 0.1, 0.99)
    found = verdict(street(p), LineString([(0, 5), (1000, 5)]))
    assert found["verdict"] == expected
    assert found["missed"] == pytest.approx(weak / 100)


def test_a_line_under_unknown_ground_is_undecided_and_its_length_counts_by_cells():
    p = np.where(np.arange(100) < 10, np.nan, 0.99)
    split = MultiLineString([[(0, 5), (500, 5)], [(500, 5), (1000, 5)]])
    found = verdict(street(p), split)
    assert (found["verdict"], found["unknown"]) == ("unknown", pytest.approx(0.1))


def test_a_venue_outside_the_units_has_no_verdict():
    assert venues.verdicts(street([1.0]), GRID, {"hall": box(0, 0, 1, 1)}, thresholds=WEAK).empty


def test_shares_of_people_and_of_area_are_given_beside_each_other():
    table = street([0.95, 0.5, np.nan, 0.95], venue="hall")
    people = venues.shares(table, "venue", cell_probability=0.9).iloc[0]
    assert people[["expected", "reliable", "unknown"]].tolist() == pytest.approx([(0.95 + 1.0 + 3.8) / 10, 0.5, 0.3])
    area = venues.shares(table, "venue", cell_probability=0.9, weight="units").iloc[0]
    assert area[["expected", "reliable", "unknown"]].tolist() == pytest.approx([2.4 / 4, 0.5, 0.25])


def test_a_complaint_loses_half_its_weight_in_180_days_and_never_counts_as_people():
    assert complaints.weights([0.0, 180.0, 360.0, np.nan, -3.0]).tolist() == pytest.approx([1.0, 0.5, 0.25, 1.0, 1.0])
    table = street([1.0, 1.0], venue="hall")
    before = table["persons"].sum()
    calls = pd.DataFrame({"row": [1, 1, 0], "col": [0, 1, 0], "weight": [1.0, 0.5, 1.0]})
    assert complaints.evidence(table, calls, level="venue").to_dict() == {"hall": 1.5}
    assert table["persons"].sum() == before
