import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import geopandas as gpd
import openpyxl
import pytest
import rasterio
import shapely

from siting import cli, settings
from siting.access import Actor
from siting.actions import assets, projects
from siting.errors import Conflict, NotSolved
from siting.geo import crs
from siting.store import journal, layers, runs
from siting.store.database import open_database

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def sample(small_project, tmp_path_factory):
    """A small district that stands for the sample."""
    return shutil.copytree(small_project, tmp_path_factory.mktemp("sample") / "sample")


@pytest.fixture
def siting(capsys, monkeypatch, sample, tmp_path):
    """Run a command in this process, in a folder that is no district: exit code, what it printed, what it complained."""
    monkeypatch.setattr(projects, "SAMPLE_FOLDER", sample)
    monkeypatch.chdir(tmp_path)

    def run(*args):
        code = 0
        try:
            cli.main([str(a) for a in args])
        except SystemExit as left:
            code = left.code
        return code, *capsys.readouterr()

    return run


@pytest.fixture
def figures(siting):
    """Run a command with --json and read its figures."""

    def run(*args):
        code, out, complaint = siting(*args, "--json")
        assert code == 0, complaint
        return json.loads(out)

    return run


@pytest.fixture
def project(district):
    """Folder of one's own copy of the small district."""
    return district.settings.folder


def lights(db, path, n=4):
    """A file of street lights inside a district."""
    inner = shapely.point_on_surface(layers.read(db, "districts").query("level == 'district'").geometry.iloc[0])
    spots = gpd.GeoDataFrame(geometry=[shapely.Point(inner.x + 12 * i, inner.y) for i in range(n)], crs=db.settings.crs)
    lonlat = crs.from_project(spots, datum="wgs84", crs=db.settings.crs).geometry
    rows = [
        {"type": "Feature", "properties": {"编号": f"N{i}"}, "geometry": shapely.geometry.mapping(g)}
        for i, g in enumerate(lonlat)
    ]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": rows}), encoding="utf-8")
    return path


