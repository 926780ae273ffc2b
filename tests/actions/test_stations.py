"""Existing sites: brought in without a map, seen by whose they are, joined by what a problem point brought on air."""

import io
import shutil
from dataclasses import replace
from datetime import UTC, date, datetime

import geopandas as gpd
import openpyxl
import pandas as pd
import pytest

from siting import settings
from siting.access import Actor
from siting.actions import (
    assets,
    candidates,
    commissioning,
    coverage,
    plans,
    projects,
    proposals,
    radiotables,
    scene,
    stations,
    worker,
)
from siting.errors import BadInput, Conflict, NotAllowed
from siting.ledger.model import Case, Fact, Need
from siting.plan import eligibility, options
from siting.radio import coverage as radio
from siting.radio import demand
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
    return worker.run_now(db, actor, "coverage", coverage.params(db, {"cell_m": 20}), clock=lambda: now)


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
def test_templates_offer_the_known_words_and_name_the_site_of_a_sector(district, layer):
    sheet, words = openpyxl.load_workbook(io.BytesIO(stations.template(district, layer))).worksheets
    headings = [cell.value for cell in sheet[1]]
    offered = {cell.value for row in words.iter_rows() for cell in row}
    assert {"站号", "站名", "铁塔权属"} <= set(headings)
    assert layer == "sites" or {"ctcu-n78-a", "aau64-240w"} <= offered


def test_other_layers_have_no_table_of_stations(district, actor):
    with pytest.raises(BadInput, match="sites, sectors"):
        stations.export(district, actor, "assets")
    with pytest.raises(BadInput):
        stations.template(district, "assets")


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


PLANNER = person("planner", "南开区商务局")
DAY = date(2026, 11, 2)


def fact(seq, kind, now, *, on=DAY, **more):
    return Fact(seq=seq, kind=kind, on=on, at=now, by="x", org="x", **more)


def case_of(now, *kinds, kind="new_blocked", **record):
    facts = tuple(fact(seq, name, now) for seq, name in enumerate(kinds, 1))
    given = {"pp_no": "NK-2026-0001", "title": "受阻点", "street_office": "长虹街道", **record}
    return Case(id="case-1", kind=kind, record=given, needs=(Need(need_no="1", operator="ctc"),), facts=facts, revision=len(facts))


def after(case, *facts):
    return replace(case, facts=(*case.facts, *facts))


def followed(db, actor, before, now_case, now):
    with db.write() as connection:
        return [f.code for f in stations.follow(db, connection, actor, before, now_case, now=now)]


def own_site(db, case):
    sites = layers.read(db, "sites")
    found = sites[sites["site_id"] == commissioning.site_id(case)]
    return None if found.empty else found.iloc[0]


def with_the_option(db, done, option):
    """People gained when the option's sectors are simply put beside those on air before."""
    asked = done.coverage.params
    carrier, thresholds = radiotables.networks(db)[asked["network"]], radiotables.thresholds(db)[asked["profile"]]
    ground = scene.build(db, cell_m=asked["cell_m"], mix=asked["mix"])
    sectors = scene.sectors(db, carrier)
    before = sectors[sectors["site_id"].isin(set(sectors["site_id"]) - {commissioning.site_id(case_of(None))})]
    new = options.sectors_of(pd.DataFrame([option.drop("geometry")]))
    found = radio.coverage(pd.concat([before, new], ignore_index=True), ground.terrain, ground.units, carrier)
    return float(demand.gap(ground.units, found, thresholds=thresholds).total["covered"]) - done.coverage.result["covered"]


def test_a_commissioned_point_of_a_plan_closes_the_gap_by_what_the_plan_promised_and_voiding_opens_it_again(
    done, actor, now
):
    db = done.db
    first = plans.plan(db, actor, done.plan.id)["sites"].iloc[0]
    key = proposals.from_plan(db, PLANNER, done.plan.id, [first["option_id"]], now=now)[0]
    building = case_of(now, "submitted", "build_started", proposal_ref=key, site_ref=first["candidate_id"])
    stands = after(building, fact(3, "commissioned", now))
    revision = layers.revision(db, "sites")
    assert followed(db, PLANNER, building, stands, now) == []
    assert layers.revision(db, "sites") == revision + 1
    assert not coverage.current(db, done.coverage)
    site = own_site(db, stands)
    assert (site["site_no"], site["commissioned_on"], site["tenants"]) == ("NK-2026-0001", DAY, ["ctc"])
    assert (site["host_asset_id"], site["technologies"]) == (first["candidate_id"], ["nr3500"])
    assert proposals.get(db, PLANNER, key)["state"] == "built"

    def uncovered():
        return worker.run_now(db, actor, "coverage", coverage.params(db, {}), clock=lambda: now).result["uncovered"]

    before = done.coverage.result["uncovered"]
    scored = candidates.candidates(db, actor, done.score.id).set_index("option_id")
    promised = scored.loc[first["option_id"], "added_persons"]
    gained = before - uncovered()
    assert gained == pytest.approx(with_the_option(db, done, first), rel=1e-6)
    # Together with the sites that stand, a unit is reached at least as well as by the better of them alone.
    assert 0.99 * promised <= gained <= 1.25 * promised
    voided = after(stands, fact(4, "corrected", now, replaces=3, data={"void": True}))
    assert followed(db, PLANNER, stands, voided, now) == []
    assert own_site(db, stands)["retired_on"] == DAY
    assert proposals.get(db, PLANNER, key)["state"] == "proposed"
    assert uncovered() == pytest.approx(before, rel=1e-9)


