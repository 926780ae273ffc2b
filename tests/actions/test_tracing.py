import re
import shutil
import xml.etree.ElementTree as ET
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely
from shapely.geometry import box

from siting import settings
from siting.actions import coverage, runs, scene, sights, tracing, worker
from siting.errors import BadInput, NotFound
from siting.radio import budget as b
from siting.radio import terrain as t
from siting.radio.network import load_networks
from siting.radio.scene import Antenna, Receiver
from siting.radio.terrain import trace
from siting.reports import tracepicture
from siting.store import artefacts, layers
from siting.store.database import open_database
from tests.case_people import person
from tests.radio.radio_scenes import CRS, grid

GHZ = load_networks()["ctcu-n78-a"].frequency_ghz


@pytest.fixture(scope="module")
def computed(small_project, tmp_path_factory, now, actor):
    folder = shutil.copytree(small_project, tmp_path_factory.mktemp("traced") / "district")
    db = open_database(settings.load(Path(folder)))
    run = worker.run_now(db, actor, "coverage", coverage.params(db, {"cell_m": 20}), clock=lambda: now)
    yield db, run, artefacts.load_table(runs.folder(db, run.id), "units")
    db.engine.dispose()


def at(unit):
    return {"easting_m": float(unit["easting_m"]), "northing_m": float(unit["northing_m"]), "floor": int(unit["floor"])}


def test_the_strongest_path_has_the_level_and_the_server_that_the_run_found(computed, actor):
    db, run, units = computed
    draw = np.random.default_rng(3)
    served = units[units["server"] >= 0]
    sectors = artefacts.load_table(runs.folder(db, run.id), "sectors")
    picked = served.iloc[draw.integers(0, len(served), 20)]
    same = 0
    for _, unit in picked.iterrows():
        first = tracing.paths(db, actor, run.id, **at(unit), most=2)[0]
        alike = first.sector_id == sectors["sector_id"].iloc[int(unit["server"])]
        same += alike and first.serves and first.budget.rsrp_dbm == pytest.approx(unit["rsrp_dbm"], abs=0.05)
    assert same >= 19  # the sweep of a run agrees with the exact path on 99 % of cells


def test_the_parts_of_a_level_add_up_and_the_sentence_names_the_dearest(computed, actor):
    db, run, units = computed
    seen = set()
    for _, unit in units[units["server"] >= 0].sample(16, random_state=1).iterrows():
        for path in tracing.paths(db, actor, run.id, **at(unit)):
            found = path.budget
            total = found.eirp_dbm - found.pattern_db - found.path_db - found.wall_db - found.depth_db
            assert found.rsrp_dbm == pytest.approx(total + found.correction_db)
            assert found.rsrp_nlos_dbm <= found.rsrp_dbm + 1e-9 <= found.rsrp_los_dbm + 2e-9
            for lang in ("zh_CN", "en"):
                assert "{" not in path.reason.say(lang=lang)
                assert not path.reason.say(lang=lang).startswith("trace.")
            seen.add(path.limit)
    assert {"enough", "blocked"} <= seen


def test_outside_the_district_and_on_a_floor_that_is_not_there_nothing_is_told(computed, actor):
    db, run, units = computed
    with pytest.raises(BadInput) as caught:
        tracing.paths(db, actor, run.id, easting_m=0.0, northing_m=0.0)
    assert caught.value.key == "trace.outside"
    indoors = units[units["floor"] > 0].iloc[0]
    with pytest.raises(BadInput) as caught:
        tracing.paths(db, actor, run.id, **{**at(indoors), "floor": 99})
    assert caught.value.key == "trace.floor"
    place = {name: value for name, value in at(indoors).items() if name != "floor"}
    assert 1 in tracing.floors(db, actor, run.id, **place)
    assert tracing.floors(db, actor, run.id, easting_m=0.0, northing_m=0.0) == ()


def test_sites_that_somebody_does_not_see_are_not_traced(computed, actor):
    db, run, units = computed
    unit = units[(units["floor"] == 0) & (units["server"] >= 0)].iloc[0]
    everybody = tracing.paths(db, actor, run.id, **at(unit))
    other = person("operator", org="中国移动通信集团天津有限公司")
    own = set(layers.read(db, "sites", columns=(), viewer=other)["site_id"])
    assert not {p.site_id for p in everybody} <= own
    assert {p.site_id for p in tracing.paths(db, other, run.id, **at(unit))} <= own


def test_two_points_are_followed_as_the_whole_terrain_says(computed, actor):
    db, _, _ = computed
    whole = scene.build(db, cell_m=20, mix="night").terrain
    west, south, east, north = scene.boundary(db).bounds
    draw = np.random.default_rng(9)
    for _ in range(15):
        ends = draw.uniform((west, south), (east, north), (2, 2))
        antenna, receiver = Antenna(*ends[0], 30.0, "tower"), Receiver(*ends[1], 1.5)
        found, expected = sights.between(db, actor, antenna, receiver).profile, trace(whole, antenna, receiver)
        assert (found.state, found.names) == (expected.state, expected.names)
        assert found.clearance_m == pytest.approx(expected.clearance_m, nan_ok=True)
        assert [x.over_m for x in found.blockers] == pytest.approx([x.over_m for x in expected.blockers], nan_ok=True)
    with pytest.raises(BadInput):
        sights.between(db, actor, Antenna(0.0, 0.0, 30.0), Receiver(*ends[1], 1.5))


