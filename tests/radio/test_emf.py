"""The pre-check of fields: expected values from closed formulas and hand geometry."""

import math

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from scipy.spatial import cKDTree

from siting.errors import BadInput, OutOfRange
from siting.radio import emf, network
from siting.radio.antenna import Pattern
from siting.radio.network import Gear

S_LIMIT = 3500.0 / 7500.0
# 200 W at 24.5 dBi on the boresight, W/m2 at 1 m.
STRENGTH = 200.0 * 10**2.45 / (4 * math.pi)


def sector(**given):
    base = {
        "site_id": "a", "sector_id": "a1", "easting_m": 0.0, "northing_m": 0.0, "antenna_height_m": 25.0, "mount": "pole", "azimuth_deg": 0.0,
        "mechanical_tilt_deg": 0.0, "electrical_tilt_deg": 0.0, "equipment": "aau64-200w", "frequency_mhz": 3500.0,
    }  # fmt: skip
    return {**base, **given}


def sectors(*rows):
    return pd.DataFrame([sector(**row) for row in rows or ({},)])


def blocks(*boxes, **columns):
    """Buildings from (west, south, east, north, height)."""
    shapes = [shapely.box(*box[:4]) for box in boxes]
    table = {
        "building_id": [f"b{n}" for n in range(len(boxes))],
        "height_m": [float(box[4]) for box in boxes],
        **columns,
    }
    return gpd.GeoDataFrame(table, geometry=shapes, crs="EPSG:4548")


def wall(distance_m=40.0, height_m=25.0):
    return blocks((-30, distance_m, 30, distance_m + 10, height_m))


def front(report):
    """The façade that faces south."""
    return report.points[report.points["face"] == "s"]


def share(distance_m, loss_db=0.0):
    return STRENGTH * 10 ** (-loss_db / 10) / distance_m**2 / S_LIMIT


# limits, distances, exemption


def test_the_limits_at_3500_mhz_are_those_of_the_standard_and_both_are_kept():
    found = emf.limits(3500.0)
    assert float(found.e_v_m) == pytest.approx(13.0154, abs=1e-4)
    assert float(found.s_w_m2) == pytest.approx(0.466667, abs=1e-6)
    assert float(emf.limits(3000.0).e_v_m) == 12.0
    assert float(emf.limits(3000.001).e_v_m) == pytest.approx(12.05, abs=1e-3)


def test_the_compliance_distance_is_98_04_m_for_200_w_at_24_5_dbi():
    assert float(emf.compliance_distance_m(200.0, 24.5, 3500.0)) == pytest.approx(98.04, abs=0.005)


def test_power_counts_against_a_dipole_up_to_1000_mhz_and_isotropic_above():
    assert float(emf.equivalent_power_w(100.0, 2.15, 1000.0)) == pytest.approx(100.0)
    assert float(emf.equivalent_power_w(100.0, 2.15, 1000.1)) == pytest.approx(100 * 10**0.215)


# one wall


@pytest.mark.parametrize(("height_m", "expected"), [(25.0, 4.685), (13.0, 0.031)])
def test_a_wall_40_m_ahead_has_the_share_of_the_worked_example(height_m, expected):
    report = emf.precheck(sectors({"electrical_tilt_deg": 3.0}), wall(height_m=height_m))
    top = front(report)
    top = top[(top["height_m"] == height_m) & (top["easting_m"].abs() < 1e-9)]
    assert top["q_s"].iloc[0] == pytest.approx(expected, abs=0.0005)


def test_the_worst_point_of_a_wall_lies_where_the_boresight_meets_it():
    tilt = 10.0
    report = emf.precheck(sectors({"electrical_tilt_deg": tilt}), wall(height_m=60.0))
    worst = report.worst
    slant = 40.0 / math.cos(math.radians(tilt))
    assert report.verdict == "exceeds_precheck"
    assert (worst.building_id, worst.face, worst.floor) == ("b0", "s", 6)
    assert worst.q_s == pytest.approx(share(slant), rel=2e-3)
    assert worst.height_m == pytest.approx(25.0 - 40.0 * math.tan(math.radians(tilt)), abs=0.3)
    met = front(report)
    exact = np.hypot(met["easting_m"], met["height_m"] - (25.0 - 40.0 * math.tan(math.radians(tilt)))) < 1e-9
    assert met.loc[exact, "q_s"].iloc[0] == pytest.approx(share(slant), rel=1e-9)


