"""Mutilated files: an answer or a reason, nothing else."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from siting.assets import child, gate
from siting.assets.raw import Limits, Raw
from siting.errors import BadInput

LIMITS = Limits(max_bytes=2**20, max_rows=1000, max_columns=50, max_expanded_bytes=2**22)


def answer(data):
    try:
        return child.parse(data, kind=gate.sniff(data, limits=LIMITS), sheet=None, limits=LIMITS)
    except BadInput as error:
        return error


@pytest.fixture(scope="module")
def seeds(files, tmp_path_factory):
    folder = tmp_path_factory.mktemp("seeds")
    (folder / "shp").mkdir()
    made = [
        files.geojson((117, 39), (117.1, 39.1, 4), name="路灯", n=1.5),
        files.shapes({"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 0]]]}),
        files.xlsx(["编号", "杆高"], ["1", 9], ["合计", 9]),
        files.zipped(files.shapefile_parts(folder / "shp")),
        files.gpkg(folder).read_bytes()[:16_384],
        "编号,经度,纬度\n1,117.15,39.12\n".encode("gb18030"),
    ]
    return lambda which: made[which]  # a function prints shortly when an example fails


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(which=st.integers(0, 5), at=st.floats(0, 1), cut=st.integers(0, 40), put=st.binary(max_size=20))
def test_a_mutilated_file_gives_an_answer_or_a_reason(seeds, which, at, cut, put):
    data = seeds(which)
    place = int(at * len(data))
    found = answer(data[:place] + put + data[place + cut :])
    assert isinstance(found, Raw | BadInput)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.binary(max_size=300))
def test_any_bytes_give_an_answer_or_a_reason(data):
    assert isinstance(answer(data), Raw | BadInput)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.floats()
        | st.integers()
        | st.text(max_size=5)
        | st.sampled_from(["Point", "Feature", "FeatureCollection"]),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["type", "features", "properties", "geometry", "coordinates", "crs", "geometries"]),
                inner,
                max_size=4,
            )
        ),
        max_leaves=12,
    )
)
def test_any_json_gives_an_answer_or_a_reason(content):
    body = {
        "type": "FeatureCollection",
        "features": [{"type": "Feature", "properties": content, "geometry": content}],
        "crs": content,
    }
    for data in (json.dumps(content), json.dumps(body), json.dumps({**body, "crs": None})):
        assert isinstance(answer(data.encode()), Raw | BadInput)
