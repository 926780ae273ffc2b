from datetime import UTC, date, datetime

import geopandas as gpd
import numpy as np
import pytest
import shapely

from siting import settings
from siting.errors import Conflict
from siting.store import layer_tables, layers
from siting.store.database import open_database

NOW = datetime(2026, 11, 2, tzinfo=UTC)


@pytest.fixture
def db(tmp_path, environ):
    settings.write(tmp_path / "d", {"district.name": "甲", "district.crs": "EPSG:4548"})
    db = open_database(settings.load(tmp_path / "d", environ=environ))
    yield db
    db.engine.dispose()


def lights(*places):
    data = {
        "asset_id": [f"a{i}" for i in range(len(places))],
        "class": "street_light",
        "source": "{{7*7}} </script>",
        "street_office": "长虹街道",
        "open_status": "not_surveyed",
        "height_m": [10.0 if i % 2 else np.nan for i in range(len(places))],
        "advisories": [["river", "park"] if i else [] for i in range(len(places))],
        "survey_date": [date(2026, 1, 2) if i else None for i in range(len(places))],
    }
    return gpd.GeoDataFrame(data, geometry=shapely.points(places), crs="EPSG:4548")


def put(db, frame, **options):
    with db.write() as connection:
        return layers.upsert(connection, "assets", frame, provenance={"source_name": "test"}, now=NOW, **options)


def test_rows_come_back_typed_and_unknown_stays_unknown(db):
    put(db, lights((1, 2), (3, 4)))
    found = layers.read(db, "assets")
    assert found.crs == "EPSG:4548"
    assert found["source"].tolist() == ["{{7*7}} </script>"] * 2
    assert np.isnan(found["height_m"][0])
    assert found["height_m"][1] == 10.0
    assert found["advisories"].tolist() == [[], ["river", "park"]]
    assert found["survey_date"].tolist() == [None, date(2026, 1, 2)]
    assert found["owner_org"].tolist() == [None, None]
    assert [(p.x, p.y) for p in found.geometry] == [(1, 2), (3, 4)]


def test_the_same_key_replaces_its_row(db):
    put(db, lights((1, 2), (3, 4)))
    put(db, lights((9, 9)))
    found = layers.read(db, "assets")
    assert len(found) == 2
    assert (found.geometry[0].x, found.geometry[1].x) == (9, 3)


def test_a_bounding_box_finds_what_a_plain_scan_finds(db):
    rng = np.random.default_rng(1)
    places = rng.uniform(500_000, 508_000, (400, 2))
    put(db, lights(*map(tuple, places)))
    put(db, lights(*map(tuple, places + 50)))  # moved: the index must follow
    west, south, east, north = 502_000, 503_000, 504_500, 506_000
    moved = places + 50
    inside = (moved[:, 0] >= west) & (moved[:, 0] <= east) & (moved[:, 1] >= south) & (moved[:, 1] <= north)
    found = layers.read(db, "assets", bounds=(west, south, east, north), columns=["class"])
    assert set(found["asset_id"]) == {f"a{i}" for i in np.flatnonzero(inside)}
    assert list(found.columns) == ["asset_id", "class", "geometry"]


def test_a_stale_revision_is_refused_and_writes_nothing(db):
    assert put(db, lights((1, 2))) == 1
    put(db, lights((3, 4)), expected_revision=1)
    with pytest.raises(Conflict):
        put(db, lights((5, 6)), expected_revision=1)
    assert layers.read(db, "assets").geometry[0].x == 3


def test_removed_rows_leave_the_index_too(db):
    put(db, lights((1, 2), (3, 4)))
    with db.write() as connection:
        layers.remove(connection, "assets", ["a0"], now=NOW)
    assert layers.read(db, "assets", bounds=(0, 0, 10, 10))["asset_id"].tolist() == ["a1"]
    assert layers.revision(db, "assets") == 2


def test_an_empty_layer_is_an_empty_frame_with_its_columns(db):
    found = layers.read(db, "roads")
    assert len(found) == 0
    assert "road_id" in found.columns
    assert found.crs == "EPSG:4548"


def test_counts_by_columns(db):
    put(db, lights((1, 2), (3, 4)))
    assert layers.counts_by(db, "assets", "class", "open_status").to_dict("records") == [
        {"class": "street_light", "open_status": "not_surveyed", "n": 2},
    ]


def test_a_column_that_a_layer_gains_is_added_to_the_table(db):
    with db.write() as connection:
        connection.exec_driver_sql("ALTER TABLE layer_assets DROP COLUMN arm_m")
    layer_tables.ensure(db.engine)
    put(db, lights((1, 2)))
    assert "arm_m" in layers.read(db, "assets").columns