def test_a_station_stays_on_air_when_its_case_is_reopened_and_goes_off_when_the_building_is_cancelled(
    district, actor, now
):
    host = pole(district)
    built = case_of(now, "submitted", "build_started", "commissioned", site_ref=host)
    followed(district, actor, None, built, now)
    parts = layers.count(district, "sectors")
    reopened = after(built, fact(4, "closure_confirmed", now), fact(5, "reopened", now))
    followed(district, actor, built, reopened, now)
    assert own_site(district, built)["retired_on"] is None
    cancelled = after(reopened, fact(6, "build_cancelled", now))
    followed(district, actor, reopened, cancelled, now)
    assert own_site(district, built)["retired_on"] == DAY
    carrier = radiotables.networks(district)["ctcu-n78-a"]
    assert commissioning.site_id(built) not in set(scene.sectors(district, carrier)["site_id"])
    again = after(cancelled, fact(7, "build_started", now), fact(8, "commissioned", now, on=date(2026, 11, 1)))
    followed(district, actor, cancelled, again, now)
    site = own_site(district, built)
    assert (site["retired_on"], site["commissioned_on"]) == (None, date(2026, 11, 1))
    assert layers.count(district, "sectors") == parts
    assert commissioning.site_id(built) in set(scene.sectors(district, carrier)["site_id"])


def pole(db, kind="street_light"):
    """A pole that has exactly one slot."""
    found = layers.read(db, "assets")
    found = found[(found["class"] == kind) & found["mount_height_m"].notna()].iloc[:1]
    with db.write() as connection:
        stamp = datetime(2026, 11, 2, tzinfo=UTC)
        layers.upsert(connection, "assets", found.assign(slots_total=1.0, slots_reserved=0.0), provenance={}, now=stamp)
    return found["asset_id"].iloc[0]


def test_without_a_proposal_the_host_is_built_as_its_class_is(district, actor, now):
    host = pole(district)
    built = case_of(now, "submitted", "commissioned", asset_ref=host)
    assert followed(district, actor, None, built, now) == []
    sectors = layers.read(district, "sectors").query("site_id == @commissioning.site_id(@built)")
    assert sectors[["equipment", "mount", "network"]].to_numpy().tolist() == [["micro-2x5w", "pole", "ctcu-n78-a"]]
    assert own_site(district, built)["site_type"] == "micro"


def test_a_point_without_host_and_proposal_is_a_site_without_sectors_and_says_so(district, actor, now):
    place = {"easting_m": "512000.0", "northing_m": "4331000.0"}
    built = case_of(now, "submitted", "commissioned", **place)
    assert followed(district, actor, None, built, now) == ["STATION_WITHOUT_SECTORS"]
    site = own_site(district, built)
    assert (site.geometry.x, site.geometry.y, site["host_class"]) == (512000.0, 4331000.0, "ground")
    assert stations.sectors(district, actor, site["site_id"]).empty
    nowhere = case_of(now, "submitted", "commissioned")
    other = replace(nowhere, id="case-2")
    assert followed(district, actor, None, other, now) == ["STATION_WITHOUT_PLACE"]
    assert own_site(district, other) is None


@pytest.mark.parametrize("kind", ["existing_threatened", "objection", "approval", "access_property"])
def test_kinds_without_building_bring_no_station(district, actor, now, kind):
    revision = layers.revision(district, "sites")
    built = case_of(now, "submitted", "commissioned", kind=kind, site_ref=pole(district))
    assert followed(district, actor, None, built, now) == []
    assert layers.revision(district, "sites") == revision


def test_a_case_about_an_existing_site_brings_no_second_one(district, actor, now):
    existing = layers.read(district, "sites")["site_id"].iloc[0]
    built = case_of(now, "submitted", "commissioned", kind="power", site_ref=existing)
    assert followed(district, actor, None, built, now) == ["STATION_STANDS"]
    assert own_site(district, built) is None


def test_a_pole_that_a_station_holds_has_no_slot_for_the_next_guest(district, actor, now):
    host = pole(district)

    def verdict():
        assets = stations.with_taken(district, layers.read(district, "assets"))
        offered = options.from_assets(assets[assets["asset_id"] == host], network="cm-n41", operators=("cmcc",))
        judged = eligibility.eligibility(offered, assets, None, profile=eligibility.Profile(today=DAY))
        return judged["codes"].iloc[0]

    assert "NO_SLOT" not in verdict()
    built = case_of(now, "submitted", "commissioned", site_ref=host)
    followed(district, actor, None, built, now)
    assert "NO_SLOT" in verdict()
    voided = after(built, fact(3, "corrected", now, replaces=2, data={"void": True}))
    followed(district, actor, built, voided, now)
    assert "NO_SLOT" not in verdict()


def test_a_move_that_fails_afterwards_leaves_no_station_behind(district, actor, now):
    revision = layers.revision(district, "sites")
    built = case_of(now, "submitted", "commissioned", site_ref=pole(district))
    with pytest.raises(ZeroDivisionError), district.write() as connection:
        stations.follow(district, connection, actor, None, built, now=now)
        raise ZeroDivisionError
    assert own_site(district, built) is None
    assert layers.revision(district, "sites") == revision
