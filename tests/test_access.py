import csv
from pathlib import Path

import pytest

from siting import access
from siting.access import PERMISSIONS, ROLES, ROWS, SCOPES, Actor, covers, local_admin, may, require, scope, view
from siting.errors import NotAllowed

ROOT = Path(access.__file__).parent


def actor(role, **given):
    return Actor(id="x", name="x", **{"org": "甲", "role": role, **given})


def test_an_unknown_permission_and_an_unknown_role_are_denied():
    assert not may(local_admin(source="cli"), "asset.explode")
    with pytest.raises(NotAllowed, match=r"nobody.*plan\.run"):
        require(actor("nobody"), "plan.run")


@pytest.mark.parametrize("table", ["permissions.csv", "rows.csv"])
def test_every_cell_of_the_tables_is_a_scope(table):
    with (ROOT / table).open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert {cell for row in rows[1:] for cell in row[1:]} <= {"", *SCOPES}
    assert all(len(row) == len(rows[0]) for row in rows)


def test_administrators_and_auditors_hold_nothing_of_the_business():
    held = {role: {p for p, roles in PERMISSIONS.items() if role in roles} for role in access.ADMINISTRATORS}
    assert held == {
        "auditor": {"journal.read", "journal.verify"},
        "system_admin": {"user.edit", "system.backup", "system.restore"},
        "security_admin": {"role.grant"},
    }
    assert not [pair for pair in ROWS if pair[1] in access.ADMINISTRATORS]


def test_only_who_the_handbook_names_reports_verifies_handles_builds_and_closes():
    letters = {
        "case.report": {"coordinator": "all", "operator": "org", "tower": "org", "agency": "org", "street": "area"},
        "case.close": {"coordinator": "all", "operator": "org", "tower": "org", "agency": "org", "street": "area"},
        "case.handle": {"coordinator": "all", "tower": "duty", "agency": "duty", "street": "duty"},
        "case.build": {"operator": "org", "tower": "org"},
        "case.verify": {"coordinator": "all"},
        "case.dispatch": {"coordinator": "all"},
        "proposal.release": {"planner": "all", "operator": "org", "tower": "org"},
    }
    for permission, wanted in letters.items():
        assert {r: s for r in ROLES if (s := scope(actor(r), permission))} == wanted


@pytest.mark.parametrize(
    ("role", "given", "thing", "held"),
    [
        ("coordinator", {}, {}, True),
        ("agency", {}, {"parties": ["甲"]}, True),
        ("agency", {}, {"parties": ["乙"]}, False),
        ("agency", {}, {"owners": ["甲"]}, False),
        ("street", {"streets": ("华苑街道",)}, {"parties": ["甲"]}, True),
        ("street", {"streets": ("华苑街道",)}, {"street": "华苑街道"}, False),
        ("operator", {}, {"parties": ["甲"]}, False),
    ],
)
def test_handling_is_for_who_has_a_duty_in_the_case(role, given, thing, held):
    assert covers(actor(role, **given), "case.handle", **thing) is held


def test_an_operator_owns_what_carries_its_code_or_its_name():
    operator = actor("operator", operator="ctc")
    assert covers(operator, "case.build", owners=["ctc"])
    assert covers(operator, "case.build", owners=["甲"])
    assert not covers(operator, "case.build", owners=["cmcc", "乙"])
    assert not covers(actor("operator"), "case.build", owners=[""])


def test_two_people_who_see_the_same_rows_share_a_view_and_others_do_not():
    assert view(actor("planner"), "assets") == view(actor("operator", org="乙"), "assets") == "all"
    assert view(actor("operator", operator="ctc"), "candidates") != view(actor("operator", org="乙"), "candidates")
    assert view(actor("street", streets=("b", "a")), "assets") == view(actor("street", org="乙", streets=("a", "b")), "assets")
    assert view(actor("auditor"), "assets") == "none"