def environment(**more):
    return {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8", **more}


def process(*args, cwd, **more):
    command = [sys.executable, "-c", "from siting.cli import main; main()", *map(str, args)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, env=environment(**more), check=False)


def test_help_lists_every_command_and_ends_well(siting):
    for args in ((), ("--help",)):
        code, out, _ = siting(*args)
        assert code == 0
        names = ["init", "sample", "import", "coverage", "score", "plan", "verify", "serve"]
        assert [name for name in names if name not in out] == []


@pytest.mark.parametrize(
    "args",
    [
        ("dance",),
        ("plan",),
        ("plan", "--count", "many", "--out", "x.gpkg"),
        ("coverage", "--out", "x.tif", "--colour", "red"),
        ("import", "assets"),
        ("plan", "--out", "x.gpkg"),
        ("plan", "--out", "x.gpkg", "--count", "3", "--target", "9"),
        ("plan", "--out", "x.gpkg", "--count", "3", "--quota", "cmcc"),
        ("plan", "--out", "x.gpkg", "--count", "3", "--start", "none"),
        ("plan", "--out", "x.pdf", "--count", "3"),
        ("plan", "--out", "x.gpkg", "--count", "0"),
        ("plan", "--out", "x.gpkg", "--count", "3", "--admit", "all"),
        ("plan", "--out", "nowhere/x.gpkg", "--count", "3"),
        ("score", "--out", "x.gpkg", "--coverage", "none"),
        ("score", "--out", "x.gpkg", "--weight", "beauty=1"),
        ("score", "--out", "x.gpkg", "--weight", "emf=much"),
        ("score", "--out", "x.gpkg", "--profile", "none"),
        ("coverage", "--out", "x.tif", "--network", "6g"),
        ("coverage", "--out", "x.tif", "--cell-m", "0"),
        ("coverage", "--out", "nowhere/x.tif"),
        ("coverage", "--out", "x.tif", "--project", "nowhere"),
        ("coverage", "--out", "x.tif", "--as", "nobody"),
        ("verify", "--as", "nobody"),
        ("sample", "d", "--size", "huge"),
        ("sample", "d", "--as-of", "soon"),
        ("init", "d", "--name", "x", "--datum", "wgs84"),
        ("init", "d", "--name", "x", "--boundary", "none.geojson", "--datum", "wgs84"),
        ("init", "d", "--name", "x", "--around", "f", "--feature", "a=b", "--datum", "wgs84"),
        ("import", "assets", "none.geojson", "--datum", "wgs84"),
    ],
    ids=" ".join,
)
def test_a_wrong_command_is_one_line_and_code_2_and_writes_nothing(siting, sample, tmp_path, args):
    known = runs.listing(open_database(settings.load(sample)))
    code, out, complaint = siting(*args)
    assert (code, out) == (2, "")
    assert complaint.endswith("\n")
    assert complaint.count("\n") == 1
    assert "Traceback" not in complaint
    assert list(tmp_path.iterdir()) == []
    assert runs.listing(open_database(settings.load(sample))) == known


def test_a_writing_command_without_a_district_is_refused_and_the_sample_stays_as_it_is(siting, sample, tmp_path):
    before = (sample / "siting.db").read_bytes()
    (tmp_path / "f.geojson").write_text("{}", encoding="utf-8")
    code, _, complaint = siting("import", "assets", "f.geojson", "--datum", "wgs84", "--class", "street_light")
    assert (code, "--project" in complaint) == (2, True)
    assert (sample / "siting.db").read_bytes() == before


def test_reading_without_a_district_reads_the_sample(siting):
    code, out, _ = siting("verify")
    assert (code, out.splitlines()[-1]) == (0, "发现问题：—")


def test_the_district_of_the_current_folder_is_the_default(siting, project, monkeypatch, tmp_path):
    data = lights(open_database(settings.load(project)), tmp_path / "l.geojson")
    monkeypatch.chdir(project)
    code, out, _ = siting("import", "assets", data, "--datum", "wgs84", "--class", "street_light", "--dry-run")
    assert code == 0
    assert "仅检查，未写入" in out
    assert "读入行数：4" in out


def test_an_account_without_the_permission_ends_with_code_3(siting, project, monkeypatch):
    auditor = Actor(id="l", name="l", org="l", role="auditor", source="cli")
    monkeypatch.setattr(projects, "account", lambda *_, **__: auditor)
    code, _, complaint = siting("coverage", "--out", "x.tif", "--project", project)
    assert (code, "审计员" in complaint) == (3, True)


@pytest.mark.parametrize(
    ("error", "code"),
    [(Conflict("store.layer_changed", layer="assets", seen=1, found=2), 4), (NotSolved("plan.clash", rules="r"), 5)],
)
def test_conflict_and_insolubility_have_codes_of_their_own(siting, project, monkeypatch, tmp_path, error, code):
    def fail(*_, **__):
        raise error

    data = lights(open_database(settings.load(project)), tmp_path / "l.geojson")
    monkeypatch.setattr(assets, "commit", fail)
    given = ("import", "assets", data, "--datum", "wgs84", "--class", "street_light", "--project", project)
    found, _, complaint = siting(*given)
    assert (found, complaint) == (code, error.message() + "\n")


def test_a_broken_journal_ends_with_code_4(siting, district):
    (district.settings.folder / settings.KEY_NAME).write_bytes(b"another key" * 3)
    code, out, _ = siting("verify", "--project", district.settings.folder)
    assert code == 4
    assert "日志链 district 第 1 条被改动、删除或调换" in out


def test_an_account_that_acts_is_journalled_as_the_command_line(siting, district, tmp_path):
    data = lights(district, tmp_path / "l.geojson")
    given = ("import", "assets", data, "--datum", "wgs84", "--class", "street_light", "--as", "local")
    assert siting(*given, "--project", district.settings.folder)[0] == 0
    event = journal.recent(district, kind="layer.imported")[0]
    assert (event["actor"], event["source"]) == ("local", "cli")


def test_import_writes_findings_and_rejected_rows_and_repeats_without_change(figures, district, tmp_path):
    data = lights(district, tmp_path / "l.geojson")
    document = json.loads(data.read_text(encoding="utf-8"))
    document["features"][1]["properties"]["杆高"] = "很高"
    data.write_text(json.dumps(document), encoding="utf-8")
    given = ("import", "assets", data, "--datum", "wgs84", "--class", "street_light", "--set", "owner_org=测试单位",
        "--project", district.settings.folder, "--findings", tmp_path / "f.csv", "--rejected", tmp_path / "r.xlsx")  # fmt: skip
    first, again = figures(*given), figures(*given)
    assert (first["read"], first["landed"], first["rejected"], first["written"]) == (4, 3, 1, True)
    assert (again["landed"], again["unchanged"], again["rejected"]) == (0, 3, 1)
    assert "很高" in (tmp_path / "f.csv").read_text(encoding="utf-8-sig")
    assert openpyxl.load_workbook(tmp_path / "r.xlsx").worksheets[0].max_row == 2
    stored = layers.read(district, "assets").query("source == 'l.geojson'")
    assert set(stored["owner_org"]) == {"测试单位"}


def test_a_pair_without_sign_is_refused(siting, project, tmp_path):
    data = lights(open_database(settings.load(project)), tmp_path / "l.geojson")
    code, _, complaint = siting("import", "assets", data, "--datum", "wgs84", "--set", "owner", "--project", project)
    assert (code, "--set" in complaint) == (2, True)


def test_the_whole_job_on_a_small_sample(siting, figures, tmp_path):
    home = tmp_path / "d"
    assert figures("sample", home, "--size", "small")["crs"] == "EPSG:4548"
    db = open_database(settings.load(home))
    data = lights(db, tmp_path / "l.geojson")
    at = ("--project", home)
    assert figures("import", "assets", data, "--datum", "wgs84", "--class", "street_light", *at)["landed"] == 4
    covered = figures("coverage", "--out", "c.tif", *at)
    with rasterio.open("c.tif") as file:
        assert file.descriptions[0] == "rsrp_dbm"
    scored = figures("score", "--out", "s.gpkg", *at)
    assert scored["coverage"] == covered["run"]
    again = figures("score", "--out", "s.gpkg", "--weight", "cost_yuan=40", "--top", "2", "--stability", *at)
    first, second = again["candidates"]
    assert (again["run"], first["rank"], second["rank"]) == (scored["run"], 1, 2)
    assert sum(part["points"] for part in first["parts"].values()) == pytest.approx(first["score_low"])
    assert first["rank_low"] <= first["rank_high"]
    code, out, _ = siting("score", "--out", "s.gpkg", "--top", "1", *at)
    assert (code, "1. " in out, "同意概率" in out) == (0, True, True)
    assert re.search(r"；造价 \d{2},\d{3} 元 → ", out)
    solved = figures("plan", "--count", "3", "--out", "p.gpkg", *at)
    assert (solved["coverage"], solved["score"], solved["count"]) == (covered["run"], scored["run"], 3)
    assert solved["bound"] >= solved["value"]
    assert len(gpd.read_file("p.gpkg", layer="plan_sites")) == 3
    assert {p.suffix for p in tmp_path.glob("p.*")} == {".gpkg", ".geojson", ".xlsx"}
    code, out, _ = siting("plan", "--budget", "300000", "--out", "b.html", *at)
    assert (code, Path("b.html").is_file()) == (0, True)
    assert "模型校准：未校准" in out
    assert "限额：预算(元) = 300,000" in out
    assert " 人\n" in out
    assert "provenance" not in out
    db.engine.dispose()


def test_figures_without_people_are_in_square_metres_and_without_sites_say_so(siting, tmp_path):
    square = shapely.geometry.mapping(shapely.box(117.15, 39.11, 117.155, 39.115))
    (tmp_path / "b.geojson").write_text(json.dumps({"type": "Feature", "properties": {}, "geometry": square}), encoding="utf-8")  # fmt: skip
    assert siting("init", "d", "--name", "空区", "--boundary", "b.geojson", "--datum", "wgs84")[0] == 0
    code, out, _ = siting("coverage", "--out", "c.tif", "--project", "d")
    assert code == 0
    assert "平方米（无人口图层）" in out
    assert "现网站点：没有，全部计为缺口" in out
    assert "未校准" in out
    assert " 平方米\n" in out
    assert " 人\n" not in out


def test_it_speaks_english_when_asked(siting, monkeypatch):
    monkeypatch.setenv("SITING_APP_LANGUAGE", "en")
    code, out, _ = siting("verify")
    assert (code, out.splitlines()[-1]) == (0, "Flaws: —")
    assert siting("import", "assets", "x", "--datum", "wgs84")[2].isascii()


def test_as_a_program_it_keeps_its_codes_and_shows_no_traceback(project, tmp_path):
    here = process("verify", "--json", cwd=project)
    assert (here.returncode, json.loads(here.stdout)["flaws"]) == (0, [])
    outside = process("import", "assets", "x", "--datum", "wgs84", cwd=tmp_path)
    assert (outside.returncode, outside.stdout, "--project" in outside.stderr) == (2, "", True)
    assert "Traceback" not in outside.stderr


def test_an_incomplete_command_says_so_before_all_else(siting):
    assert siting("plan")[2].startswith("命令有误：")


def test_an_unforeseen_fault_ends_with_code_1_and_its_traceback(project):
    (project / "siting.db").write_bytes(b"no database" * 100)
    found = process("verify", cwd=project)
    assert found.returncode == 1
    assert "Traceback" in found.stderr


def test_the_default_sample_lies_in_the_checkout():
    assert projects.SAMPLE_FOLDER == ROOT / ".siting" / "sample"