@pytest.mark.parametrize("kind", ["electrical_tilt_deg", "mechanical_tilt_deg"])
def test_downtilt_is_positive_down(kind):
    down = emf.precheck(sectors({kind: 8.0}), wall(height_m=50.0)).worst.height_m
    up = emf.precheck(sectors({kind: -8.0}), wall(height_m=50.0)).worst.height_m
    assert down == pytest.approx(25 - 40 * math.tan(math.radians(8)), abs=0.5)
    assert up == pytest.approx(25 + 40 * math.tan(math.radians(8)), abs=0.5)


def test_the_field_limit_is_the_stricter_one_above_3_ghz():
    worst = emf.precheck(sectors(), wall()).worst
    assert worst.q_e / worst.q_s == pytest.approx(376.730 * S_LIMIT / 13.0154**2, rel=1e-4)
    assert worst.q == worst.q_e


def test_a_wall_beyond_the_compliance_distance_passes_and_one_within_does_not():
    limit_m = emf.precheck(sectors(), wall(40.0)).compliance_m
    assert limit_m == pytest.approx(math.sqrt(STRENGTH * 376.730) / 13.0154, rel=1e-4)
    assert emf.precheck(sectors(), wall(limit_m + 0.05)).verdict == "passed_precheck"
    assert emf.precheck(sectors(), wall(limit_m - 0.05)).verdict == "exceeds_precheck"


def test_nothing_but_the_street_is_around_a_lone_tower():
    report = emf.precheck(sectors(), wall(500.0))
    assert report.verdict == "passed_precheck"
    assert set(report.points["face"]) == {"street"}
    assert report.worst.floor == 0


# the points


def test_points_are_a_metre_or_a_twentieth_of_their_distance_apart_up_to_the_edge_of_the_reach():
    report = emf.precheck(sectors(), wall(16.0, 40.0))
    face = front(report)
    tree = cKDTree(face[["easting_m", "height_m"]].to_numpy())
    spots = np.random.default_rng(1).uniform((-30, 0), (30, 40), (4000, 2))
    distance = np.sqrt(spots[:, 0] ** 2 + 16.0**2 + (spots[:, 1] - 25.0) ** 2)
    step = np.minimum(distance / 20, 1.0)
    assert (tree.query(spots)[0] <= step / math.sqrt(2) + 1e-9).all()
    assert report.points["distance_m"].max() <= 1.2 * report.compliance_m + 1e-6


def test_corners_the_nearest_point_of_each_face_and_persons_on_the_roof_are_among_the_points():
    report = emf.precheck(sectors({"easting_m": 3.3}), wall(30.0, 20.0))
    spots = report.points[["easting_m", "northing_m", "height_m"]].to_numpy()
    corners = [(-30, 30, 20), (30, 30, 20), (-30, 30, 21.7), (30, 40, 21.7), (-30, 30, 0)]
    nearest = [(3.3, 30, 20), (-30, 30, 20), (3.3, 30, 21.7)]
    for wanted in (*corners, *nearest):
        assert np.abs(spots - np.array(wanted)).sum(axis=1).min() < 1e-9, wanted
    roof = report.points[report.points["face"] == "roof"]
    assert set(roof["height_m"].round(9)) == {21.7}
    assert roof["northing_m"].between(30 - 1e-9, 40 + 1e-9).all()


