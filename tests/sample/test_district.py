import hashlib
import os
import subprocess
import sys
from datetime import date

import geopandas as gpd
import numpy as np
import pytest
import shapely

from siting import sample
from siting.errors import BadInput


def digests(folder):
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.rglob("*.parquet"))}


def test_every_layer_is_there_and_not_empty(small):
    assert tuple(small) == sample.LAYERS
    assert min(map(len, small.values())) > 0


def test_every_layer_is_in_the_project_crs_and_valid(small):
    for frame in small.values():
        assert frame.crs.to_epsg() == 4548
        assert frame.geometry.is_valid.all()
        assert not frame.geometry.is_empty.any()


def test_everything_says_it_is_synthetic(small):
    for layer in set(sample.LAYERS) - {"districts", "venues"}:
        assert (small[layer]["source"] == "synthetic:siting.sample:2026").all()


def test_nothing_lies_outside_the_square_kilometre(small):
    extent = small["districts"].set_index("level").loc["district", "geometry"]
    assert extent.area == pytest.approx(1e6, rel=1e-6)
    for layer in ("buildings", "roads", "assets", "sites", "access"):
        assert small[layer].geometry.covered_by(extent.buffer(8)).all()


def test_buildings_overlap_neither_each_other_nor_roads_nor_water(small):
    houses = small["buildings"].geometry.to_numpy()
    first, _ = shapely.STRtree(houses).query(houses, predicate="overlaps")
    assert len(first) == 0
    roads = shapely.buffer(small["roads"].geometry.to_numpy(), small["roads"]["width_m"].to_numpy() / 2)
    assert len(shapely.STRtree(houses).query(roads, predicate="intersects")[0]) == 0
    water = small["landcover"].query("kind == 'water'").geometry.to_numpy()
    assert len(shapely.STRtree(houses).query(water, predicate="intersects")[0]) == 0


def test_residents_sum_on_every_level(small):
    levels = small["districts"].groupby("level")["population"].sum()
    assert set(levels) == {int(small["buildings"]["residents"].sum())} == {21_500}


def test_ids_are_unique(small):
    for layer, column in {
        "assets": "asset_id",
        "buildings": "building_id",
        "sites": "site_id",
        "sectors": "sector_id",
    }.items():
        assert small[layer][column].is_unique


def test_every_sector_belongs_to_a_site_and_every_site_has_three(small):
    counts = small["sectors"].groupby("site_id").size()
    assert set(counts.index) == set(small["sites"]["site_id"])
    assert set(counts) == {3}


def test_another_seed_gives_another_district(known, small):
    other = sample.make(size="small", seed=7, **known.frames())
    assert (
        len(other["buildings"]) != len(small["buildings"])
        or not other["buildings"].geom_equals(small["buildings"]).all()
    )


def test_what_is_written_is_read_back(tmp_path, small):
    sample.write(small, tmp_path)
    again = sample.read(tmp_path)
    for layer, frame in small.items():
        assert list(again[layer].columns) == list(frame.columns)
        assert shapely.equals_exact(again[layer].geometry.to_numpy(), frame.geometry.to_numpy(), tolerance=0).all()
    assert again["sites"]["tenants"].tolist() == small["sites"]["tenants"].tolist()


def test_the_same_seed_gives_the_same_bytes_in_another_process(tmp_path, small):
    sample.write(small, tmp_path / "here")
    code = (
        "import sys, pathlib; from siting import sample;"
        "sample.write(sample.make(size='small', **sample.facts().frames()), pathlib.Path(sys.argv[1]))"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "12345"}
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "there")], check=True, env=environment)
    assert digests(tmp_path / "here") == digests(tmp_path / "there")


def test_an_unknown_size_is_refused(known):
    with pytest.raises(BadInput, match="tiny"):
        sample.make(size="tiny", **known.frames())


def test_a_frame_in_degrees_is_refused(known):
    boundary = gpd.GeoDataFrame({"name": ["x"]}, geometry=[shapely.box(117, 39, 118, 40)], crs="EPSG:4326")
    with pytest.raises(BadInput, match="4326"):
        sample.make(size="small", boundary=boundary, offices=known.offices, communities=known.communities)


def test_coordinates_are_whole_64ths_of_a_metre(small):
    xy = shapely.get_coordinates(small["buildings"].geometry.to_numpy())
    assert np.array_equal(xy * 64, np.round(xy * 64))


def test_nothing_is_dated_after_the_as_of_date(known):
    day = date(2024, 5, 20)
    past = sample.make(size="small", as_of=day, **known.frames())
    for layer, columns in {
        "assets": ("survey_date", "test_on", "valid_from"),
        "sites": ("commissioned_on", "as_of"),
        "venues": ("as_of",),
        "demand": ("as_of",),
    }.items():
        for column in columns:
            assert past[layer][column].dropna().max() <= day, column
    assert past["assets"]["year"].max() <= day.year


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_any_seed_fills_every_layer(known, seed):
    frames = sample.make(size="small", seed=seed, **known.frames())
    assert min(map(len, frames.values())) > 0
    assert len(frames["sites"]) == 24
    assert len(frames["venues"]) == 22
    assert 450 < len(frames["buildings"]) < 800
