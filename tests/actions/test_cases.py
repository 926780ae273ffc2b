import dataclasses
import io
import itertools
import shutil
import threading
import zipfile
from datetime import timedelta

import geopandas as gpd
import pandas as pd
import pytest
import shapely
from PIL import Image
from sqlalchemy import text

from siting import access, settings
from siting.access import local_admin
from siting.actions import cases, journal, people
from siting.errors import BadInput, Conflict, NotAllowed, NotFound
from siting.geo import crs
from siting.ledger.model import Case, Command, Event, Fact, Need
from siting.ledger.state import state_of
from siting.store import cases as store
from siting.store import layers
from siting.store.database import open_database
from tests.case_people import ORGS, OWNER, REPORT, asked, dispatched, moved, person, report, rival, spot

PHRASE = "long enough 2026"


@pytest.fixture
def op():
    return person("operator")


@pytest.fixture
def case(district, op, now):
    """A submitted case of China Mobile."""
    return report(district, op, now)


def values(caught):
    """Values of the message of a caught error."""
    return vars(caught.value)["values"]


def rows(db, table="case_event"):
    with db.read() as connection:
        return connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()


def photo(place=None, taken="2026:11:01 10:00:00", size=(40, 30)):
    """A JPEG with what a camera writes; place in degrees (lon, lat)."""
    exif = Image.Exif()
    camera = exif.get_ifd(0x8769)
    camera.update({0x9003: taken, 0x9011: "+08:00"} if taken else {})
    if place is not None:
        exif.get_ifd(0x8825).update({1: "N", 2: _dms(place[1]), 3: "E", 4: _dms(place[0])})
    out = io.BytesIO()
    Image.new("RGB", size, (200, 10, 10)).save(out, "JPEG", exif=exif)
    return out.getvalue()


def _dms(degrees):
    minutes = degrees % 1 * 60
    return (float(int(degrees)), float(int(minutes)), round(minutes % 1 * 60, 4))


def lonlat(db, case, east_m=0.0):
    x, y = (float(part) for part in case.record["place"].split(","))
    frame = gpd.GeoDataFrame(geometry=[shapely.Point(x + east_m, y)], crs=db.settings.crs)
    point = crs.from_project(frame, datum="wgs84", crs=db.settings.crs).geometry.iloc[0]
    return point.x, point.y


# Reporting


def test_a_report_is_numbered_placed_and_owned(district, op, now):
    inside, street = spot(district)
    made = report(district, op, now)
    assert made.record["pp_no"] == "NK-2026-0001"
    assert (made.record["street_office"], made.record["reporter_org"]) == (street, op.org)
    assert made.record["place"] == f"{inside.x:.2f},{inside.y:.2f}"
    assert (state_of(made.facts), made.revision) == ("submitted", 2)
    assert report(district, op, now + timedelta(days=100)).record["pp_no"] == "NK-2027-0001"
    assert report(district, op, now).record["pp_no"] == "NK-2026-0002"


def test_a_place_clicked_on_the_map_is_the_place_in_metres(district, op, now, case):
    lon, lat = lonlat(district, case)
    given = {**REPORT, "lon_deg": f"{lon:.9f}", "lat_deg": f"{lat:.9f}"}
    made = cases.report(district, op, given, now=now)
    assert made.record["place"] == case.record["place"]


def test_a_site_gives_place_asset_and_owner(district, op, now):
    asset = layers.read(district, "assets").query("owner_org == owner_org").iloc[0]
    made = cases.report(district, op, {**REPORT, "site_ref": asset["asset_id"]}, now=now)
    inside = shapely.point_on_surface(asset.geometry)
    assert made.record["place"] == f"{inside.x:.2f},{inside.y:.2f}"
    assert (made.record["asset_ref"], made.record["owner_of_asset"]) == (asset["asset_id"], asset["owner_org"])


