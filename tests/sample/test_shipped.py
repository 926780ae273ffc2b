"""What the shipped district looks like, counted from its files."""

import csv
from pathlib import Path

import numpy as np
import pytest
import shapely

from siting import sample

DATA = Path(sample.HOME)
PACKAGE = Path(sample.__file__).parents[1]


@pytest.fixture(scope="module")
def full():
    return sample.read()


@pytest.fixture(scope="module")
def extent(full):
    return full["districts"].set_index("level").loc["district", "geometry"]


def count(full, *classes):
    return int(full["assets"]["class"].isin(classes).sum())


def vocabulary(name):
    with (PACKAGE / "assets" / "vocab" / f"{name}.csv").open(encoding="utf-8") as file:
        return {row["code"] for row in csv.DictReader(file)}


def test_the_files_stay_small():
    assert sum(path.stat().st_size for path in DATA.rglob("*") if path.is_file()) < 12e6


def test_every_folder_explains_itself():
    for folder in ("poles", "sites", "district"):
        text = (DATA / folder / "README.md").read_text(encoding="utf-8")
        assert all(word in text for word in ("Synthetic", "Datum", "icence", "eplace"))


def test_the_district_has_the_area_of_its_boundary(full, known):
    assert full["districts"].area.groupby(full["districts"]["level"]).sum().round(-3).nunique() == 1
    assert full["districts"].area.max() / 1e6 == pytest.approx(41.4, abs=0.1)
    assert known.boundary.area.sum() == pytest.approx(full["districts"].area.max(), rel=1e-6)


def test_real_names_are_all_there(full):
    levels = full["districts"].groupby("level")["code"].nunique()
    assert levels.to_dict() == {"community": 171, "district": 1, "street_office": 12}
    assert (full["districts"]["approximate"] == (full["districts"]["level"] != "district")).all()


def test_about_25_000_buildings_cover_20_to_30_percent_of_the_ground(full, extent):
    assert 23_500 < len(full["buildings"]) < 26_500
    assert 0.20 < full["buildings"].area.sum() / extent.area < 0.30


def test_floors_show_a_dense_district(full):
    homes = full["buildings"].query("use == 'residential'")
    share = homes.area.groupby(homes["floors"]).sum() / homes.area.sum()
    assert 0.25 < share.loc[5:7].sum() < 0.75
    assert 0.08 < share.loc[18:].sum() < 0.35
    assert homes["floors"].max() <= 34
    assert full["buildings"].query("use == 'school'")["floors"].max() <= 8
    assert set(full["buildings"]["use"]) <= vocabulary("building_use")
    assert set(full["buildings"]["building_class"]) <= vocabulary("building_class")


def test_slabs_face_south(full):
    slabs = full["buildings"].query("use == 'residential' and floors == 6").geometry.to_numpy()
    corner = np.stack(
        [shapely.get_coordinates(shapely.get_point(shapely.get_exterior_ring(slabs), i)) for i in range(3)], axis=1
    )
    side = np.diff(corner, axis=1)
    length = np.hypot(side[..., 0], side[..., 1])
    long = side[np.arange(len(side)), length.argmax(axis=1)]
    turn = np.degrees(np.arctan2(np.abs(long[:, 1]), np.abs(long[:, 0])))
    assert np.median(turn) < 8
    assert np.mean(turn < 30) > 0.9


def test_residents_sum_to_890_000_on_every_level(full):
    assert int(full["buildings"]["residents"].sum()) == 890_000
    assert set(full["districts"].groupby("level")["population"].sum()) == {890_000}
    offices = full["districts"].query("level == 'street_office'")
    assert offices["population"].between(20_000, 200_000).all()
    by_building = full["buildings"].groupby("street_office")["residents"].sum()
    assert by_building.to_dict() == offices.set_index("name")["population"].to_dict()


