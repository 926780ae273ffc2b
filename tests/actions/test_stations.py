"""Existing sites: brought in without a map, seen by whose they are, joined by what a problem point brought on air."""

import io
import shutil

import geopandas as gpd
import openpyxl
import pytest

from siting import settings
from siting.access import Actor
from siting.actions import assets, coverage, projects, stations, worker
from siting.errors import BadInput, Conflict, NotAllowed
from siting.reports.geofiles import geojson
from siting.store import layers
from siting.store.database import open_database

GROUND = ("buildings", "demand", "venues", "roads")
FIGURES = ("persons", "covered", "uncovered", "unknown")


def landed(db, actor, layer, data, now, *, name="x.xlsx", datum=None, **options):
    plan = assets.dry_run(db, actor, data, name=name, layer=layer, datum=datum, now=now, **options)
    assert [f.say("message") for f in plan.findings.of("error")] == []
    return assets.commit(db, actor, plan.id, now=now)


def covered(db, actor, now):
    return worker.run_now(db, actor, "coverage", coverage.params(db.settings, {"cell_m": 20}), clock=lambda: now)


@pytest.fixture(scope="module")
def exported(small_project, actor):
    db = open_database(settings.load(small_project))
    files = {layer: stations.export(db, actor, layer) for layer in stations.LAYERS}
    db.engine.dispose()
    return files


def as_csv(data):
    rows = openpyxl.load_workbook(io.BytesIO(data)).worksheets[0].iter_rows(values_only=True)
    lines = (",".join("" if cell is None else f'"{cell}"' for cell in row) for row in rows)
    return "\n".join(lines).encode("utf-8-sig")


def test_a_new_district_with_the_exported_sites_and_sectors_has_the_coverage_of_the_old_one(
    district, exported, tmp_path, actor, now
):
    districts = layers.read(district, "districts")
    outline = districts[districts["level"] == "district"]
    lonlat = gpd.GeoDataFrame({"name": ["x"]}, geometry=outline.geometry.array, crs=outline.crs).to_crs(4326)
    new = projects.init(
        tmp_path / "new", name="新区", data=geojson(lonlat, about={}), file_name="b.geojson", datum="wgs84", now=now
    )
    assert new.settings.crs == district.settings.crs
    new.engine.dispose()
    text = (tmp_path / "new" / settings.FILE_NAME).read_text(encoding="utf-8")
    shutil.copy(district.settings.folder / settings.FILE_NAME, tmp_path / "new" / settings.FILE_NAME)
    assert "新区" in text
    new = open_database(settings.load(tmp_path / "new"))
    with new.write() as connection:
        layers.remove(connection, "districts", layers.read(new, "districts")["code"].tolist(), now=now)
        for layer in ("districts", *GROUND):
            layers.upsert(connection, layer, layers.read(district, layer), provenance={}, now=now)
    sites = landed(new, actor, "sites", exported["sites"], now, datum="cgcs2000")
    sectors = landed(new, actor, "sectors", as_csv(exported["sectors"]), now, name="s.csv")
    assert sites.new == layers.count(district, "sites")
    assert sectors.new == layers.count(district, "sectors")
    again = landed(new, actor, "sectors", exported["sectors"], now)
    assert (again.new, again.changed, again.unchanged) == (0, 0, sectors.new)
    before, after = covered(district, actor, now), covered(new, actor, now)
    for name in FIGURES:
        assert after.result[name] == pytest.approx(before.result[name], rel=1e-6), name
    new.engine.dispose()


def test_an_import_of_sectors_is_refused_when_the_sites_changed_meanwhile(district, exported, actor, now):
    with district.write() as connection:
        layers.remove(connection, "sectors", layers.read(district, "sectors")["sector_id"].tolist(), now=now)
    plan = assets.dry_run(district, actor, exported["sectors"], name="x.xlsx", layer="sectors", datum=None, now=now)
    with district.write() as connection:
        layers.upsert(connection, "sites", layers.read(district, "sites").iloc[:1], provenance={}, now=now)
    with pytest.raises(Conflict, match="sites"):
        assets.commit(district, actor, plan.id, now=now)


@pytest.mark.parametrize("layer", stations.LAYERS)
def test_templates_offer_the_known_words_and_name_the_site_of_a_sector(layer):
    sheet, words = openpyxl.load_workbook(io.BytesIO(stations.template(layer))).worksheets
    headings = [cell.value for cell in sheet[1]]
    offered = {cell.value for row in words.iter_rows() for cell in row}
    assert {"站号", "站名", "铁塔权属"} <= set(headings)
    assert layer == "sites" or {"ctcu-n78-a", "aau64-240w"} <= offered


def test_other_layers_have_no_table_of_stations(district, actor):
    with pytest.raises(BadInput, match="sites, sectors"):
        stations.export(district, actor, "assets")
    with pytest.raises(BadInput):
        stations.template("assets")


def person(role, org, operator=""):
    return Actor(id=role, name=role, org=org, role=role, operator=operator)


def test_an_operator_sees_and_takes_home_its_own_sites_and_their_sectors_only(district):
    mine = person("operator", "中国电信股份有限公司天津分公司", "ctc")
    found = stations.listing(district, mine)
    everything = layers.read(district, "sites")
    own = everything[["ctc" in tenants for tenants in everything["tenants"]]]
    assert 0 < len(own) < len(everything)
    assert set(found["site_id"]) == set(own["site_id"])
    assert found["sectors"].sum() == layers.read(district, "sectors")["site_id"].isin(own["site_id"]).sum()
    foreign = everything.loc[~everything["site_id"].isin(own["site_id"]), "site_id"].iloc[0]
    assert stations.sectors(district, mine, foreign).empty
    assert len(stations.sectors(district, mine, own["site_id"].iloc[0])) == 3
    taken = openpyxl.load_workbook(io.BytesIO(stations.export(district, mine, "sites"))).worksheets[0]
    assert taken.max_row == 1 + len(own)
    with pytest.raises(NotAllowed):
        stations.listing(district, person("auditor", "x"))


def test_tables_of_networks_and_equipment_say_source_and_mark():
    for table in (stations.networks(), stations.equipment()):
        assert {"name", "source", "mark"} <= set(table.columns)
        assert table["source"].str.len().min() > 0
        assert table["mark"].isin(["std", "2nd", "unverified"]).all()