@pytest.mark.parametrize(("away_m", "found"), [(4.0, True), (6.0, False)])
def test_the_asset_within_five_metres_is_meant(district, op, now, away_m, found):
    poles = layers.read(district, "assets").query("`class` == 'street_light'")
    points = shapely.point_on_surface(poles.geometry.to_numpy())
    alone = next(p for p in points if (shapely.distance(points, p) < 15).sum() == 1 and len(layers.read(district, "assets", bounds=(p.x - 9, p.y - 9, p.x + 9, p.y + 9))) == 1)  # fmt: skip
    made = cases.report(district, op, {**REPORT, "easting_m": f"{alone.x + away_m:.2f}", "northing_m": f"{alone.y:.2f}"}, draft=True, now=now)  # fmt: skip
    assert ("asset_ref" in made.record) is found


def test_needs_without_an_operator_are_the_reporters_own(district, op, now):
    made = report(district, op, now, needs=[{"need_no": "9"}])
    assert [(n.operator, n.need_no) for n in made.needs] == [("cmcc", "9")]


def test_a_refused_report_writes_nothing_and_says_everything(district, op, now):
    with pytest.raises(BadInput) as caught:
        report(district, op, now, title="", reason_code="", source="nobody")
    reasons = values(caught)["reasons"]
    assert {r.field for r in reasons} >= {"title", "source"}
    assert all(r.message in str(caught.value) and r.remedy in str(caught.value) for r in reasons)
    with pytest.raises(BadInput) as caught:
        report(district, op, now, reason_code="", requested_action="")
    assert {r.field for r in values(caught)["reasons"]} == {"reason_code", "requested_action"}
    assert (rows(district), rows(district, "problem")) == (0, 0)


@pytest.mark.parametrize(
    "place",
    [
        {"lon_deg": "x", "lat_deg": "39"},
        {"lon_deg": "117.1", "lat_deg": ""},
        {"easting_m": "1", "northing_m": "north"},
        {"site_ref": "no-such-site"},
        {"lon_deg": "nan", "lat_deg": "39"},
    ],
)
def test_what_is_no_place_is_refused(district, op, now, place):
    with pytest.raises(BadInput):
        cases.report(district, op, {**REPORT, **place}, now=now)
    assert rows(district) == 0


# Commands


def test_the_same_command_twice_is_done_once_with_the_same_answer(district, op, now):
    first = report(district, op, now, command_id="r1")
    later = moved(district, op, first, "withdraw", now, reason="重复")
    assert report(district, op, now + timedelta(hours=1), command_id="r1") == first
    assert (rows(district), rows(district, "problem")) == (3, 1)
    assert cases.get(district, op, first.id) == later


def test_an_id_used_for_something_else_is_a_conflict(district, op, case, now):
    moved(district, op, case, "withdraw", now, reason="重复", command_id="w")
    with pytest.raises(Conflict, match="w"):
        cases.do(district, op, asked(case, "withdraw", reason="另一个理由", command_id="w"), now=now)
    with pytest.raises(Conflict, match="w"):
        cases.do(district, person("coordinator"), asked(case, "withdraw", reason="重复", command_id="w"), now=now)
    assert rows(district) == 3


def test_who_saw_an_older_revision_learns_who_changed_what_and_when(district, case, now):
    boss = person("coordinator")
    moved(district, boss, case, "verify", now, difficulty="hard", street_office=case.record["street_office"], reason_code="owner.price")  # fmt: skip
    with pytest.raises(Conflict) as caught:
        moved(district, boss, case, "send_back", now, missing=["照片"])
    assert all(part in str(caught.value) for part in (ORGS["coordinator"], "核实", "2026-11-02 09:30"))
    assert (values(caught)["seen"], values(caught)["found"]) == (2, 3)
    assert "Verify" in caught.value.message("en")
    assert rows(district) == 3