def test_buildings_overlap_neither_each_other_nor_streets_nor_water(full):
    houses = full["buildings"].geometry.to_numpy()
    tree = shapely.STRtree(houses)
    touching, other = tree.query(houses, predicate="intersects")
    assert np.array_equal(touching, other)
    roads = shapely.buffer(full["roads"].geometry.to_numpy(), full["roads"]["width_m"].to_numpy() / 2, cap_style="flat")
    assert len(tree.query(roads, predicate="intersects")[0]) == 0
    water = full["landcover"].query("kind == 'water'").geometry.to_numpy()
    assert len(tree.query(water, predicate="intersects")[0]) == 0


@pytest.mark.parametrize("layer", ["buildings", "roads", "assets", "sites", "access", "ducts", "venues"])
def test_nothing_lies_outside_the_boundary(full, extent, layer):
    area = extent.buffer(25)
    shapely.prepare(area)
    assert shapely.covers(area, full[layer].geometry.to_numpy()).all()


def test_streets_have_a_hierarchy(full):
    length = full["roads"].length.groupby(full["roads"]["class"]).sum()
    assert length["residential"] > length["tertiary"] > length["secondary"] > length["primary"] > 30_000
    lanes = full["roads"].groupby("class")["lanes"].first()
    assert lanes["primary"] > lanes["secondary"] > lanes["tertiary"]
    assert {"卫津路", "复康路", "红旗路", "长江道", "鞍山西道"} <= set(full["roads"]["name"].dropna())


def test_street_edges_meet_at_their_ends(full):
    line = full["roads"].geometry.to_numpy()
    ends = np.concatenate([shapely.get_coordinates(shapely.get_point(line, i)) for i in (0, -1)])
    _, degree = np.unique(ends, axis=0, return_counts=True)
    assert np.mean(degree == 1) < 0.15
    assert np.sum(degree >= 3) > 1_500


def test_assets_are_as_many_as_promised(full):
    assert count(full, "street_light") == 16_000
    assert count(full, "traffic_signal", "police_camera", "power_pole", "multi_pole") == 5_000
    assert count(full, "bridge") == 60
    assert count(full, "green_space") == 250
    assert count(full, "metro_entrance") == 60
    assert count(full, "public_roof") == 400


def test_lights_stand_25_to_40_m_apart_along_their_street(full):
    lights = full["assets"].query("`class` == 'street_light'").geometry.to_numpy()
    roads = full["roads"].geometry.to_numpy()
    road = shapely.STRtree(roads).nearest(lights)
    along = shapely.line_locate_point(roads[road], lights)
    foot = shapely.get_coordinates(shapely.line_interpolate_point(roads[road], along))
    ahead = shapely.get_coordinates(shapely.line_interpolate_point(roads[road], along + 0.5))
    beside = shapely.get_coordinates(lights) - foot
    side = np.sign((ahead - foot)[:, 0] * beside[:, 1] - (ahead - foot)[:, 1] * beside[:, 0])
    order = np.lexsort([along, side, road])
    same = (np.diff(road[order]) == 0) & (np.diff(side[order]) == 0)
    step = np.diff(along[order])[same]
    assert len(step) > 8_000
    assert np.mean((step >= 20) & (step <= 42)) > 0.93
    assert 25 <= np.median(step) <= 40


def test_lights_stand_neither_in_a_carriageway_nor_in_a_building(full):
    lights = full["assets"].query("`class` == 'street_light'").geometry.to_numpy()
    roads = shapely.buffer(
        full["roads"].geometry.to_numpy(), full["roads"]["width_m"].to_numpy() / 2 - 0.1, cap_style="flat"
    )
    tree = shapely.STRtree(lights)
    assert len(tree.query(roads, predicate="contains")[0]) == 0
    assert len(tree.query(full["buildings"].geometry.to_numpy(), predicate="contains")[0]) == 0


