"""Proposals at the command line: a plan's sites from proposal to withdrawal, by the accounts whose turn it is."""

import json
import shutil

import pytest

from siting import cli, settings
from siting.access import local_admin
from siting.actions import people, proposals
from siting.maps.layers import to_lonlat
from siting.store import layers
from siting.store.database import open_database

AGENCY = "南开区城市管理委员会"


@pytest.fixture
def folder(small_project, tmp_path, now):
    made = tmp_path / "district"
    shutil.copytree(small_project, made)
    db, boss = open_database(settings.load(made)), local_admin(source="cli")
    for name, role, org, operator in (("ctc", "operator", "电信", "ctc"), ("cucc", "operator", "联通", "cucc"), ("city", "agency", AGENCY, None)):
        people.add_account(db, boss, name=name, roles=[role], org=org, operator=operator, now=now)
    db.engine.dispose()
    return made


@pytest.fixture
def siting(folder, capsys):
    def said(*words, code=0):
        ended = 0
        try:
            cli.main(["proposal", *words, "--project", str(folder)])
        except SystemExit as stop:
            ended = int(stop.code or 0)
        shown = capsys.readouterr()
        assert ended == code, shown
        return shown.out or shown.err

    return said


def spot(folder):
    frame = layers.read(open_database(settings.load(folder)), "assets")
    mine = frame[(frame["owner_org"] == AGENCY) & (frame["class"] == "street_light")]
    return to_lonlat(mine.iloc[[0]]).geometry.iloc[0]


def test_a_proposal_goes_its_way_at_the_command_line(siting, folder):
    point = spot(folder)
    place = ("--lon", f"{point.x:.7f}", "--lat", f"{point.y:.7f}", "--technology", "nr3500", "--operator", "ctc")
    made = json.loads(siting("add", *place, "--need", "XQ-1", "--as", "ctc", "--json"))
    number, key = made["proposal_no"], made["candidate_id"]
    assert siting("show", number, "--as", "cucc", code=2)
    siting("request", number, "--text", "可否", "--as", "ctc")
    assert "可否" in siting("show", number, "--as", "city")
    siting("answer", number, "--attitude", "agree", "--note", "=1+1", "--as", "city")
    siting("release", number, "--as", "ctc")
    assert siting("release", number, "--as", "ctc", code=4)
    listed = json.loads(siting("list", "--state", "released", "--as", "cucc", "--json"))["proposals"]
    assert [row["candidate_id"] for row in listed] == [key]
    assert not {"need_no", "cost_yuan", "owner_answer_note"} & set(listed[0])
    assert siting("withdraw", number, "--reason", "x", "--as", "cucc", code=3)
    siting("withdraw", key, "--reason", "改址", "--as", "ctc")
    assert "已撤回" in siting("show", number, "--as", "ctc")
    assert proposals.get(open_database(settings.load(folder)), local_admin(source="cli"), key)["owner_answer_note"] == "=1+1"


def test_a_list_is_imported_by_who_proposes_and_by_nobody_else(siting, folder, tmp_path):
    point = spot(folder)
    file = tmp_path / "建议.csv"
    file.write_text(f"名称,经度,纬度,使用企业,制式,挂高,目的\n好,{point.x:.7f},{point.y:.7f},电信,nr3500,9,弱覆盖\n坏,{point.x:.7f},{point.y:.7f},联通,nr3500,9,弱覆盖\n", encoding="utf-8")
    told = json.loads(siting("import", str(file), "--datum", "wgs84", "--as", "ctc", "--json"))
    assert (told["new"], told["rejected"], told["findings"]["OPERATOR_LEFT_OUT"]) == (1, 1, 1)
    assert siting("import", str(file), "--datum", "wgs84", "--as", "city", code=3)
    assert "共 1 条" in siting("list", "--as", "ctc")
