import geopandas as gpd
import numpy as np
import pytest
import shapely

from siting.errors import BadInput
from siting.geo import crs

LON, LAT = 117.15, 39.12
PROJECT = "EPSG:4548"


def at(lon, lat):
    return gpd.GeoDataFrame({"name": ["x"]}, geometry=[shapely.Point(lon, lat)])


def xy(frame):
    return shapely.get_coordinates(frame.geometry.to_numpy())


def test_gcj02_reproduces_the_published_check_value():
    lon, lat = crs.gcj02_from_wgs84(LON, LAT)
    assert (float(lon), float(lat)) == pytest.approx((117.1563929533, 39.1211187976), abs=1e-10)


def test_bd09_reproduces_the_published_check_value():
    lon, lat = crs.bd09_from_gcj02(*crs.gcj02_from_wgs84(LON, LAT))
    assert (float(lon), float(lat)) == pytest.approx((117.1629326199, 39.1270037045), abs=1e-10)


@pytest.mark.parametrize(
    ("target", "east", "north"),
    [
        ("EPSG:4548", 512971.987, 4331836.694),
        ("EPSG:4527", 39512971.987, 4331836.694),
        ("EPSG:32650", 512966.798, 4330103.959),
    ],
)
def test_projections_reproduce_the_published_check_values(target, east, north):
    assert xy(crs.to_project(at(LON, LAT), datum="cgcs2000", crs=target))[0] == pytest.approx((east, north), abs=1e-3)


@pytest.mark.parametrize(
    "datum", ["wgs84", "cgcs2000", "gcj02", "bd09", "cgcs2000_39", "utm50n", "webmercator", "epsg:4548"]
)
def test_out_and_back_through_any_datum_moves_nothing_by_a_millimetre(datum):
    lon, lat = np.meshgrid(np.linspace(117.05, 117.3, 12), np.linspace(39.0, 39.2, 12))
    frame = gpd.GeoDataFrame(geometry=shapely.points(lon.ravel(), lat.ravel()))
    inside = crs.to_project(frame, datum="cgcs2000", crs=PROJECT)
    back = crs.to_project(crs.from_project(inside, datum=datum, crs=PROJECT), datum=datum, crs=PROJECT)
    assert np.abs(xy(back) - xy(inside)).max() < 1e-3


def test_the_offset_moves_a_place_by_the_published_distance():
    raw = crs.to_project(at(LON, LAT), datum="wgs84", crs=PROJECT)
    moved = crs.to_project(at(*crs.gcj02_from_wgs84(LON, LAT)), datum="wgs84", crs=PROJECT)
    assert raw.distance(moved).iloc[0] == pytest.approx(566.6, abs=0.1)


@pytest.mark.parametrize("datum", [None, "", "  ", "gps", "epsg:1", "epsg:999999", "EPSG:http://x"])
def test_an_undeclared_or_unknown_datum_is_refused(datum):
    with pytest.raises(BadInput):
        crs.to_project(at(LON, LAT), datum=datum, crs=PROJECT)


def test_what_the_file_claims_about_its_crs_is_not_believed():
    lying = at(LON, LAT).set_crs("EPSG:3857")
    assert xy(crs.to_project(lying, datum="wgs84", crs=PROJECT))[0] == pytest.approx(
        (512971.987, 4331836.694), abs=1e-3
    )


def test_frames_in_web_map_offsets_leave_without_a_crs():
    inside = crs.to_project(at(LON, LAT), datum="wgs84", crs=PROJECT)
    assert crs.from_project(inside, datum="gcj02", crs=PROJECT).crs is None


@pytest.mark.parametrize("bad", [None, "EPSG:4326", "EPSG:3857", "EPSG:2249"])
def test_measuring_in_degrees_feet_mercator_or_nothing_is_refused(bad):
    with pytest.raises(BadInput):
        crs.require_metric(gpd.GeoSeries([shapely.Point(0, 0)], crs=bad))


@pytest.mark.parametrize(
    ("lon", "lat", "expected"),
    [
        (117.15, 39.12, "EPSG:4548"),
        (121.2, 31.2, "EPSG:4549"),
        (114.3, 30.6, "EPSG:4547"),
        (-71.1, 42.37, "EPSG:32619"),
        (145.0, -37.8, "EPSG:32755"),
        (24.9, 60.2, "EPSG:32635"),
    ],
)
def test_a_new_district_measures_in_its_three_degree_zone_or_in_utm(lon, lat, expected):
    assert crs.metric_crs_for(at(lon, lat).set_crs("EPSG:4326")) == expected


