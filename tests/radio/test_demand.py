import geopandas as gpd
import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin
from shapely.geometry import Point, box

from siting.errors import BadInput, NotFound
from siting.radio import demand, people, terrain
from tests.radio.radio_scenes import CRS, buildings, grid


def _frame(**columns):
    shapes = [box(20, 20, 60, 50), box(120, 120, 150, 160), box(201.0, 33.0, 203.0, 34.5)]
    base = {
        "building_id": ["a", "b", "c"],
        "height_m": [18.0, 9.0, 6.0],
        "use": ["residential", "office", "residential"],
    }
    return gpd.GeoDataFrame({**base, **columns}, geometry=shapes, crs=CRS)


def _units(frame, mix="night", **layers):
    ground = terrain.from_layers(grid(), frame)[0]
    return demand.units(grid(10.0), ground, {"buildings": frame, **layers}, mix=mix)


def _districts(**columns):
    base = {"name": ["west", "east"], "level": ["street_office"] * 2}
    return gpd.GeoDataFrame({**base, **columns}, geometry=[box(0, 0, 100, 300), box(100, 0, 300, 300)], crs=CRS)


def test_residents_are_conserved_and_four_fifths_are_indoors():
    units = _units(_frame(residents=[60.0, 0.0, 4.0]))
    assert units["persons"].sum() == pytest.approx(64.0)
    assert units.loc[units["floor"] > 0, "persons"].sum() == pytest.approx(0.8 * 64.0)
    assert set(units["measure"]) == {"persons"}


def test_every_building_has_its_floors_even_one_smaller_than_a_map_cell():
    units = _units(_frame())
    floors = units[units["floor"] > 0].groupby("building_id", observed=True)["floor"].max()
    assert floors.to_dict() == {"a": 6, "b": 3, "c": 2}
    assert units.loc[units["building_id"] == "a", "height_m"].max() == pytest.approx(1.5 + 3.0 * 5)


def test_totals_of_sub_districts_stay_in_them():
    units = _units(_frame(), districts=_districts(population=[1000.0, 500.0]))
    sums = units.groupby("street_office", observed=True)["persons"].sum()
    assert sums["west"] == pytest.approx(1000.0)
    assert sums["east"] == pytest.approx(500.0)


def test_a_population_that_no_building_can_house_is_not_counted_as_nobody():
    units = _units(_frame().iloc[:0], districts=_districts(population=[1000.0, 500.0]))
    assert set(units["measure"]) == {"area_m2"}
    assert units["persons"].sum() == pytest.approx(100.0 * len(units))


def test_a_community_without_homes_keeps_its_people_in_what_it_has():
    units = _units(_frame(use=["residential", "office", "office"]), districts=_districts(population=[1000.0, 500.0]))
    sums = units.groupby("street_office", observed=True)["persons"].sum()
    assert sums.to_dict() == pytest.approx({"west": 1000.0, "east": 500.0})


def test_a_sub_district_without_a_building_keeps_its_people_outdoors():
    units = _units(_frame().iloc[:1], districts=_districts(population=[1000.0, 500.0]))
    east = units[units["street_office"] == "east"]
    assert east["persons"].sum() == pytest.approx(500.0)
    assert (east["floor"] == 0).all()


def test_the_finest_totals_count_and_are_conserved():
    frame = _frame()
    fine = gpd.GeoDataFrame(
        {"name": ["w1", "w2", "west"], "level": ["community", "community", "street_office"], "population": [30.0, 12.0, 9e9]},
        geometry=[box(0, 0, 100, 300), box(100, 0, 300, 300), box(0, 0, 300, 300)],
        crs=CRS,
    )  # fmt: skip
    assert _units(frame, districts=fine)["persons"].sum() == pytest.approx(42.0)


