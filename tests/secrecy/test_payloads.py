"""Names that would run if anything took them for more than text: in samples, patterns, tables and sheets of radio."""

import io

import docx
import openpyxl
import pytest
from typer.testing import CliRunner

from siting.actions import emf, measurements, radiopatterns, stations
from siting.cli import app as cli
from siting.errors import BadInput
from siting.store import layers, samples
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
