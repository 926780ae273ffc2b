import io
import json

import geopandas as gpd
import openpyxl
import pytest
import shapely

from siting.access import Actor
from siting.actions import assets
from siting.errors import BadInput, Conflict, NotAllowed, NotFound
from siting.geo import crs
from siting.store import journal, layers

LISTS = ("advisories", "conditions", "tenants", "technologies")
CANARIES = ("{{7*7}}", "<img src=x onerror=alert(1)>", "</script>", "${1}")


@pytest.fixture
def lights(district):
    """Ten street lights inside the district, as a file."""

    def make(n=10, shift_deg=0.0, **properties):
        outline = layers.read(district, "districts").query("level == 'district'")
        lonlat = crs.from_project(outline, datum="wgs84", crs=district.settings.crs)
        centre = shapely.point_on_surface(shapely.union_all(lonlat.geometry.to_numpy()))
        features = [
            {
                "type": "Feature",
                "properties": {"编号": f"T{i:03}", "权属单位": "测试单位", **properties},
                "geometry": {"type": "Point", "coordinates": [centre.x + i * 1e-5 + shift_deg, centre.y]},
            }
            for i in range(n)
        ]
        return json.dumps({"type": "FeatureCollection", "features": features}).encode()

    return make


@pytest.fixture
def check(district, actor, now):
    def run(data, **options):
        given = {"name": "t.geojson", "layer": "assets", "datum": "wgs84", "asset_class": "street_light"}
        return assets.dry_run(district, actor, data, now=now, **{**given, **options})

    return run


def test_a_dry_run_writes_nothing_but_the_plan(district, check, lights):
    before = layers.count(district, "assets"), layers.revision(district, "assets")
    plan = check(lights())
    assert (plan.read, plan.new, plan.landed, plan.rejected) == (10, 10, 10, 0)
    assert (layers.count(district, "assets"), layers.revision(district, "assets")) == before


def test_a_commit_lands_the_rows_with_provenance_and_one_journal_event(district, check, lights, actor, now):
    before = layers.count(district, "assets")
    plan = check(lights())
    result = assets.commit(district, actor, plan.id, now=now)
    stored = layers.read(district, "assets", provenance=True).query("import_id == @plan.id")
    assert layers.count(district, "assets") == before + 10 == before + result.landed
    assert set(stored["source_row"]) == {str(i) for i in range(1, 11)}
    assert set(stored["datum_declared"]) == {"wgs84"}
    assert stored["row_hash"].str.len().eq(64).all()
    event = journal.recent(district, kind="layer.imported", limit=1)[0]["payload"]
    assert (event["read"], event["new"], event["sha256"]) == (10, 10, plan.sha256)
    assert all(r.ok for r in journal.verify(district).values())


def test_the_same_file_twice_changes_nothing(district, check, lights, actor, now):
    data = lights()
    assets.commit(district, actor, check(data).id, now=now)
    revision = layers.revision(district, "assets")
    again = check(data)
    assert (again.new, again.changed, again.unchanged) == (0, 0, 10)
    assets.commit(district, actor, again.id, now=now)
    assert layers.revision(district, "assets") == revision


def test_a_repeated_commit_gives_the_same_answer_and_lands_once(district, check, lights, actor, now):
    plan = check(lights())
    first = assets.commit(district, actor, plan.id, now=now)
    assert assets.commit(district, actor, plan.id, now=now) == first


def test_a_plan_made_before_another_change_is_refused(district, check, lights, actor, now):
    stale, other = check(lights()), check(lights(3, name="x"))
    assets.commit(district, actor, other.id, now=now)
    with pytest.raises(Conflict):
        assets.commit(district, actor, stale.id, now=now)


def test_rows_set_aside_go_home_with_reasons_and_come_back_corrected(district, check, lights, actor, now):
    features = json.loads(lights())
    features["features"][3]["properties"]["杆高"] = "很高"
    plan = check(json.dumps(features).encode())
    assert (plan.landed, plan.rejected) == (9, 1)
    assets.commit(district, actor, plan.id, now=now)
    data = assets.rejected_rows(plan)
    book = openpyxl.load_workbook(io.BytesIO(data))
    titles, cells = ([c.value for c in row] for row in book.worksheets[0].iter_rows(min_row=1, max_row=2))
    row = dict(zip(titles, cells, strict=True))
    assert row["行号"] == "4"
    assert "很高" in row["错误原因"]
    assert row["处理建议"]
    book.worksheets[0].cell(2, titles.index("杆高") + 1).value = "9米"
    buffer = io.BytesIO()
    book.save(buffer)
    corrected = check(buffer.getvalue(), name="t.xlsx")
    assert (corrected.new, corrected.rejected) == (1, 0)