def test_a_competitors_change_is_a_conflict_without_a_name(district, op, now):
    made = report(district, op, now)
    boss = person("coordinator")
    joint = moved(district, boss, made, "add_need", now, operator="ctc", need_no="77", urgency=1)
    moved(district, rival(), joint, "add_need", now, operator="ctc", need_no="78", urgency=1)
    with pytest.raises(Conflict) as caught:
        moved(district, op, joint, "withdraw", now, reason="x")
    assert rival().org not in str(caught.value)


def test_of_two_writers_on_one_revision_one_wins(district, case, now):
    boss, outcome = person("coordinator"), []
    ready = threading.Barrier(2)

    def write(reason):
        ready.wait()
        try:
            outcome.append(moved(district, boss, case, "withdraw", now, reason=reason).revision)
        except Conflict:
            outcome.append("conflict")

    both = [threading.Thread(target=write, args=(reason,)) for reason in ("甲", "乙")]
    for one in both:
        one.start()
    for one in both:
        one.join()
    assert sorted(map(str, outcome)) == ["3", "conflict"]
    assert journal.report(district, local_admin(source="cli")).whole


def test_lack_of_permission_is_told_from_bad_input(district, case, now):
    with pytest.raises(NotAllowed) as caught:
        moved(district, person("leader"), case, "verify", now)
    codes = {r.code for r in values(caught)["reasons"]}
    assert {"NOT_PERMITTED", "REQUIRED"} <= codes
    with pytest.raises(BadInput):
        moved(district, person("coordinator"), case, "verify", now)
    with pytest.raises(BadInput):
        moved(district, person("coordinator"), case, "no_such_move", now)


def test_every_action_asks_whether_the_sign_in_still_stands(district, now):
    account, _ = people.add_account(district, local_admin(source="cli"), name="wang", roles=["operator"], org=ORGS["operator"], operator="cmcc", password=PHRASE, now=now)  # fmt: skip
    token = people.sign_in(district, "wang", PHRASE, now=now)
    actor = people.identify(district, token, now=now)
    made = report(district, actor, now)
    people.end_sessions(district, local_admin(source="cli"), account.name, now=now)
    for act in (
        lambda: report(district, actor, now),
        lambda: moved(district, actor, made, "withdraw", now, reason="x"),
        lambda: cases.do_batch(district, actor, [], dry_run=True, now=now),
        lambda: cases.get(district, actor, made.id),
        lambda: cases.list_cases(district, actor),
        lambda: cases.history(district, actor, made.id),
        lambda: cases.allowed(district, actor, made.id, now=now),
        lambda: cases.effects(district, actor),
        lambda: cases.attach(district, actor, made.id, photo(), name="a.jpg", now=now),
        lambda: cases.attachment(district, actor, made.id, "0" * 64),
    ):
        with pytest.raises(NotAllowed):
            act()


def test_a_batch_says_what_speaks_against_each_and_writes_all_or_nothing(district, op, now):
    boss = person("coordinator")
    made = [report(district, op, now) for _ in range(3)]
    good = {"difficulty": "simple", "street_office": "长虹街道", "reason_code": "owner.price"}
    bad = [asked(made[0], "verify", **good), asked(made[1], "verify"), asked(made[2], "verify", revision=1, **good)]
    seen = cases.do_batch(district, boss, bad, dry_run=True, now=now)
    assert [row.case is not None for row in seen] == [True, False, False]
    assert {r.code for r in seen[1].reasons} == {"REQUIRED"}
    assert isinstance(seen[2].error, Conflict)
    with pytest.raises(BadInput) as caught:
        cases.do_batch(district, boss, bad, dry_run=False, now=now)
    assert [row.number for row in values(caught)["rows"] if row.error] == [2, 3]
    assert rows(district) == 6
    fine = [asked(one, "verify", **good) for one in made]
    cases.do_batch(district, boss, fine, dry_run=True, now=now)
    assert rows(district) == 6
    done = cases.do_batch(district, boss, fine, dry_run=False, now=now)
    assert [state_of(row.case.facts) for row in done] == ["verified"] * 3
    assert journal.report(district, local_admin(source="cli")).whole


# Merging, effects