def test_no_point_of_the_street_lies_in_a_building_and_none_of_a_roof_beside_it():
    shape = shapely.Polygon([(0, 30), (30, 30), (30, 60), (20, 60), (20, 40), (0, 40)])
    frame = gpd.GeoDataFrame({"building_id": ["l"], "height_m": [12.0]}, geometry=[shape], crs="EPSG:4548")
    points = emf.precheck(sectors(), frame).points
    inside = shapely.contains_xy(shape, points["easting_m"], points["northing_m"])
    assert not (inside & (points["face"] == "street")).any()
    roof = points[points["face"] == "roof"]
    assert shapely.dwithin(shapely.points(roof[["easting_m", "northing_m"]].to_numpy()), shape, 2e-3).all()
    assert len(roof) > 450


def test_every_part_of_a_building_and_its_courtyards_have_walls_and_the_courtyard_is_street():
    ring = shapely.Polygon(
        shapely.box(-60, 30, -20, 70).exterior.coords, [shapely.box(-50, 40, -30, 60).exterior.coords]
    )
    shape = shapely.MultiPolygon([ring, shapely.box(20, 30, 40, 50)])
    frame = gpd.GeoDataFrame({"height_m": [12.0]}, geometry=[shape], crs="EPSG:4548")
    points = emf.precheck(sectors(), frame).points
    south, street = points[points["face"] == "s"], points[points["face"] == "street"]
    assert {round(v) for v in south["northing_m"]} == {30, 60}
    assert south["easting_m"].min() < -55
    assert south["easting_m"].max() > 35
    assert (street["easting_m"].between(-49, -31) & street["northing_m"].between(41, 59)).any()
    assert not shapely.contains_xy(shape, street["easting_m"], street["northing_m"]).any()
    assert set(points["building_id"]) == {"0", ""}


def test_without_buildings_only_the_street_is_computed_and_without_sectors_nothing():
    nothing = gpd.GeoDataFrame(geometry=[], crs="EPSG:4548")
    assert set(emf.precheck(sectors(), nothing).points["face"]) == {"street"}
    unknown = emf.precheck(sectors(), nothing, surveyed=False)
    assert (unknown.verdict, [r.code for r in unknown.reasons]) == ("needs_assessment", ["no_buildings"])
    none = emf.precheck(sectors().iloc[:0], wall())
    assert (none.verdict, none.worst, len(none.faces)) == ("needs_assessment", None, 0)
    assert math.isnan(none.factored)


def test_faces_are_named_by_where_they_look():
    points = emf.precheck(sectors(), wall()).points
    by_face = points[~points["face"].isin(["roof", "street"])].groupby("face", observed=True)
    assert set(by_face.groups) == {"n", "e", "s", "w"}
    assert by_face["northing_m"].max()["s"] == 40.0
    assert by_face["easting_m"].min()["e"] == 30.0


def test_turning_the_scene_by_a_right_angle_turns_the_result():
    here = emf.precheck(sectors({"azimuth_deg": 20.0, "electrical_tilt_deg": 6.0}), wall(45.0, 30.0))
    turned = wall(45.0, 30.0)
    turned["geometry"] = turned.rotate(-90, origin=(0, 0))
    there = emf.precheck(sectors({"azimuth_deg": 110.0, "electrical_tilt_deg": 6.0}), turned)
    assert there.worst.q == pytest.approx(here.worst.q, rel=1e-6)
    assert (here.worst.face, there.worst.face) == ("s", "w")


# sums


def test_two_bands_of_one_mast_are_summed():
    row = {"frequency_mhz": 2600.0, "equipment": "rru8-240w", "sector_id": "a2"}
    both = emf.precheck(sectors({}, row), wall()).worst
    second = 240.0 * 10**1.65 / (4 * math.pi) / 40.0**2
    assert both.q_s == pytest.approx(share(40.0) + second / 0.4, rel=1e-6)
    assert both.q_e == pytest.approx(share(40.0) * S_LIMIT * 376.73 / 13.0154**2 + second * 376.73 / 144.0, rel=1e-4)


