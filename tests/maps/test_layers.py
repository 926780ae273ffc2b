import json
import math

import geopandas as gpd
import pytest
import shapely

from siting.errors import BadInput
from siting.geo import crs as datums
from siting.maps import layers, styles
from siting.maps.layers import Spec

SPEC = Spec(layer="x", key="no", label="name", family="mark", style="kind", from_zoom=0, limit=2, columns=("height",))


def frame():
    return gpd.GeoDataFrame(
        {
            "no": ["a", "b", "c"],
            "name": ["{{7*7}}", "</script>", "ok"],
            "kind": ["picked"] * 3,
            "height": [8.5, math.nan, None],
        },
        geometry=[shapely.Point(117.15 + i / 100, 39.12) for i in range(3)],
        crs="EPSG:4326",
    )


def test_features_carry_id_label_style_and_chosen_columns_as_plain_data():
    found = layers.geojson(frame(), SPEC)
    assert found["features"][0]["properties"] == {"id": "a", "label": "{{7*7}}", "style": "picked", "height": 8.5}
    assert found["features"][1]["properties"]["height"] is None
    assert json.loads(json.dumps(found, allow_nan=False))["features"][0]["geometry"]["coordinates"] == [117.15, 39.12]


def test_what_exceeds_the_limit_is_cut_and_said():
    assert len(layers.geojson(frame(), SPEC)["features"]) == 2
    assert layers.geojson(frame(), SPEC)["cut"] is True


def test_features_without_a_place_are_left_out():
    without = frame().set_geometry([None, shapely.Point(), shapely.Point(1, 2)])
    wide = Spec(**{**vars(SPEC), "limit": 9})
    assert [f["properties"]["id"] for f in layers.geojson(without, wide)["features"]] == ["c"]


def test_a_project_frame_comes_back_to_the_degrees_it_had():
    moved = datums.to_project(frame(), datum="wgs84", crs="EPSG:4548")
    back = shapely.get_coordinates(layers.to_lonlat(moved).geometry.array)
    assert back == pytest.approx(shapely.get_coordinates(frame().geometry.array), abs=1e-8)


def test_a_box_is_four_numbers_in_order():
    assert layers.parse_box("117.1,39.0,117.2,39.1") == (117.1, 39.0, 117.2, 39.1)


@pytest.mark.parametrize("text", ["", "1,2,3", "1,2,3,x", "2,1,1,3", "1,2,nan,3", "1,2,3,4,5", "1,2,inf,3"])
def test_anything_else_is_refused(text):
    with pytest.raises(BadInput):
        layers.parse_box(text)


def test_every_layer_of_the_table_has_its_family_of_styles():
    for spec in layers.specs().values():
        assert styles.family(spec.family)