def test_a_merged_cases_needs_go_over_and_come_back(district, op, now):
    boss = person("coordinator")
    target = report(district, op, now)
    source = report(district, rival(), now, needs=[{"need_no": "5"}])
    gone = moved(district, boss, source, "merge", now, into=target.record["pp_no"])
    assert state_of(gone.facts) == "merged"
    joint = cases.get(district, boss, target.id)
    assert [(n.operator, n.need_no) for n in joint.needs] == [("cmcc", REPORT["needs"][0]["need_no"]), ("ctc", "5")]
    assert len(cases.list_cases(district, rival())) == 2
    moved(district, boss, gone, "unmerge", now, reason="两处不同")
    assert [n.operator for n in cases.get(district, boss, target.id).needs] == ["cmcc"]
    assert journal.report(district, local_admin(source="cli")).whole


def test_a_case_merges_into_one_under_way_only(district, op, now):
    boss = person("coordinator")
    target, source = report(district, op, now), report(district, op, now)
    moved(district, op, target, "withdraw", now, reason="x")
    with pytest.raises(BadInput, match=target.record["pp_no"]):
        moved(district, boss, source, "merge", now, into=target.id)
    with pytest.raises(NotFound):
        moved(district, boss, source, "merge", now, into="NK-2026-0099")
    assert state_of(cases.get(district, boss, source.id).facts) == "submitted"


def test_effects_name_the_site_of_cases_that_the_person_sees(district, op, now):
    asset = layers.read(district, "assets").query("owner_org == owner_org").iloc[0]
    made = cases.report(district, op, {**REPORT, "site_ref": asset["asset_id"]}, now=now)
    line = {"site_ref": asset["asset_id"], "case_no": made.record["pp_no"], "effect": "forbidden"}
    assert cases.effects(district).to_dict("records") == [line] == cases.effects(district, op).to_dict("records")
    assert cases.effects(district, rival()).empty
    moved(district, op, made, "withdraw", now, reason="x")
    assert cases.effects(district).empty


# Rows: coordination.md, people, roles, rows


RELATIONS = ("reporter", "need", "lead", "assist", "asset", "street", "none", "own_draft", "draft")
ROLES = [r for r in access.ROLES if r not in access.RESERVED]
EVERY = {"reporter", "need", "lead", "assist", "asset", "street", "none", "own_draft"}
#: Who sees all; OP those with an own need, TW too and what it leads; AG lead, assisting, owner; ST its area.
SEES = {
    **dict.fromkeys(("planner", "coordinator", "leader", "supervisor", "data_admin"), EVERY),
    "operator": {"reporter", "need", "own_draft"},
    "tower": {"reporter", "lead", "assist", "asset", "own_draft"},
    "agency": {"reporter", "lead", "assist", "asset", "own_draft"},
    "street": {"reporter", "street", "own_draft"},
}


def seeded(db, actor, now):
    """One case per relation to a person, none of which anybody else is in."""
    for number, relation in enumerate(RELATIONS, start=1):
        record = {"pp_no": f"NK-2026-{number:04d}", "title": relation, "reporter_org": "无关单位"}
        record |= {"reporter_org": actor.org} if relation in {"reporter", "own_draft"} else {}
        record |= {"lead_unit": actor.org} if relation == "lead" else {}
        record |= {"assist_units": ["旁人", actor.org]} if relation == "assist" else {}
        record |= {"owner_of_asset": actor.org} if relation == "asset" else {}
        record |= {"street_office": "长虹街道" if relation == "street" else "另一街道"}
        needs = (Need(need_no="1", operator="cmcc" if relation == "need" else "cbn"),)
        _seed(db, record, needs, now, kind="drafted" if "draft" in relation else "submitted")