def test_a_known_transmitter_within_100_m_is_summed_and_one_farther_is_not():
    other = {"northing_m": 99.0, "azimuth_deg": 180.0, "site_id": "b", "sector_id": "b1"}
    alone = emf.precheck(sectors(), wall(49.5, 25.0))
    thin = blocks((-30, 49.5, 30, 49.6, 25.0))
    summed = emf.precheck(sectors(), thin, existing=sectors(other))
    assert alone.new_only
    assert summed.existing == 1
    south = front(summed)
    ahead = south[(south["easting_m"].abs() < 1e-9) & ((south["height_m"] - 25.0).abs() < 1e-9)].iloc[0]
    assert ahead["q_s"] == pytest.approx(2 * share(49.5), rel=1e-6)
    assert ahead["own"] == pytest.approx(alone.worst.q, rel=1e-6)
    assert emf.precheck(sectors(), thin, existing=sectors({**other, "northing_m": 100.1})).existing == 0


def test_what_others_do_where_the_checked_equipment_adds_nothing_decides_nothing():
    behind = {"northing_m": -60.0, "azimuth_deg": 180.0, "site_id": "b", "sector_id": "b1"}
    report = emf.precheck(sectors(), blocks((-20, -110, 20, -90, 30)), existing=sectors(behind))
    assert report.verdict == "passed_precheck"
    assert [a.code for a in report.advisories] == ["existing_high"]
    assert report.points["q"].max() > 1.0


def test_the_second_line_counts_the_time_of_tdd_carriers_only_and_the_verdict_neither():
    usual = emf.usual_factors()
    tdd = emf.precheck(sectors({"network": "ctcu-n78-a"}), wall(), factors=usual)
    assert tdd.verdict == "exceeds_precheck"
    assert tdd.factored == pytest.approx(tdd.worst.q * 0.75 * 0.25)
    row = {"network": "cm-cbn-n28", "frequency_mhz": 773.0, "equipment": "rru4-60w"}
    fdd = emf.precheck(sectors(row), wall(30.0), factors=usual)
    assert fdd.factored == pytest.approx(fdd.worst.q * 0.25)
    assert fdd.older == pytest.approx(5 * fdd.worst.q)


# what cannot be decided


def test_a_wall_in_the_near_field_leaves_the_outcome_open():
    small = blocks((-1, 10, 1, 11, 26))
    report = emf.precheck(sectors(), small)
    assert report.verdict == "needs_assessment"
    reason = next(r for r in report.reasons if r.code == "near_field")
    assert reason.given["far_m"] == pytest.approx(2 * 0.8**2 / (3e8 / 3.5e9))
    assert reason.given["distance_m"] == pytest.approx(10.0)


def test_a_building_of_unknown_height_in_range_leaves_the_outcome_open_and_one_beyond_does_not():
    unknown = blocks((-5, 100, 5, 110, math.nan))
    report = emf.precheck(sectors(), unknown)
    assert report.verdict == "needs_assessment"
    assert [(r.code, r.given["building"]) for r in report.reasons] == [("height_unknown", "b0")]
    assert emf.precheck(sectors(), blocks((-5, 125, 5, 130, math.nan))).verdict == "passed_precheck"


def test_floors_stand_for_an_unknown_height():
    frame = blocks((-5, 100, 5, 110, math.nan), floors=[9])
    report = emf.precheck(sectors(), frame)
    assert report.reasons == ()
    assert front(report)["height_m"].max() == 27.0


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ({"equipment": "strange"}, "equipment_unknown"),
        ({"pattern": "measured-x"}, "pattern_missing"),
        ({"antenna_height_m": None}, "antenna_height_missing"),
        ({"azimuth_deg": None}, "azimuth_missing"),
        ({"frequency_mhz": None, "network": "none"}, "network_unknown"),
    ],
)
def test_a_sector_that_cannot_be_computed_leaves_the_outcome_open(row, code):
    report = emf.precheck(sectors(row), wall(60.0))
    assert report.verdict == "needs_assessment"
    assert [r.code for r in report.reasons] == [code]
    assert report.worst is None


