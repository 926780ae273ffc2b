"""The ledger of problem points and one point, as every role sees them."""

import re

import pytest

from siting import access, settings
from siting.actions import cases, people
from siting.ledger.moves import MOVES
from siting.store import case_values
from siting.store.database import open_database
from siting.ui import session
from tests.case_people import ORGS, RIVAL, dispatched, moved, person, report, rival

ROLES = [role for role in access.ROLES if role not in access.RESERVED]
CMCC = person("operator")
# Longer than a title may be is nothing here: the whole of each must come back as it was typed.
CANARIES = ("{{7*7}}", "<img src=x onerror=alert(1)>", "</script>", "${1}", ":red[x]", "$x$", "[a](http://b)", "=1+1", "**b** _i_")
SPOKEN = ("markdown", "caption", "info", "success", "warning", "error")


@pytest.fixture
def store(done):
    db = open_database(settings.load(done))
    yield db
    db.engine.dispose()


@pytest.fixture
def points(store, now):
    """A point of one operator with the agency, one of the other, a draft of each; numbers by name."""
    mine = dispatched(store, report(store, CMCC, now, title="移动的点"), now)
    need = [{"need_no": "N-2", "operator": "ctc"}]
    theirs = report(store, rival(), now, title="电信的点", needs=need)
    report(store, CMCC, now, title="移动的草稿", draft=True)
    report(store, rival(), now, title="电信的草稿", needs=need, draft=True)
    return {"mine": mine.record["pp_no"], "theirs": theirs.record["pp_no"]}


def opened_as(open_as, folder, role, page, *, org=None, **query):
    own = {"operator": CMCC.org, **{r: ORGS[r] for r in ("agency", "street")}}
    return open_as(folder, role, page, org=org or own.get(role), **query)


def listed(at):
    tables = [frame.value for frame in at.dataframe if "点位编号" in frame.value or "编号" in frame.value]
    return tables[0] if tables else None


def titles(at):
    frame = listed(at)
    return set() if frame is None else set(frame["标题"])


def spoken(at):
    return [str(element.value) for kind in SPOKEN for element in at.get(kind)]


SEEN = {
    "planner": {"移动的点", "电信的点"}, "coordinator": {"移动的点", "电信的点"}, "operator": {"移动的点", "移动的草稿"},
    "tower": set(), "agency": {"移动的点"}, "leader": {"移动的点", "电信的点"}, "supervisor": {"移动的点", "电信的点"},
    "data_admin": {"移动的点", "电信的点"},
}  # fmt: skip


@pytest.mark.parametrize("role", SEEN)
def test_a_role_sees_its_own_points_and_reports_where_it_may(open_as, done, points, role):
    at = opened_as(open_as, done, role, "cases")
    assert titles(at) == SEEN[role]
    may = role in access.PERMISSIONS["case.report"]
    offered = [control for control in at.get("button_group") if "new" in str(control.proto)]
    assert ("cases-view" in {control.key for control in at.segmented_control}) is may, offered
    assert points


@pytest.mark.parametrize("role", ["auditor", "system_admin", "security_admin"])
def test_who_has_no_part_in_points_has_no_page_of_them(open_as, done, role):
    at = open_as(done, role)
    with pytest.raises(ValueError, match="navigation page"):
        at.switch_page("pages/cases.py")


@pytest.mark.parametrize("role", ["coordinator", "operator", "agency", "leader", "planner"])
def test_the_moves_offered_are_the_moves_allowed(open_as, done, store, points, role):
    at = opened_as(open_as, done, role, "case", id=points["mine"])
    found = people.accounts(store, access.local_admin(source="cli"), now=session.now())
    name = next(row["name"] for _, row in found.iterrows() if row["roles"] == (role,))
    allowed = set(cases.allowed(store, people.acting(store, name), points["mine"], now=session.now())) - {"attach", "save_draft"}
    shown = {MOVES[move].title() for move in allowed}
    offered = {str(o) for c in (*at.button_group, *at.selectbox) if str(c.key).startswith("case.move") for o in c.options}
    assert offered == shown


def test_a_deep_link_to_a_foreign_point_confirms_nothing(open_as, done, points):
    said = []
    for key in (points["theirs"], "NK-2026-9999"):
        at = opened_as(open_as, done, "operator", "case", id=key)
        text = "\n".join(spoken(at)).replace("\\", "").replace(key, "…")
        assert "电信" not in text
        said.append(text)
    assert said[0] == said[1]


def test_filters_stand_in_the_address_and_come_back_from_it(open_as, done, points):
    at = opened_as(open_as, done, "coordinator", "cases", stage="working")
    assert titles(at) == {"移动的点"}
    at.multiselect(key="stage").set_value(["entered"]).run()
    assert titles(at) == {"电信的点"}
    assert at.query_params["stage"] in ("entered", ["entered"])
    at.text_input(key="q").set_value("没有这样的点").run()
    assert not titles(at)
    assert points


def test_the_dearest_point_comes_first_and_what_is_not_computed_last(open_as, done, store, now):
    made = [report(store, CMCC, now, title=f"点{n}") for n in range(3)]
    for case, value in ((made[0], "12.0"), (made[2], "900.0")):
        record = {"why": "", "value": value, "people_low": "0.0", "people_high": "1000.0", "venues": [], "profile": "x", "site_ref": ""}
        with store.write() as connection:
            case_values.save(connection, case.id, record, key=store.key(), actor=access.system(), plan_run="none", now=now)
    at = opened_as(open_as, done, "coordinator", "cases")
    frame = listed(at)
    assert frame["标题"].tolist() == ["点2", "点0", "点1"]
    worth = frame[next(c for c in frame.columns if "解阻" in c or "价值" in c)]
    assert worth.tolist()[:2] == [900.0, 12.0]
    assert worth.isna().tolist() == [False, False, True]


@pytest.mark.parametrize("text", CANARIES)
def test_what_people_wrote_is_shown_as_text(open_as, done, store, now, text):
    need = [{"need_no": f"N{text}"[:40], "operator": "cmcc"}]
    case = dispatched(store, report(store, CMCC, now, title=text, reason_text=text, requested_action=text, needs=need), now)
    agency = person("agency")
    case = moved(store, agency, case, "accept", now, responsible_person=text, phone="13900000000")
    moved(store, agency, case, "record_visit", now, on="2026-11-02", who=text, contact=text, result="failed", failure_reason=text)
    for page in ("cases", "case"):
        at = opened_as(open_as, done, "coordinator", page, id=case.record["pp_no"])
        said = "\n".join(spoken(at))
        assert text not in said
        cells = "\n".join(frame.value.to_csv() for frame in (*at.dataframe, *at.table))
        assert text in re.sub(r"\\(.)", r"\1", said) or text in cells
        labels = [str(link.proto.label) for link in at.get("page_link")]
        assert not [label for label in labels if text in label]


def test_a_shared_point_is_shown_to_one_operator_without_the_other(open_as, done, store, now):
    case = dispatched(store, report(store, CMCC, now, title="共享的点"), now)
    case = moved(store, person("coordinator"), case, "add_need", now, operator="ctc", need_no="别家需求", urgency=1)
    at = opened_as(open_as, done, "operator", "case", id=case.record["pp_no"])
    shown = "\n".join([*spoken(at), *(frame.value.to_csv() for frame in (*at.dataframe, *at.table))])
    assert "共享的点" in shown
    assert not [word for word in ("别家需求", "电信", RIVAL) if word in shown]
