import json
import shutil
import stat

import geopandas as gpd
import pytest
import shapely

from siting import settings
from siting.actions import projects
from siting.errors import BadInput, NotFound
from siting.store import journal, layers
from siting.store.database import open_database


def collection(*features):
    rows = [{"type": "Feature", "properties": p, "geometry": shapely.geometry.mapping(g)} for p, g in features]
    return json.dumps({"type": "FeatureCollection", "features": rows}).encode()


SQUARE = shapely.box(117.14, 39.10, 117.18, 39.13)
TWO = collection(({"code": "A"}, SQUARE), ({"code": "B"}, shapely.box(117.2, 39.1, 117.21, 39.11)))


@pytest.fixture
def make(tmp_path, now):
    opened = []

    def init(data=None, folder="d", **options):
        given = {"name": "测试区", "file_name": "b.geojson", "datum": "wgs84", "now": now, **options}
        data = collection(({}, SQUARE)) if data is None else data
        opened.append(projects.init(tmp_path / folder, data=data, **given))
        return opened[-1]

    yield init
    for db in opened:
        db.engine.dispose()


def outline(db):
    return shapely.union_all(layers.read(db, "districts").geometry.to_numpy())


def iou(a, b):
    return a.intersection(b).area / a.union(b).area


def test_a_boundary_file_makes_a_district_in_a_metric_crs_of_its_own(make):
    db = make()
    assert (db.settings.name, db.settings.crs) == ("测试区", "EPSG:4548")
    # 0.04 deg x 0.03 deg at 39.115 N on the GRS 80 ellipsoid: 86.43 km and 111.02 km per degree
    assert outline(db).area / 1e6 == pytest.approx(0.04 * 86.43 * 0.03 * 111.02, rel=2e-3)
    assert journal.recent(db, kind="district.made")[0]["payload"]["rows"] == {"districts": 1}


def test_one_feature_of_many_is_chosen_by_a_column(make):
    small = outline(make(TWO, feature="code=B"))
    assert small.area == pytest.approx(864.3 * 1110.2, rel=5e-3)


@pytest.mark.parametrize(
    ("feature", "reason"), [(None, "2 个要素"), ("code=C", "有 0 个"), ("none=1", "没有列"), ("code", "有 0 个")]
)
def test_an_unclear_choice_is_refused_and_leaves_nothing_behind(make, tmp_path, feature, reason):
    with pytest.raises(BadInput, match=reason):
        make(TWO, feature=feature)
    assert list(tmp_path.iterdir()) == []


def test_points_alone_make_a_district_of_the_land_around_them(make):
    spots = [(117.15, 39.11), (117.17, 39.11), (117.16, 39.12)]
    db = make(collection(*(({}, shapely.Point(s)) for s in spots)), around=True)
    edge = outline(db)
    hull = edge.buffer(-projects.AROUND_M)
    assert bool(layers.read(db, "districts")["approximate"].iloc[0])
    # the triangle of the points: 0.02 deg wide, 0.01 deg high
    assert hull.area == pytest.approx(0.5 * 0.02 * 86.43e3 * 0.01 * 111.02e3, rel=5e-3)


@pytest.mark.parametrize("datum", [None, "", "nad27", "epsg:999999"])
def test_an_undeclared_or_unknown_datum_is_refused(make, tmp_path, datum):
    with pytest.raises(BadInput, match=r"基准|坐标系"):
        make(datum=datum)
    assert list(tmp_path.iterdir()) == []


def test_a_feature_without_area_is_no_boundary(make, tmp_path):
    with pytest.raises(BadInput, match="没有面积"):
        make(collection(({}, shapely.LineString([(117.1, 39.1), (117.2, 39.1)]))))
    assert list(tmp_path.iterdir()) == []


def test_a_feature_without_place_is_no_boundary(make, tmp_path):
    data = json.dumps({"type": "FeatureCollection", "features": [{"type": "Feature", "properties": {"a": 1}, "geometry": None}]})  # fmt: skip
    for around in (False, True):
        with pytest.raises(BadInput):
            make(data.encode(), around=around)
    assert list(tmp_path.iterdir()) == []


def test_a_failure_half_way_leaves_nothing_behind(make, tmp_path, monkeypatch):
    def broken(*_, **__):
        raise OSError("disk full")

    monkeypatch.setattr(projects.journal, "append", broken)
    with pytest.raises(OSError, match="disk full"):
        make()
    assert list(tmp_path.iterdir()) == []


def test_the_key_is_for_its_owner_only_and_differs_between_districts(make):
    keys = [make(folder=name).settings.folder / settings.KEY_NAME for name in ("a", "b")]
    assert [stat.S_IMODE(k.stat().st_mode) for k in keys] == [0o600, 0o600]
    assert keys[0].read_bytes() != keys[1].read_bytes()
    assert len(keys[0].read_bytes()) == 32


