import io
import json

import geopandas as gpd
import pytest
from PIL import Image

from siting import cli
from siting.access import local_admin
from siting.actions import people
from siting.cli import desk
from siting.geo import crs
from siting.store import layers
from tests.case_people import ORGS, RIVAL, person, report, spot

WHERE = ("--kind", "new_blocked", "--title", "路口灯杆", "--set", "source=operator", "--set", "reason_code=owner.refuses",
    "--set", "requested_action=请协调")  # fmt: skip


@pytest.fixture
def folder(district, now):
    """A district with people."""
    for name, role, org, operator in (
        ("wang", "operator", ORGS["operator"], "cmcc"),
        ("li", "operator", RIVAL, "ctc"),
        ("zhao", "coordinator", ORGS["coordinator"], None),
        ("chen", "agency", ORGS["agency"], None),
        ("sun", "leader", ORGS["leader"], None),
    ):
        people.add_account(district, local_admin(source="cli"), name=name, roles=[role], org=org, operator=operator, now=now)  # fmt: skip
    return district.settings.folder


@pytest.fixture
def case(capsys, folder, monkeypatch):
    """Run a command of the group in the district: exit code, what it printed, what it complained."""
    monkeypatch.chdir(folder)

    def run(*args):
        code = 0
        try:
            cli.main(["case", *map(str, args)])
        except SystemExit as left:
            code = left.code
        return code, *capsys.readouterr()

    return run


@pytest.fixture
def figures(case):
    def run(*args):
        code, out, complaint = case(*args, "--json")
        assert code == 0, complaint
        return json.loads(out)

    return run


@pytest.fixture
def at(district):
    inside, _ = spot(district)
    frame = crs.from_project(gpd.GeoDataFrame(geometry=[inside], crs=district.settings.crs), datum="wgs84", crs=district.settings.crs)  # fmt: skip
    return f"{frame.geometry.iloc[0].x:.8f},{frame.geometry.iloc[0].y:.8f}"


def test_a_point_goes_from_report_to_agreement_by_commands(figures, case, at, tmp_path):
    made = figures("report", *WHERE, "--at", at, "--need", "cmcc:00120260001", "--as", "wang")
    assert (made["state"], made["revision"], made["operators"]) == ("submitted", 2, ["cmcc"])
    number = made["pp_no"]
    zhao = ("--as", "zhao")
    verify = ("--set", "difficulty=simple", "--set", f"street_office={made['street_office']}", "--set", "reason_code=owner.refuses")  # fmt: skip
    figures("move", number, "verify", *verify, *zhao)
    given = (f"lead_unit={ORGS['agency']}", "responsible_person=张三", "limit=10", "assist_units=甲|乙")
    figures("move", number, "dispatch", *(part for text in given for part in ("--set", text)), *zhao)
    figures("move", number, "accept", "--set", "responsible_person=李四", "--set", "phone=13812341234", "--as", "chen")
    paper = tmp_path / "协议.pdf"
    paper.write_bytes(b"%PDF-1.7\n")
    found = figures("move", number, "agree", "--set", f"agreed_on={desk.now().date()}", "--file", paper, "--as", "chen")
    assert (found["state"], found["revision"]) == ("agreed", 7)
    shown = figures("show", made["case_id"], "--as", "wang")
    assert [entry["move"] for entry in shown["history"]] == ["save_draft", "submit", "verify", "dispatch", "accept", "attach", "agree"]  # fmt: skip
    assert shown["record"]["assist_units"] == ["甲", "乙"]
    assert "start_build" in shown["moves"]
    code, out, _ = case("show", number, "--as", "wang")
    assert (code, "状态：已达成一致" in out, "签收" in out) == (0, True, True)


def test_the_list_shows_each_what_they_see(figures, case, district, now, folder):
    report(district, person("operator"), now)
    assert [row["pp_no"] for row in figures("list", "--open", "--as", "wang")["cases"]] == ["NK-2026-0001"]
    assert figures("list", "--state", "agreed", "--as", "wang")["cases"] == []
    assert figures("list", "--as", "li")["cases"] == []
    code, out, _ = case("list", "--as", "wang")
    assert (code, out.split()[:3]) == (0, ["NK-2026-0001", "已上报", "新建受阻"])
    assert case("list", "--as", "li")[1] == "没有与本单位有关的问题点位\n"


def test_a_photo_is_handed_in_and_named_by_its_digest(figures, district, now, folder, tmp_path):
    made = report(district, person("operator"), now)
    out = io.BytesIO()
    Image.new("L", (3, 3)).save(out, "PNG")
    (tmp_path / "a.png").write_bytes(out.getvalue())
    found = figures("attach", made.record["pp_no"], tmp_path / "a.png", "--as", "wang")
    assert (len(found["sha256"]), found["revision"]) == (64, 3)


def test_a_draft_stays_with_its_organisation(figures, case, at):
    made = figures("report", *WHERE, "--at", at, "--draft", "--as", "wang")
    assert made["state"] == "draft"
    assert case("show", made["pp_no"], "--as", "zhao")[0] == 2


def test_a_site_is_a_place(figures, district, folder):
    asset = layers.read(district, "assets").iloc[0]["asset_id"]
    made = figures("report", *WHERE, "--site", asset, "--need", "cmcc:1", "--as", "wang")
    assert made["state"] == "submitted"


@pytest.mark.parametrize(
    ("code", "args"),
    [
        (2, ("report", *WHERE, "--at", "117", "--as", "wang")),
        (2, ("report", *WHERE, "--at", "117.1,39.1", "--need", "cmcc", "--as", "wang")),
        (2, ("report", *WHERE, "--at", "117.1,39.1", "--datum", "mars", "--as", "wang")),
        (2, ("report", *WHERE, "--as", "wang")),
        (3, ("report", *WHERE, "--at", "117.1,39.1", "--as", "sun")),
        (3, ("report", *WHERE, "--at", "117.1,39.1")),
        (2, ("show", "NK-2026-0009", "--as", "wang")),
        (2, ("show", "NK-2026-0001", "--as", "li")),
        (2, ("move", "NK-2026-0001", "fly", "--as", "wang")),
        (3, ("move", "NK-2026-0001", "verify", "--as", "wang")),
        (2, ("move", "NK-2026-0001", "withdraw", "--as", "wang")),
        (4, ("move", "NK-2026-0001", "withdraw", "--set", "reason=x", "--revision", "1", "--as", "wang")),
        (2, ("move", "NK-2026-0001", "withdraw", "--set", "reason=x", "--file", "siting.toml", "--as", "wang")),
        (2, ("attach", "NK-2026-0001", "siting.toml", "--as", "wang")),
        (2, ("attach", "NK-2026-0001", "nothing.pdf", "--as", "wang")),
    ],
)
def test_each_refusal_has_its_code_and_one_line(case, district, now, code, args):
    report(district, person("operator"), now)
    found, out, complaint = case(*args)
    assert (found, out, complaint.count("\n")) == (code, "", 1)


def test_it_speaks_english_when_asked(case, district, now, monkeypatch):
    monkeypatch.setenv("SITING_APP_LANGUAGE", "en")
    report(district, person("operator"), now)
    code, _, complaint = case("move", "NK-2026-0001", "verify", "--as", "wang")
    assert (code, complaint.isascii() or "NK" in complaint) == (3, True)