@pytest.mark.parametrize(
    ("datum", "x", "y", "expected"),
    [
        ("cgcs2000_117", 512971.0, 4331836.0, ""),
        ("cgcs2000_117", 4331836.0, 512971.0, "AXES_SWAPPED"),
        ("cgcs2000_117", 39512971.0, 4331836.0, "ZONE_PREFIX"),
        ("cgcs2000_39", 512971.0, 4331836.0, "ZONE_PREFIX"),
        ("cgcs2000_39", 4331836.0, 39512971.0, "AXES_SWAPPED"),
        ("wgs84", 117.0, 39.0, ""),
    ],
)
def test_magnitudes_against_the_declared_zone_are_noticed(datum, x, y, expected):
    assert crs.axes_problem(at(x, y), datum=datum) == expected


@pytest.fixture(scope="module")
def streets():
    rng = np.random.default_rng(7)
    starts = rng.uniform((510000, 4329000), (516000, 4335000), (150, 2))
    angles = rng.choice([0.2, 1.77], 150) + rng.normal(0, 0.2, 150)
    ends = starts + 900 * np.column_stack((np.cos(angles), np.sin(angles)))
    return gpd.GeoDataFrame(geometry=shapely.linestrings(np.stack((starts, ends), axis=1)), crs=PROJECT)


@pytest.fixture(scope="module")
def lights(streets):
    rng = np.random.default_rng(8)
    along = shapely.line_interpolate_point(
        streets.geometry.to_numpy().repeat(20), np.tile(np.linspace(0, 880, 20), len(streets))
    )
    spots = shapely.get_coordinates(along) + rng.normal(0, 3, (len(along), 2))
    return gpd.GeoDataFrame(geometry=shapely.points(spots), crs=PROJECT)


@pytest.mark.parametrize(
    ("true", "declared", "likely"),
    [
        ("gcj02", "wgs84", "gcj02"),
        ("bd09", "wgs84", "bd09"),
        ("wgs84", "gcj02", "wgs84"),
        ("gcj02", "cgcs2000", "gcj02"),
    ],
)
def test_lights_declared_in_the_wrong_datum_are_suspect_and_the_right_one_is_named(
    streets, lights, true, declared, likely
):
    raw = crs.from_project(lights, datum=true, crs=PROJECT)
    verdict = crs.suspect(crs.to_project(raw, datum=declared, crs=PROJECT), streets, declared=declared)
    assert (verdict.verdict, verdict.likely) == ("suspect", likely)
    assert verdict.shift_m == pytest.approx(1362 if true == "bd09" else 566, rel=0.02)


@pytest.mark.parametrize("datum", ["wgs84", "cgcs2000", "gcj02", "bd09"])
def test_lights_declared_rightly_are_not_suspect(streets, lights, datum):
    raw = crs.from_project(lights, datum=datum, crs=PROJECT)
    assert crs.suspect(crs.to_project(raw, datum=datum, crs=PROJECT), streets, declared=datum).verdict == "fits"


def test_lights_from_which_the_offset_was_taken_once_too_often_are_named_so(streets, lights):
    raw = crs.from_project(lights, datum="wgs84", crs=PROJECT)
    twice = gpd.GeoDataFrame(geometry=shapely.points(*crs.wgs84_from_gcj02(*xy(raw).T)))
    assert (
        crs.suspect(crs.to_project(twice, datum="wgs84", crs=PROJECT), streets, declared="wgs84").likely
        == "overconverted"
    )


def test_a_frame_moved_as_a_whole_is_suspect_with_shift_and_bearing(streets):
    far = gpd.GeoDataFrame(geometry=shapely.points(np.linspace(510000, 516000, 30), 4340000.0), crs=PROJECT)
    verdict = crs.suspect(far, streets, declared="wgs84")
    assert (verdict.verdict, verdict.likely) == ("suspect", "shifted")
    assert verdict.bearing_deg == pytest.approx(0, abs=20) or verdict.bearing_deg == pytest.approx(360, abs=20)


def test_fewer_than_twenty_points_are_not_tested_and_say_so(streets, lights):
    assert crs.suspect(lights.head(19), streets, declared="wgs84").verdict == "untested"