def _seed(db, record, needs, now, *, kind):
    fact = Fact(seq=1, kind=kind, on=now.date(), at=now, by="id", org=record["reporter_org"])
    case = Case(id=record["title"], kind="power", record=record, needs=needs, facts=(fact,), revision=1)
    told = {"seq": 1, "kind": kind, "on": str(fact.on), "at": now.isoformat(), "by": "id", "org": fact.org}
    payload = {"kind": "power", "facts": [told], "record": record, "needs": [dataclasses.asdict(n) for n in needs]}
    event = Event(case_id=case.id, revision=1, command_id=case.id, actor="id", org=fact.org, role="operator", source="cli", at=now, move="submit", payload=payload)  # fmt: skip
    with db.write() as connection:
        store.save(connection, case, event, digest="d", actor=person("operator"), key=db.key())


@pytest.mark.parametrize("role", ROLES)
def test_each_role_sees_the_rows_of_its_table_and_nothing_else(district, now, role):
    actor = person(role, streets=("长虹街道",) if role == "street" else ())
    seeded(district, actor, now)
    if role not in SEES:
        for act in (lambda: cases.list_cases(district, actor), lambda: cases.get(district, actor, "need")):
            with pytest.raises(NotAllowed):
                act()
        return
    assert set(cases.list_cases(district, actor)["title"]) == SEES[role]
    for number, relation in enumerate(RELATIONS, start=1):
        for key in (relation, f"NK-2026-{number:04d}"):
            if relation in SEES[role]:
                assert cases.get(district, actor, key).id == relation
                continue
            with pytest.raises(NotFound) as hidden:
                cases.get(district, actor, key)
            with pytest.raises(NotFound) as missing:
                cases.get(district, actor, "NK-2026-9999")
            assert str(hidden.value).replace(key, "") == str(missing.value).replace("NK-2026-9999", "")


@pytest.mark.parametrize("role", ["operator", "tower", "agency", "street"])
def test_a_case_out_of_sight_is_not_found_by_any_door(district, now, role):
    actor = person(role, streets=("长虹街道",) if role == "street" else ())
    seeded(district, actor, now)
    command = Command(id="x", move="withdraw", case_id="none", revision=1, data={"reason": "x"})
    for act in (
        lambda: cases.do(district, actor, command, now=now),
        lambda: cases.do(district, actor, dataclasses.replace(command, revision=7), now=now),
        lambda: cases.history(district, actor, "none"),
        lambda: cases.allowed(district, actor, "none", now=now),
        lambda: cases.attach(district, actor, "none", photo(), name="a.jpg", now=now),
        lambda: cases.attachment(district, actor, "none", "0" * 64),
    ):
        with pytest.raises(NotFound, match="none"):
            act()


def test_a_competitor_on_a_joint_point_is_another_without_number(district, op, now):
    made = report(district, op, now)
    joint = moved(district, person("coordinator"), made, "add_need", now, operator="ctc", need_no="77", urgency=1)
    assert [(n.operator, n.need_no) for n in cases.get(district, rival(), joint.id).needs] == [
        ("other", ""),
        ("ctc", "77"),
    ]
    told = repr((cases.list_cases(district, rival()).to_dict(), cases.history(district, rival(), joint.id)))
    assert REPORT["needs"][0]["need_no"] not in told
    assert op.org not in told


def test_a_phone_is_whole_for_lead_reporter_and_coordinator_only(district, case, now):
    done = dispatched(district, case, now)
    for role, whole in (
        ("agency", True),
        ("operator", True),
        ("coordinator", True),
        ("planner", False),
        ("leader", False),
    ):
        told = repr((cases.get(district, person(role), done.id), cases.history(district, person(role), done.id)))
        assert ("13812341234" in told) is whole
        assert ("138****1234" in told) is not whole


# The list and the history


