"""Names that would run if anything took them for more than text: in samples, patterns, tables, sheets and plans."""

import csv
import io
import json
from xml.etree import ElementTree as ET

import docx
import openpyxl
import pytest
from typer.testing import CliRunner

from siting.actions import (
    comparing,
    comparisonfiles,
    emf,
    measurements,
    plans,
    plantables,
    radiopatterns,
    runs,
    scenarios,
    stations,
    weights,
)
from siting.cli import app as cli
from siting.errors import BadInput
from siting.store import artefacts, layers, samples
from tests.case_people import person
from tests.secret_district import CMCC
from tests.secret_radio import HEAD, middle

PAYLOADS = ("{{7*7}}", "<img src=x onerror=alert(1)>", "=1+1", "@SUM(1)")
LIVE = ("=", "@", "\t", "\r")
PATTERN = "NAME {name}\nGAIN 15 dBi\nHORIZONTAL 360\n{cut}\nVERTICAL 360\n{cut}\n"


def file(db):
    """Samples by devices of such names; every second row cannot land."""
    place = middle(db)
    rows = [f"2026-10-20 08:00:0{n},{place.x + 5 * n:.2f},{place.y:.2f},{level},{name},{name}" for n, name in enumerate(PAYLOADS)
        for level in (-90, 99)]  # fmt: skip
    return (HEAD + "\n".join(rows) + "\n").encode()


def live_cells(data):
    book = openpyxl.load_workbook(io.BytesIO(data))
    return [c.value for sheet in book for row in sheet.iter_rows() for c in row if c.data_type == "f" or c.hyperlink]


def test_devices_and_file_names_stay_texts_and_no_cell_of_what_is_taken_home_is_live(district, actor, now):
    for name in PAYLOADS:
        plan = measurements.dry_run(
            district, actor, file(district), name=f"{name}.csv", datum="epsg:4548", network="cm-n41", now=now
        )
        assert live_cells(measurements.rejected_rows(plan)) == []
        cells = measurements.findings_csv(plan).decode("utf-8-sig").replace("\r\n", ",").split(",")
        assert [cell for cell in cells if cell.startswith(LIVE)] == []
    made = measurements.commit(district, actor, plan.id, now=now, source=PAYLOADS[1])
    assert (made.name, made.source) == (f"{PAYLOADS[-1]}.csv", PAYLOADS[1])
    assert set(samples.read(district, [made.id], viewer=actor)["device_id"]) == set(PAYLOADS)
    said = CliRunner().invoke(cli, ["samples", "--json", "--project", str(district.settings.folder)])
    assert PAYLOADS[1] in said.output


def test_patterns_and_stations_of_such_names_leave_as_texts(district, actor, now):
    cut = "\n".join(f"{angle} {min(25.0, angle / 10 if angle < 180 else (360 - angle) / 10)}" for angle in range(360))
    for name in PAYLOADS:
        try:
            radiopatterns.add(
                district, actor, PATTERN.format(name=name, cut=cut).encode(), file=f"{name}.msi", flip=False, reason=name, now=now
            )
        except BadInput as error:
            pytest.fail(error.message())
    assert set(radiopatterns.listing(district, actor)["name"]) == set(PAYLOADS)
    sectors, sites = layers.read(district, "sectors").head(4), layers.read(district, "sites")
    sites = sites[sites["site_id"].isin(sectors["site_id"])]
    with district.write() as connection:
        layers.upsert(connection, "sectors", sectors.assign(pattern=PAYLOADS), provenance={"source_name": "=1+1"}, now=now)
        layers.upsert(connection, "sites", sites.assign(name=PAYLOADS[2]), provenance={"source_name": "=1+1"}, now=now)
    for layer in ("sites", "sectors"):
        assert live_cells(stations.export(district, actor, layer)) == []
    assert set(PAYLOADS) <= {c.value for row in openpyxl.load_workbook(io.BytesIO(stations.export(district, actor, "sectors"))).active for c in row}


def test_a_public_sheet_prints_such_names_and_holds_no_field_or_link(district, actor, now):
    sites = layers.read(district, "sites").head(len(PAYLOADS))
    with district.write() as connection:
        layers.upsert(connection, "sites", sites.assign(name=PAYLOADS), provenance={"source_name": "t"}, now=now)
    for site_id, name in zip(sites["site_id"].head(2), PAYLOADS, strict=False):
        made = emf.issue(district, actor, site_id, now=now)
        document = docx.Document(io.BytesIO(emf.sheet(district, actor, made.number)))
        assert any(name in paragraph.text for paragraph in document.paragraphs)
        xml = document.element.xml
        assert [mark for mark in ("<img", "w:instrText", "w:fldSimple", "w:hyperlink") if mark in xml] == []


def test_profiles_prices_and_their_reasons_stay_texts(district, now):
    planner = person("planner")
    for name in PAYLOADS:
        weights.save(district, planner, name, {"key_venues": 1.0}, reason=name, now=now)
        cost = {"site_cost_yuan": str(30000 + len(name)), "source": name}
        plantables.edit(district, planner, "costs", {"street_light.micro-2x5w": cost}, reason=name, now=now)
    assert set(PAYLOADS) <= set(weights.profiles(district, planner)["name"])
    for told in (weights.history(district, planner), plantables.history(district, planner)):
        assert set(PAYLOADS) <= set(told["reason"])
    assert PAYLOADS[-1] in set(plantables.table(district, planner, "costs")["source"])


def test_plans_and_comparisons_of_such_names_leave_as_texts(fresh_pair):
    db, mine = fresh_pair.full, fresh_pair.mine
    for run_id in (mine.plan, mine.second):
        folder = runs.folder(db, run_id)
        sites = artefacts.load_table(folder, "plan_sites")
        artefacts.save_table(folder, "plan_sites", sites.assign(name=[*PAYLOADS, *PAYLOADS][: len(sites)], owner_org=PAYLOADS[1]))
    for name in PAYLOADS:
        scenarios.save(db, CMCC, name, given={"count": 1, "coverage_params": {"cell_m": 20}}, reason=name, now=fresh_pair.now)
    assert set(PAYLOADS) <= {one.name for one in scenarios.listing(db, CMCC)}
    files = {kind: plans.export(db, CMCC, mine.plan, kind=kind)[1] for kind in ("xlsx", "csv", "kml", "json", "geojson", "html")}
    cells = [cell for row in csv.reader(io.StringIO(files["csv"].decode("utf-8-sig"))) for cell in row]
    assert live_cells(files["xlsx"]) == []
    assert [cell for cell in cells if cell.startswith(LIVE)] == []
    assert PAYLOADS[1] in "".join(ET.fromstring(files["kml"]).itertext())  # noqa: S314 - made here
    assert all(json.loads(files[kind]) for kind in ("json", "geojson"))
    assert PAYLOADS[1].encode() not in files["html"]
    found = comparing.compared(db, CMCC, [mine.plan, mine.second], draws=False)
    _, data = comparisonfiles.export(db, CMCC, found)
    assert live_cells(data) == []
    held = [c.value for sheet in openpyxl.load_workbook(io.BytesIO(data)) for row in sheet.iter_rows() for c in row]
    assert PAYLOADS[1] in " ".join(map(str, held))
