"""What the documents say is there: commands, options, settings, codes, links, pictures."""

import csv
import json
import re
import shlex
from pathlib import Path
from urllib.parse import unquote

import pandas as pd
import pytest

from siting import access, cli, settings, words
from siting.assets import schema
from siting.geo import crs
from siting.ledger import fields, moves, screening, state
from siting.plan import tables
from siting.radio import network
from siting.store import layers
from siting.store.database import open_database
from tests import guide_tables

ROOT = Path(__file__).parents[1]
READMES = [ROOT / "README.md", ROOT / "README.zh-CN.md"]
GUIDES = [ROOT / "docs" / "guide" / "en.md", ROOT / "docs" / "guide" / "zh-CN.md"]
DOCUMENTS = sorted([*READMES, ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md"), ROOT / "bench" / "README.md"])
COMMANDS = dict(guide_tables.commands())
CODES = sorted(k.split(".")[1] for k in words.catalogue("zh_CN") if re.fullmatch(r"finding\.\w+\.message", k))
# Long work: parsed here, run by the tests of the command line.
SLOW = ("coverage", "score", "plan", "alternatives", "serve", "sample", "calibrate", "terrain")


def read(path):
    return path.read_text(encoding="utf-8")


def name(path):
    return path.relative_to(ROOT).as_posix()


def blocks(path, *kinds):
    """Lines of the fenced blocks of a kind."""
    found = re.findall(r"^```(\w*)\n(.*?)^```", read(path), re.MULTILINE | re.DOTALL)
    return [line for kind, text in found if kind in kinds for line in text.splitlines()]


def command_lines(path):
    lines = [line.removeprefix("$ ") for line in blocks(path, "sh", "console")]
    return [shlex.split(line)[1:] for line in lines if line.startswith("siting ")]


def coded(path):
    """Everything a document sets in code type."""
    prose = re.sub(r"^```.*?^```", "", read(path), flags=re.MULTILINE | re.DOTALL)
    return re.findall(r"`([^`\n]+)`", prose)


def anchors(path):
    """Addresses of the headings of a document."""
    titles = re.findall(r"^#+ (.+)$", read(path), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("guide", GUIDES, ids=name)
def test_both_guides_name_every_command_and_option(guide):
    said = coded(guide)
    for command, row in COMMANDS.items():
        assert command in said or any(s.startswith(f"{command} ") for s in said), command
        options = {o for p in row.params for o in p.opts if o.startswith("--")}
        assert sorted(options - {word for s in said for word in s.split()}) == [], command


@pytest.mark.parametrize("lang", sorted(guide_tables.GUIDES))
def test_both_guides_hold_every_table_as_the_program_has_it(lang):
    """After a change of the program's tables: ``python tests/guide_tables.py``."""
    held = {found[2]: found[3].strip() for found in guide_tables.PLACE.finditer(read(guide_tables.GUIDES[lang]))}
    for table, made in guide_tables.TABLES.items():
        assert held[table] == made(lang).strip(), table


@pytest.mark.parametrize("guide", GUIDES, ids=name)
def test_both_guides_name_every_code_of_people_cases_and_proposals(guide):
    refused = [key.split(".")[2] for key in words.catalogue("en") if re.fullmatch(r"case\.reason\.\w+\.message", key)]
    known = {
        *access.ROLES,
        *access.PERMISSIONS,
        *moves.MOVES,
        *moves.KINDS,
        *moves.REASONS,
        *state.STATES,
        *fields.FIELDS,
        *(code for terms in fields.VOCABULARIES.values() for code in terms),
        *refused,
        *(column.name for column in schema.columns("candidates")),
        *(term.code for name in ("proposal_state", "owner_attitude", "purpose", "technology") for term in schema.vocabulary(name)),
    }
    assert refused
    assert sorted(known - set(coded(guide))) == []


@pytest.mark.parametrize("guide", GUIDES, ids=name)
def test_both_guides_tell_every_setting_with_its_default(guide):
    section = re.split(r"^## (?:Settings|设置)$", read(guide), flags=re.MULTILINE)[1].split("\n## ")[0]
    rows = dict(re.findall(r"^\| `(\w+\.\w+)` \| (\S*) ", section, re.MULTILINE))
    assert rows == {row.key: f"`{row.default}`" if row.default else "—" for row in settings.rows()}


@pytest.mark.parametrize("guide", GUIDES, ids=name)
def test_both_guides_explain_every_finding_code_and_no_other(guide):
    section = re.split(r"^## (?:Finding codes|问题代码)$", read(guide), flags=re.MULTILINE)[1].split("\n## ")[0]
    assert sorted(re.findall(r"^\| `(\w+)` ", section, re.MULTILINE)) == CODES


@pytest.mark.parametrize("guide", GUIDES, ids=name)
def test_both_guides_name_layers_classes_datums_networks_profiles_and_reasons(guide):
    known = {
        *schema.LAYERS,
        *(term.code for term in schema.vocabulary("asset_class")),
        *crs.DATUMS,
        *(n for n, row in network.load_networks().items() if row.active),
        *network.load_thresholds(),
        *tables.state_of_code(),
        *screening.codes(),
    }
    assert sorted(known - set(coded(guide))) == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_every_link_and_picture_is_there(document):
    for target in re.findall(r"\]\(([^)\s]+)\)", read(document)):
        path, _, anchor = unquote(target).partition("#")
        assert "://" not in path, target
        place = (document.parent / path).resolve() if path else document
        assert place.exists(), target
        assert not anchor or anchor in anchors(place), target


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_no_document_names_a_place_on_one_machine(document):
    assert re.findall(r"(?<![\w.])/(?:work|tmp|root|home)\b|localhost", read(document)) == []


@pytest.mark.parametrize("readme", READMES, ids=name)
def test_both_front_pages_name_the_two_commands_a_picture_and_the_exit_codes(readme):
    assert {"make run", "make test"} <= set(blocks(readme, "sh"))
    assert "](docs/images/" in read(readme)
    assert re.findall(r"^\| (\d) \| ", read(readme), re.MULTILINE) == list("012345")


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_every_make_target_in_the_documents_exists(document):
    targets = set(re.findall(r"^([\w-]+):", read(ROOT / "Makefile"), re.MULTILINE))
    lines = [*blocks(document, "sh"), *coded(document)]
    assert {line.split()[1] for line in lines if re.match(r"make [a-z]", line)} <= targets


@pytest.mark.parametrize("document", [*READMES, *GUIDES], ids=name)
def test_every_command_line_in_the_documents_parses(document):
    lines = command_lines(document)
    assert {"coverage", "score", "plan", "import"} <= {line[0] for line in lines}
    for line in lines:
        command = next(c for n in (2, 1) if (c := " ".join(["siting", *line[:n]])) in COMMANDS)
        COMMANDS[command].make_context(command, line[command.count(" ") :])


@pytest.fixture
def files(small_project, tmp_path):
    """The files that the example of a new district starts from, made of the small sample."""
    db = open_database(settings.load(small_project))
    districts, lights = layers.read(db, "districts"), layers.read(db, "assets").query("`class` == 'street_light'")
    parts = {
        "boundary": (districts[districts["level"] == "district"], ["name"]),
        "offices": (districts[districts["level"] == "street_office"], ["code", "name"]),
        "roads": (layers.read(db, "roads"), ["road_id", "name", "class"]),
        "buildings": (layers.read(db, "buildings"), ["building_id", "height_m", "floors", "use", "residents"]),
    }
    for part, (frame, columns) in parts.items():
        lonlat = crs.from_project(frame, datum="wgs84", crs=db.settings.crs)
        (tmp_path / f"{part}.geojson").write_text(lonlat[[*columns, "geometry"]].to_json(), encoding="utf-8")
    places = crs.from_project(lights.head(40), datum="wgs84", crs=db.settings.crs).geometry
    table = {"编号": lights["asset_no"].head(40), "杆高": "10米", "权属单位": lights["owner_org"].head(40)}
    rows = pd.DataFrame({**table, "经度": places.x.round(6), "纬度": places.y.round(6)})
    rows.to_csv(tmp_path / "lights.csv", index=False, encoding="gbk")
    return tmp_path


@pytest.mark.parametrize("readme", READMES, ids=name)
def test_the_example_of_a_new_district_makes_it(readme, files, monkeypatch, capsys):
    monkeypatch.chdir(files)
    lines = [line for line in command_lines(readme) if line[0] not in SLOW]
    outcomes = []
    for line in lines:
        cli.main([*line, "--json"])
        outcomes.append(json.loads(capsys.readouterr().out))
    landed = [(o["layer"], o["read"], o["landed"]) for o in outcomes if o.get("written")]
    assert [layer for layer, _, _ in landed] == ["districts", "roads", "buildings", "assets"]
    assert [given for _, given, _ in landed] == [got for _, _, got in landed]
    assert layers.count(open_database(settings.load(files / "my-district")), "assets") == 40
    assert (files / "findings.csv").is_file()
    assert (files / "rejected.xlsx").is_file()


def test_the_tables_of_data_behind_the_guides_have_the_rows_they_show():
    shown = [dict(re.findall(r"^\| `(\w+)` \|.*\| ([\d.]+) \|$", read(guide), re.MULTILINE)) for guide in GUIDES]
    with (ROOT / "siting" / "plan" / "data" / "score.csv").open(encoding="utf-8") as file:
        weights = {row["part"]: row["weight"] for row in csv.DictReader(file)}
    for rows in shown:
        parts = {part: weight for part, weight in rows.items() if part in weights}
        assert parts
        assert parts == {part: weights[part] for part in parts}