def test_a_site_is_found_by_id_number_or_name_and_looks_with_the_nearest_sector(computed, actor):
    db, _, _ = computed
    sectors = layers.read(db, "sectors")
    site = layers.read(db, "sites").set_index("site_id").loc[sectors["site_id"].iloc[0]]
    outline = scene.boundary(db)
    point = shapely.clip_by_rect(outline, *outline.bounds).representative_point()
    receiver = Receiver(point.x, point.y, 1.5)
    found = sights.of_site(db, actor, str(sectors["site_id"].iloc[0]), receiver)
    assert found.title == f"{site['site_no']} {site['name']}"
    assert sights.of_site(db, actor, site["site_no"], receiver).profile.clearance_m == found.profile.clearance_m
    own = sectors[sectors["site_id"] == site.name]
    assert found.profile.start_z_m in set(own["antenna_height_m"].astype(float))
    with pytest.raises(NotFound):
        sights.of_site(db, actor, "no such site", receiver)


def test_what_limits_a_place_is_the_dearest_part_that_could_be_removed():
    made = {
        "model": "uma",
        "distance_m": 300.0,
        "eirp_dbm": 30.0,
        "path_los_db": 100.0,
        "correction_db": 0.0,
        "p_los": 1.0,
    }

    class Way:
        state, blockers = 0, ()

    def budget(**parts):
        given = {"pattern_db": 0.0, "path_db": 100.0, "path_nlos_db": 125.0, "wall_db": 0.0, "depth_db": 0.0} | parts
        level = 30.0 - given["pattern_db"] - given["path_db"] - given["wall_db"] - given["depth_db"]
        return b.Budget(**made, **given, rsrp_dbm=level, rsrp_los_dbm=level, rsrp_nlos_dbm=level)

    assert b.limit(budget(), Way, wanted_dbm=-80.0) == "enough"
    assert b.limit(budget(wall_db=25.0, depth_db=3.0), Way, wanted_dbm=-80.0) == "wall"
    assert b.limit(budget(wall_db=5.0, depth_db=8.0), Way, wanted_dbm=-80.0) == "depth"
    assert b.limit(budget(pattern_db=20.0), Way, wanted_dbm=-80.0) == "beam"
    assert b.limit(budget(path_db=125.0), Way, wanted_dbm=-80.0) == "hill"
    assert b.limit(budget(wall_db=10.0), Way, wanted_dbm=-60.0) == "distance"


def test_the_picture_shows_the_ray_the_roofs_and_the_first_obstruction_and_no_script(computed, actor):
    db, run, units = computed
    hidden = units[(units["state"] == 0) & (units["floor"] == 0)].iloc[:40]
    path = next(
        p for _, u in hidden.iterrows() for p in tracing.paths(db, actor, run.id, **at(u)) if p.sight.profile.first >= 0
    )
    names = {path.sight.profile.blockers[0].building_id: "<script>&\x07楼"}
    drawn = tracepicture.svg(path.sight.profile, title="站 <1>", names=names, frequency_ghz=GHZ)
    root = ET.fromstring(drawn)  # noqa: S314 - our own
    space = "{http://www.w3.org/2000/svg}"
    texts = ["".join(t.itertext()) for t in root.iter(f"{space}text")]
    first = path.sight.profile.first
    middle = 0.5 * (path.sight.profile.near_m[first] + path.sight.profile.far_m[first])
    assert any(f"{middle:.0f} 米处" in text for text in texts)
    assert any("<script>&" in text for text in texts)
    tags = {element.tag.removeprefix(space) for element in root.iter()}
    assert tags <= {"svg", "title", "defs", "pattern", "clipPath", "g", "rect", "line", "polygon", "circle", "text"}
    assert not re.search(rb"href|url\(http|on\w+=", drawn)
    assert b"First obstruction" in tracepicture.svg(path.sight.profile, lang="en")


def test_an_unknown_roof_is_hatched_and_a_path_of_no_length_is_still_a_picture():
    block = gpd.GeoDataFrame({"building_id": ["a"], "height_m": [np.nan]}, geometry=[box(140, 100, 160, 200)], crs=CRS)
    surface = t.from_layers(grid(), block)[0]
    drawn = tracepicture.svg(t.trace(surface, t.Antenna(100.0, 150.0, 25.0), t.Receiver(200.0, 150.0)))
    assert b'fill="url(#hatch)"' in drawn
    assert tracepicture.svg(t.trace(surface, t.Antenna(100.0, 150.0, 25.0), t.Receiver(100.0, 150.0))).startswith(
        b"<svg"
    )


def test_no_mast_that_is_left_out_beforehand_could_be_among_the_strongest(computed, actor, monkeypatch):
    db, run, units = computed
    picked = units[units["server"] >= 0].sample(12, random_state=4)
    short = [tracing.paths(db, actor, run.id, **at(unit), most=2) for _, unit in picked.iterrows()]
    monkeypatch.setattr(tracing.budgets, "reachable", lambda sectors, *_, **__: sectors)
    whole = [tracing.paths(db, actor, run.id, **at(unit), most=2) for _, unit in picked.iterrows()]
    assert [[p.sector_id for p in found] for found in short] == [[p.sector_id for p in found] for found in whole]
    assert all(len({p.sight.profile.length_m for p in found}) == 2 for found in short)