def test_a_folder_with_other_files_keeps_them(make, tmp_path):
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "notes.txt").write_text("mine", encoding="utf-8")
    make().engine.dispose()
    assert (tmp_path / "d" / "notes.txt").read_text(encoding="utf-8") == "mine"
    assert settings.load(tmp_path / "d").name == "测试区"
    assert [p.name for p in tmp_path.iterdir()] == ["d"]


def test_a_file_in_the_way_is_never_overwritten(make, tmp_path):
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / settings.KEY_NAME).write_bytes(b"old")
    with pytest.raises(BadInput, match="不会覆盖"):
        make()
    assert [p.name for p in (tmp_path / "d").iterdir()] == [settings.KEY_NAME]
    assert (tmp_path / "d" / settings.KEY_NAME).read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["d"]


def test_a_district_is_not_made_twice(make):
    make()
    with pytest.raises(BadInput, match="d"):
        make()


def test_the_small_sample_says_that_it_is_synthetic_and_holds_every_layer(district):
    assert district.settings.flag("district.synthetic")
    assert district.settings.text("district.as_of") == "2026-11-01"
    held = {n: layers.count(district, n) for n in ("districts", "buildings", "roads", "sites", "sectors", "assets", "demand", "access", "ducts", "venues")}  # fmt: skip
    assert all(held.values()), held


def test_a_sample_of_an_unknown_size_is_refused(tmp_path, now):
    with pytest.raises(BadInput, match="huge"):
        projects.build_sample(tmp_path / "s", size="huge", now=now)
    assert list(tmp_path.iterdir()) == []


def test_the_named_district_is_opened_else_the_one_of_the_folder_else_the_sample_for_reading(
    small_project, district, tmp_path, now, monkeypatch
):
    monkeypatch.setattr(projects, "SAMPLE_FOLDER", small_project)
    monkeypatch.chdir(tmp_path)
    sample = projects.open_project(None, writing=False, now=now)
    assert sample.settings.folder == small_project
    with pytest.raises(BadInput, match="--project"):
        projects.open_project(None, writing=True, now=now)
    with pytest.raises(NotFound):
        projects.open_project(tmp_path / "none", writing=False, now=now)
    monkeypatch.chdir(district.settings.folder)
    here = projects.open_project(None, writing=True, now=now)
    assert here.settings.folder == district.settings.folder
    for db in (sample, here):
        db.engine.dispose()


def test_the_sample_is_built_once_and_then_opened(small_project, tmp_path, now, monkeypatch):
    built = []
    monkeypatch.setattr(projects, "SAMPLE_FOLDER", tmp_path / "s")

    def build(folder, **_):
        built.append(folder)
        shutil.copytree(small_project, folder)
        return open_database(settings.load(folder))

    monkeypatch.setattr(projects, "build_sample", build)
    for _ in range(2):
        projects.sample_database(now=now).engine.dispose()
    assert built == [tmp_path / "s"]


def test_without_a_name_whoever_holds_the_folder_acts(district):
    assert projects.account(district, None, source="cli") == projects.account(district, "local", source="cli")
    assert projects.account(district, None, source="cli").source == "cli"
    with pytest.raises(NotFound, match="nobody"):
        projects.account(district, "nobody", source="cli")


@pytest.mark.data
def test_a_vendors_boundary_declared_gcj02_falls_on_the_surveyed_one(data_folder, make):
    names = {"wgs84": "district_adcode=120104", "gcj02": "adcode=120104"}
    files = {d: f"tianjin_districts_{d}.geojson" for d in names}
    read = {d: (data_folder / "nankai" / f).read_bytes() for d, f in files.items()}
    true = outline(make(read["wgs84"], folder="true", feature=names["wgs84"]))
    right = outline(make(read["gcj02"], folder="right", feature=names["gcj02"], datum="gcj02"))
    wrong = outline(make(read["gcj02"], folder="wrong", feature=names["gcj02"], datum="wgs84"))
    assert iou(true, right) >= 0.995
    assert iou(true, wrong) == pytest.approx(0.738, abs=0.01)  # as the data's description says


@pytest.mark.data
def test_a_district_across_the_sea_gets_its_utm_zone(data_folder, make):
    data = (data_folder / "cambridge-ma" / "TRANS_SubwayStations.geojson").read_bytes()
    db = make(data, around=True, file_name="s.geojson")
    assert db.settings.crs == "EPSG:32619"
    lonlat = gpd.GeoSeries([outline(db)], crs=db.settings.crs).to_crs("EPSG:4326")
    assert lonlat.iloc[0].contains(shapely.Point(-71.1032, 42.3656))  # Central Square