def test_the_list_filters_and_tells_actual_dates(district, op, now):
    first, second = report(district, op, now), report(district, op, now, kind="power", title="引电")
    dispatched(district, first, now)
    frame = cases.list_cases(district, op)
    assert list(frame["pp_no"]) == ["NK-2026-0001", "NK-2026-0002"]
    assert list(frame["state"]) == ["dispatched", "submitted"]
    assert frame["agreed_on"].isna().all()
    assert list(frame["operators"]) == [["cmcc"], ["cmcc"]]
    for wanted, found in (
        ({"state": "dispatched"}, [first]),
        ({"state": ["dispatched", "submitted"]}, [first, second]),
        ({"kind": "power"}, [second]),
        ({"street_office": first.record["street_office"]}, [first, second]),
        ({"street_office": "别处"}, []),
        ({"operator": "ctc"}, []),
        ({"lead_unit": ORGS["agency"]}, [first]),
        ({"text": " 引电 "}, [second]),
        ({"text": "nk-2026-0001"}, [first]),
        ({"open_only": True}, [first, second]),
    ):
        assert list(cases.list_cases(district, op, **wanted)["case_id"]) == [one.id for one in found], wanted


def test_an_empty_list_has_its_columns(district, op):
    frame = cases.list_cases(district, op)
    assert isinstance(frame, pd.DataFrame)
    assert {"pp_no", "operators", "easting_m", "revision"} <= set(frame)


def test_history_tells_who_did_what_when_in_order(district, case, now):
    done = dispatched(district, case, now)
    told = cases.history(district, person("coordinator"), done.record["pp_no"])
    assert [entry.move for entry in told] == ["save_draft", "submit", "verify", "dispatch"]
    assert [entry.revision for entry in told] == [1, 2, 3, 4]
    assert [entry.org for entry in told] == [ORGS["operator"]] * 2 + [ORGS["coordinator"]] * 2
    assert told[3].changed["lead_unit"] == ORGS["agency"]


def test_moves_offered_are_those_that_the_engine_allows(district, case, now):
    assert "verify" in cases.allowed(district, person("coordinator"), case.id, now=now)
    assert "verify" not in cases.allowed(district, person("operator"), case.id, now=now)


# Attachments


def test_a_photo_tells_where_and_when_it_was_taken(district, op, case, now):
    data = photo(place=lonlat(district, case))
    done, sha256 = cases.attach(district, op, case.id, data, name="C:\\现场\\a.jpg", now=now)
    fact = cases.attached(done)[0]
    assert (fact.data["name"], fact.data["mime"], fact.data["size"]) == ("a.jpg", "image/jpeg", len(data))
    assert fact.on.isoformat() == "2026-11-01"
    assert "findings" not in fact.data
    assert cases.attachment(district, op, case.id, sha256) == ("a.jpg", "image/jpeg", data)
    assert rows(district, "attachment") == 1


def test_a_photo_from_more_than_fifty_metres_away_is_a_finding(district, op, case, now):
    cases.attach(district, op, case.id, photo(place=lonlat(district, case, 49)), name="a.jpg", now=now)
    far, _ = cases.attach(district, op, case.id, photo(place=lonlat(district, case, 52)), name="b.jpg", now=now)
    first, second = cases.attached(far)
    assert "findings" not in first.data
    assert len(second.data["findings"]) == 1


def test_a_camera_with_its_clock_ahead_does_not_date_the_photo(district, op, case, now):
    done, _ = cases.attach(district, op, case.id, photo(taken="2027:01:01 00:00:00"), name="a.jpg", now=now)
    assert cases.attached(done)[0].on == now.date()


def packed(*names):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return out.getvalue()


def png():
    out = io.BytesIO()
    Image.new("L", (3, 3)).save(out, "PNG")
    return out.getvalue()