def test_a_sector_without_data_beside_a_good_one_hides_no_excess():
    report = emf.precheck(sectors({}, {"equipment": "strange", "sector_id": "a2"}), wall())
    assert report.verdict == "exceeds_precheck"


def test_the_roof_under_an_antenna_counts_unless_somebody_vouches_that_it_is_closed():
    roof = blocks((-40, -40, 40, 40, 20.0))
    row = sectors({"mount": "roof", "antenna_height_m": 23.0, "frequency_mhz": 773.0, "equipment": "rru4-60w"})
    open_ = emf.precheck(row, roof)
    assert "own_roof_open" in [r.code for r in open_.reasons]
    closed = emf.precheck(row, roof, closed_roofs=["b0"])
    assert "roof" not in set(closed.points["face"])
    assert closed.reasons == ()


def test_an_antenna_below_the_roof_of_its_own_building_leaves_the_outcome_open():
    report = emf.precheck(sectors({"antenna_height_m": 10.0}), blocks((-5, -5, 5, 5, 20.0)))
    assert "antenna_inside" in [r.code for r in report.reasons]


def test_a_wall_behind_an_antenna_mounted_on_it_is_in_its_near_field():
    report = emf.precheck(sectors({"mount": "wall", "antenna_height_m": 10.0}), blocks((-20, -10.2, 20, -0.2, 30.0)))
    assert report.verdict == "needs_assessment"
    assert "near_field" in [r.code for r in report.reasons]


# exemption and advisories


def test_a_micro_of_100_w_is_exempt_and_computed_too():
    micro = sectors({"equipment": "micro-2x5w", "antenna_height_m": 8.0, "azimuth_deg": None})
    report = emf.precheck(micro, blocks((-5, 20, 5, 30, 12.0)))
    assert report.equivalent_power_w == pytest.approx(100.0)
    assert report.verdict == "power_exempt"
    assert len(report.points) > 0


def test_two_exempt_transmitters_on_one_site_are_no_longer_exempt():
    both = sectors(*({"equipment": "micro-2x5w", "antenna_height_m": 30.0, "sector_id": s} for s in "ab"))
    report = emf.precheck(both, blocks((-5, 40, 5, 50, 12.0)))
    assert report.equivalent_power_w == pytest.approx(200.0)
    assert report.verdict == "passed_precheck"


@pytest.mark.parametrize(
    ("distance_m", "height_m", "use", "codes"),
    [
        (29.9, 26.0, "school", ["sensitive_30m"]),
        (30.1, 26.0, "school", []),
        (29.9, 24.9, "school", []),
        (29.9, 26.0, "office", []),
        (29.9, math.nan, "hospital", ["sensitive_unknown"]),
    ],
)
def test_a_sensitive_building_higher_than_the_antenna_within_30_m_is_advised_on(distance_m, height_m, use, codes):
    frame = blocks((-5, distance_m, 5, distance_m + 10, height_m), use=[use])
    report = emf.precheck(sectors({"azimuth_deg": 180.0}), frame)
    assert [a.code for a in report.advisories] == codes


# patterns


def test_a_measured_pattern_of_an_unsteered_beam_replaces_its_widths():
    cut = tuple(float(min(abs((a + 180) % 360 - 180), 40)) for a in range(360))
    gear = Gear(network.load_equipment(), {"m": Pattern("m", 16.5, horizontal_db=cut, vertical_db=cut)})
    row = sectors({"equipment": "rru8-240w", "pattern": "m"})
    found = emf.sources_of(row, networks=network.load_networks(), gear=gear)
    ahead, aside = emf.shares(found, np.array([[0.0, 50.0, 25.0], [25.0, 25.0 * math.sqrt(3), 25.0]])).q_s
    assert ahead / aside == pytest.approx(10**3.0, rel=1e-6)