def test_asset_words_are_those_of_the_data_standard(full):
    assets = full["assets"]
    words = {
        "class": "asset_class",
        "open_status": "open_status",
        "structural_status": "structural_status",
        "power": "power",
    }
    words |= {"material": "material", "section": "section", "visual_class": "visual_class", "data_level": "data_level"}
    words |= {"reserved_for": "reserved_for", "duct_available": "yes_no_unknown"}
    for column, name in words.items():
        assert set(assets[column].dropna()) <= vocabulary(name), column
    assert set(assets["advisories"].explode().dropna()) <= vocabulary("advisory")
    assert set(assets["conditions"].explode().dropna()) <= vocabulary("condition")


def test_the_record_is_as_patchy_as_a_real_list(full):
    lights = full["assets"].query("`class` == 'street_light'")
    assert 0.6 < (lights["power"] == "night_only").mean() < 0.95
    assert {"not_surveyed", "refused", "conditional", "open_free", "open_paid"} <= set(lights["open_status"])
    for column in ("spare_weight_kg", "year", "mount_height_m", "power_kva_spare", "fibre_pairs_spare", "owner_org"):
        assert 0.01 < lights[column].isna().mean() < 0.9, column
    assert not full["assets"]["open_status"].isna().any()


def test_nobody_opens_what_has_no_owner(full):
    orphan = full["assets"][full["assets"]["owner_org"].isna()]
    assert len(orphan) > 100
    assert not orphan["open_status"].str.startswith("open").any()


def test_only_tested_assets_have_a_report(full):
    assets = full["assets"]
    tested = assets["structural_status"].isin(["tested_ok", "tested_fail"])
    assert (assets["test_doc"].notna() == tested).all()
    assert assets.loc[tested, "test_on"].max() <= sample.AS_OF


def test_900_sites_of_two_shared_networks_with_three_sectors(full):
    sites, sectors = full["sites"], full["sectors"]
    assert len(sites) == 900
    assert sectors.groupby("site_id").size().eq(3).all()
    assert sectors.groupby("network")["site_id"].nunique().to_dict() == {"cm-n41": 450, "ctcu-n78-a": 450}
    assert sorted({tuple(tenants) for tenants in sites["tenants"]}) == [("cmcc", "cbn"), ("ctc", "cucc")]
    assert sectors["antenna_height_m"].between(20, 50).mean() > 0.8
    assert (sectors["mount"] == "roof").mean() > 0.7


def test_equipment_and_networks_are_those_of_the_radio_tables(full):
    for column, name in (("equipment", "equipment"), ("network", "networks")):
        with (PACKAGE / "radio" / "data" / f"{name}.csv").open(encoding="utf-8") as file:
            known = {row["name"] for row in csv.DictReader(file)}
        assert set(full["sectors"][column]) <= known


def test_roof_sectors_stand_above_a_building(full):
    roof = full["sectors"].query("mount == 'roof'")
    points, house = shapely.STRtree(full["buildings"].geometry.to_numpy()).query(
        roof.geometry.to_numpy(), predicate="within"
    )
    assert len(np.unique(points)) == len(roof)
    above = roof["antenna_height_m"].to_numpy()[points] - full["buildings"]["height_m"].to_numpy()[house]
    assert np.all((above >= 1) & (above <= 6))


def test_200_venues_fill_the_eleven_scene_classes(full):
    venues = full["venues"]
    assert len(venues) == 200
    assert set(venues["class"]) == vocabulary("scene_class") - {"complaint"}
    assert {"天津大学", "南开大学(八里台)", "水上公园", "南开医院"} <= set(venues["name"])
    assert venues["source"].str.contains("synthetic|general knowledge").all()


def test_fibre_access_points_and_ducts_hang_together(full):
    line = full["ducts"].query("medium == 'duct'").geometry.to_numpy()
    ends = np.concatenate([shapely.get_coordinates(shapely.get_point(line, i)) for i in (0, -1)])
    _, degree = np.unique(ends, axis=0, return_counts=True)
    assert np.mean(degree >= 2) > 0.6
    assert set(full["access"]["kind"]) == vocabulary("access_kind")
    assert set(full["ducts"]["surface"]) <= vocabulary("surface")