@pytest.mark.parametrize(
    ("make", "mime"),
    [
        (lambda: b"%PDF-1.7\n", "application/pdf"),
        (png, "image/png"),
        (lambda: packed("[Content_Types].xml", "word/document.xml"), "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
        (lambda: packed("[Content_Types].xml", "xl/workbook.xml"), "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        (lambda: packed("OFD.xml", "Doc_0/Document.xml"), "application/ofd"),
    ],
)  # fmt: skip
def test_the_type_of_a_file_is_its_content(district, op, case, now, make, mime):
    _, sha256 = cases.attach(district, op, case.id, make(), name="a.exe", kind="doc", now=now)
    assert cases.attachment(district, op, case.id, sha256)[1] == mime


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"MZ\x90\x00",
        b"<html>",
        b"\xff\xd8\xff\xe0 no picture",
        b"\x89PNG\r\n\x1a\n",
        b"PK\x03\x04 broken",
        packed("a.txt"),
        packed("word/document.xml", "word/vbaProject.bin"),
        b"%PDF-" + b"0" * (20 * 2**20),
    ],
    ids=["empty", "program", "html", "jpeg", "png", "zip", "other zip", "macros", "large"],
)
def test_other_files_are_refused_and_leave_nothing(district, op, case, now, data):
    with pytest.raises(BadInput, match=r"a\.jpg"):
        cases.attach(district, op, case.id, data, name="a.jpg", now=now)
    assert rows(district) == 2
    assert not (district.settings.folder / "attachments").exists()


def test_who_may_not_attach_leaves_no_bytes(district, case, now):
    with pytest.raises(NotAllowed):
        cases.attach(district, person("leader"), case.id, photo(), name="a.jpg", now=now)
    assert not (district.settings.folder / "attachments").exists()


def test_a_file_that_was_never_handed_in_is_no_evidence(district, op, case, now):
    with pytest.raises(BadInput, match="a" * 64):
        moved(district, op, case, "attach", now, sha256="a" * 64, kind="photo", taken_on="2026-11-01", size=3)
    assert rows(district) == 2


def test_a_file_is_read_by_who_sees_its_case_and_by_that_case_only(district, op, case, now):
    _, sha256 = cases.attach(district, op, case.id, photo(), name="a.jpg", now=now)
    other = report(district, op, now)
    for actor, key in ((rival(), case.id), (op, other.id), (person("agency"), case.id)):
        with pytest.raises(NotFound):
            cases.attachment(district, actor, key, sha256)
    assert cases.attachment(district, person("agency", org=OWNER), case.id, sha256)[0] == "a.jpg"


def test_a_hidden_file_is_out_of_sight_and_its_bytes_stay(district, op, case, now):
    done, sha256 = cases.attach(district, op, case.id, photo(), name="a.jpg", now=now)
    hidden = cases.hide(district, op, case.id, sha256, reason="含人脸", now=now)
    assert (cases.attached(done)[0].data["sha256"], cases.attached(hidden)) == (sha256, ())
    with pytest.raises(NotFound):
        cases.attachment(district, op, case.id, sha256)
    assert (district.settings.folder / "attachments" / sha256[:2] / sha256).is_file()
    assert journal.report(district, local_admin(source="cli")).whole


def test_a_report_names_a_changed_file(district, op, case, now):
    _, sha256 = cases.attach(district, op, case.id, photo(), name="a.jpg", now=now)
    (district.settings.folder / "attachments" / sha256[:2] / sha256).write_bytes(b"x")
    found = journal.report(district, local_admin(source="cli"))
    assert [journal.said(flaw) for flaw in found.flaws] == [
        f"点位 {case.record['pp_no']} 第 3 条事件的附件文件被改动：{sha256}"
    ]


def test_only_who_may_verify_verifies(district):
    assert journal.report(district, person("auditor")).whole
    for role in ("coordinator", "operator", "system_admin"):
        with pytest.raises(NotAllowed):
            journal.report(district, person(role))


def test_the_prefix_of_numbers_is_a_setting(small_project, tmp_path, op, now):
    folder = shutil.copytree(small_project, tmp_path / "d")
    values = dict(settings.load(folder).values) | {"cases.prefix": "XQ"}
    db = open_database(settings.Settings(folder, values))
    assert report(db, op, now).record["pp_no"] == "XQ-2026-0001"
    db.engine.dispose()


def test_no_two_relations_are_left_out():
    assert set(itertools.chain.from_iterable(SEES.values())) == set(RELATIONS) - {"draft"}