def test_the_list_of_findings_is_a_csv_nobody_can_run(check, lights):
    plan = check(lights(1, name="=cmd|' /C calc'!A0"))
    text = assets.findings_csv(plan).decode("utf-8-sig")
    assert text.startswith("sheet,row,column,severity,code,value,message,remedy")
    assert ",'=cmd" in text
    assert ",=cmd" not in text


@pytest.mark.parametrize("text", CANARIES)
def test_a_text_that_would_run_elsewhere_is_stored_as_it_is(district, check, lights, actor, now, text):
    plan = check(lights(1, 名称=text))
    assets.commit(district, actor, plan.id, now=now)
    assert text in set(layers.read(district, "assets")["name"].dropna())


@pytest.mark.parametrize(
    "layer", ["assets", "buildings", "roads", "districts", "sites", "venues", "access", "ducts", "demand"]
)
def test_a_layer_written_out_and_imported_again_changes_nothing(district, actor, now, tmp_path, layer):
    stored = layers.read(district, layer)
    flat = stored.assign(**{n: stored[n].map(lambda v: json.dumps(v) if v else None) for n in LISTS if n in stored})
    flat.to_file(tmp_path / "x.gpkg", driver="GPKG")
    data, datum = (tmp_path / "x.gpkg").read_bytes(), district.settings.crs.lower()
    plan = assets.dry_run(district, actor, data, name="x.gpkg", layer=layer, datum=datum, now=now)
    assert (plan.changes[:3], plan.new, plan.rejected) == ((), 0, 0)
    assert plan.read == plan.unchanged == len(stored)


def test_a_suspect_datum_needs_a_reason(district, check, actor, now):
    roads = layers.read(district, "roads")
    spots = [g.interpolate(d) for g in roads.geometry for d in range(0, int(g.length), 15)]
    moved = crs.from_project(gpd.GeoDataFrame(geometry=spots, crs=roads.crs), datum="gcj02", crs=district.settings.crs)
    points = shapely.get_coordinates(moved.geometry.to_numpy()).tolist()
    rows = "\n".join(f"{x:.8f},{y:.8f}" for x, y in points)
    plan = check(f"经度,纬度\n{rows}\n".encode(), name="t.csv")
    assert plan.needs_reason
    assert next(f for f in plan.findings if f.code == "DATUM_SUSPECT").values["likely"] == "gcj02"
    with pytest.raises(BadInput, match="理由"):
        assets.commit(district, actor, plan.id, now=now)
    assert assets.commit(district, actor, plan.id, now=now, reason="已实地核对").landed == plan.landed


def test_somebody_without_the_permission_or_the_plan_is_refused(district, check, lights, actor, now):
    auditor = Actor(id="l", name="l", org="l", role="auditor")
    with pytest.raises(NotAllowed):
        assets.dry_run(district, auditor, lights(), name="t", layer="assets", datum="wgs84", now=now)
    with pytest.raises(NotAllowed):
        assets.commit(district, auditor, check(lights()).id, now=now)
    with pytest.raises(NotFound):
        assets.commit(district, actor, "none", now=now)


def test_an_undeclared_datum_is_refused_even_for_geojson(check, lights):
    with pytest.raises(BadInput, match="坐标基准"):
        check(lights(), datum=None)


@pytest.mark.data
def test_real_towers_land_as_sites(data_folder, district, actor, now):
    data = (data_folder / "melbourne-sites" / "site-optus-melbCBD.csv").read_bytes()
    values = {"tenants": "ctc", "technologies": "nr3500", "as_of": "2020-01-01"}
    plan = assets.dry_run(district, actor, data, name="s.csv", layer="sites", datum="wgs84", set_values=values, now=now)
    assert plan.read == 125 == plan.rejected
    assert plan.findings.counts()["OUTSIDE_FAR"] == 125
