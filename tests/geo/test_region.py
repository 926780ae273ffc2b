import geopandas as gpd
import numpy as np
import pytest
import shapely

from siting.errors import BadInput
from siting.geo.region import Region, outside_m, street_of

PROJECT = "EPSG:4548"


@pytest.fixture
def region():
    streets = gpd.GeoDataFrame(
        {"name": ["west", "east"]}, geometry=[shapely.box(0, 0, 10, 10), shapely.box(10, 0, 20, 10)], crs=PROJECT
    )
    return Region("test", shapely.box(0, 0, 20, 10), PROJECT, streets)


def test_the_sub_district_comes_back_on_the_callers_index(region):
    points = gpd.GeoDataFrame(
        geometry=gpd.points_from_xy([15, 5, 99, 10], [5, 5, 5, 5]), index=[7, 3, 1, 9], crs=PROJECT
    )
    assert street_of(points, region).to_dict() == {7: "east", 3: "west", 1: None, 9: "west"}


def test_the_sub_district_agrees_with_a_spatial_join_of_another_library(region):
    rng = np.random.default_rng(1)
    points = gpd.GeoDataFrame(
        geometry=gpd.points_from_xy(rng.uniform(-5, 25, 500), rng.uniform(-5, 15, 500)), crs=PROJECT
    )
    joined = gpd.sjoin(points, region.streets, how="left", predicate="within")["name"]
    assert street_of(points, region).fillna("-").tolist() == joined.fillna("-").tolist()


def test_a_region_without_sub_districts_knows_no_street():
    points = gpd.GeoDataFrame(geometry=gpd.points_from_xy([1], [1]), crs=PROJECT)
    assert street_of(points, Region("x", shapely.box(0, 0, 2, 2), PROJECT)).tolist() == [None]


def test_distance_outside_is_zero_inside_and_metres_outside(region):
    points = gpd.GeoSeries(gpd.points_from_xy([5, 23], [5, 14]), crs=PROJECT)
    assert outside_m(points, region.boundary).tolist() == pytest.approx([0.0, 5.0])


def test_a_region_without_area_is_refused():
    with pytest.raises(BadInput):
        Region("x", shapely.LineString([(0, 0), (1, 1)]), PROJECT)


def test_asking_for_the_street_of_degrees_is_refused(region):
    with pytest.raises(BadInput):
        street_of(gpd.GeoSeries([shapely.Point(117, 39)], crs="EPSG:4326"), region)