def test_a_raster_of_people_becomes_demand_without_losing_anybody():
    counts = np.array([[3.0, np.nan, 0.0], [-99.0, 2.5, 1.5]])
    rows = people.from_raster(counts, from_origin(0.0, 300.0, 100.0, 100.0), datum="epsg:4548", crs=CRS)
    assert rows["persons"].sum() == 7.0
    assert rows.geometry.area.tolist() == pytest.approx([1e4] * 3)
    assert rows.geometry.iloc[0].bounds == pytest.approx((0.0, 200.0, 100.0, 300.0))
    units = _units(_frame(), demand=rows)
    assert units["persons"].sum() == pytest.approx(7.0)
    assert units.loc[units["building_id"] == "b", "persons"].sum() == pytest.approx(0.8 * 2.5)


def test_the_people_of_a_real_population_raster_are_all_brought_into_the_project_grid(data_folder):
    path = next((data_folder / "wuhan-population").glob("*.tif"))
    with rasterio.open(path) as file:
        counts, transform = file.read(1, masked=True).filled(np.nan), file.transform
    rows = people.from_raster(counts, transform, datum="wgs84", crs="EPSG:4547")
    assert rows["persons"].sum() == pytest.approx(np.nansum(counts.astype(float)), rel=1e-12)
    assert rows["persons"].sum() == pytest.approx(1_871_454, rel=1e-6)
    side_m = np.sqrt(rows.geometry.area)
    assert side_m.between(70, 110).all()


def test_without_any_people_layer_the_measure_is_area_and_says_so():
    frame = _frame()
    units = _units(frame)
    assert set(units["measure"]) == {"area_m2"}
    outdoors = units["floor"] == 0
    assert (units.loc[outdoors, "persons"] == 100.0).all()
    area = frame.geometry.area * [6, 3, 2]
    by_building = units[~outdoors].groupby("building_id", observed=True)["persons"].sum()
    np.testing.assert_allclose(by_building.reindex(["a", "b", "c"]), area)


def test_demand_points_go_to_their_building_by_day_and_are_absent_by_night():
    rows = gpd.GeoDataFrame(
        {"persons": [50.0, 7.0], "kind": ["worker", "visitor"]}, geometry=[Point(130, 130), Point(250, 250)], crs=CRS
    )
    frame = _frame(residents=[10.0, 0.0, 0.0])
    assert _units(frame, demand=rows)["persons"].sum() == pytest.approx(10.0)
    day = _units(frame, demand=rows, mix="day")
    assert day["persons"].sum() == pytest.approx(0.4 * 10 + 50 + 7)
    assert day.loc[day["building_id"] == "b", "persons"].sum() == pytest.approx(0.8 * 50)
    assert day.loc[(day["row"] == 5) & (day["col"] == 25), "persons"].sum() > 7.0


def test_a_venue_names_the_units_of_its_area_and_of_the_building_it_points_at():
    venues = gpd.GeoDataFrame(
        {"venue_id": ["park", "hall"]}, geometry=[box(200, 200, 240, 240), Point(130, 130)], crs=CRS
    )
    units = _units(_frame(), venues=venues)
    assert (units["venue"] == "park").sum() == 16
    assert set(units.loc[units["venue"] == "hall", "building_id"]) == {"b"}


def test_underground_buildings_are_unknown_and_hide_nothing():
    frame = _frame(building_class=["underground", "brick_residential", "brick_residential"])
    ground = terrain.from_layers(grid(), frame)[0]
    assert ground.building_at(40.0, 35.0) == 0
    units = demand.units(grid(10.0), ground, {"buildings": frame})
    assert units.loc[units["building_id"] == "a", "cell_unknown"].all()


def test_units_without_a_district_cover_the_grid_and_people_add_up_in_a_random_city():
    frame = buildings(11).assign(residents=3.0)
    units = _units(frame)
    assert units["persons"].sum() == pytest.approx(180.0)
    assert units["unit_id"].is_unique


def test_a_grid_that_does_not_nest_and_an_unknown_mix_are_refused():
    ground = terrain.from_layers(grid(), _frame())[0]
    with pytest.raises(BadInput):
        demand.units(grid(6.0), ground, {"buildings": _frame()})
    with pytest.raises(NotFound):
        demand.units(grid(10.0), ground, {"buildings": _frame(residents=1.0)}, mix="noon")