def test_a_broadcast_pattern_never_lowers_the_envelope_of_a_steered_beam():
    flat = (30.0,) * 360
    gear = Gear(network.load_equipment(), {"m": Pattern("m", 17.0, horizontal_db=flat, vertical_db=flat)})
    tables = {"networks": network.load_networks(), "gear": gear}
    spot = np.array([[0.0, 50.0, 25.0]])
    measured = emf.shares(emf.sources_of(sectors({"pattern": "m"}), **tables), spot).q_s
    nominal = emf.shares(emf.sources_of(sectors(), **tables), spot).q_s
    assert measured == nominal


# values along the beam


def test_values_along_the_beam_and_in_the_street_follow_the_formula():
    sources = emf.precheck(sectors({"electrical_tilt_deg": 6.0}), wall()).sources
    found = emf.along(sources).set_index("distance_m")
    assert np.isnan(found.loc[10.0, "beam"])
    q_e = 376.730 * STRENGTH / 13.0154**2
    assert found.loc[50.0, "beam"] == pytest.approx(q_e / 50.0**2, rel=1e-4)
    slant = math.hypot(100.0, 25.0 - 1.7)
    loss = min(12 * ((math.degrees(math.atan2(23.3, 100.0)) - 6.0) / 10) ** 2, 30)
    assert found.loc[100.0, "street"] == pytest.approx(q_e * 10 ** (-loss / 10) / slant**2, rel=1e-4)


def test_a_beam_below_the_ground_has_no_value():
    sources = emf.precheck(sectors({"electrical_tilt_deg": 30.0}), wall()).sources
    assert np.isnan(emf.along(sources, (60.0,))["beam"].iloc[0])


# misuse and tables


def test_missing_columns_and_too_fine_a_spacing_are_refused():
    with pytest.raises(BadInput):
        emf.precheck(sectors().drop(columns="equipment"), wall())
    with pytest.raises(OutOfRange):
        emf.precheck(sectors(), wall(), spacing_m=0.01)


def test_columns_of_text_and_objects_are_read_as_numbers():
    row = sectors({"power_w": None, "gain_dbi": None}).astype(object)
    assert emf.precheck(row, wall()).worst.q_s == pytest.approx(share(40.0), rel=1e-6)


def test_every_number_of_the_pre_check_has_unit_source_and_mark():
    import tomllib  # noqa: PLC0415 - this test alone reads the table itself

    table = tomllib.loads((network.DATA / "emf.toml").read_text(encoding="utf-8"))
    assert set(table) == set(emf.numbers())
    for name, row in table.items():
        assert row["unit"], name
        assert row["source"], name
        assert row["mark"] in network.MARKS, name
    assert {code for _, code in emf.sensitive()} >= {"school", "hospital", "residential"}
    assert set(emf.duplex().values()) == {"TDD", "FDD"}


def test_a_dense_block_equals_point_by_point_sums():
    """A block of towers around three sectors: every thousandth point again, by the formula in plain Python."""
    rng = np.random.default_rng(7)
    boxes = [
        (x, y, x + 14, y + 12, float(h))
        for x, y, h in zip(rng.integers(-90, 80, 40), rng.integers(20, 90, 40), rng.integers(6, 60, 40), strict=True)
    ]
    rows = [{"azimuth_deg": a, "sector_id": f"s{a}", "electrical_tilt_deg": 6.0} for a in (0.0, 120.0, 240.0)]
    points = emf.precheck(sectors(*rows), blocks(*boxes)).points.iloc[::1000]
    for p in points.itertuples():
        total = 0.0
        for row in rows:
            plan = math.hypot(p.easting_m, p.northing_m)
            offset = (math.degrees(math.atan2(p.easting_m, p.northing_m)) - row["azimuth_deg"] + 180) % 360 - 180
            down = math.degrees(math.atan2(25.0 - p.height_m, plan)) - 6.0
            loss = min(min(12 * (down / 10) ** 2, 30) + min(12 * (offset / 65) ** 2, 30), 30)
            total += share(math.hypot(plan, 25.0 - p.height_m), loss)
        assert p.q_s == pytest.approx(total, rel=1e-6)
