"""Who sits at the desk: every role on every page, the administrator's and the auditor's pages, an ended sign-in."""

import re

import pytest

from siting import access, settings
from siting.access import local_admin
from siting.actions import people
from siting.store import layers
from siting.store.database import open_database
from siting.ui import navigation, session

ROLES = [role for role in access.ROLES if role not in access.RESERVED]
PASSWORD = "made-for-one-test"  # noqa: S105 - made up
OURS = ("overview", "assets", "coverage", "planning", "admin", "journal")


def store(folder):
    return open_database(settings.load(folder))


def shown(at):
    kinds = ("markdown", "caption", "info", "success", "warning", "error", "code")
    return "\n".join(str(e.value) for kind in kinds for e in at.get(kind))


@pytest.mark.parametrize("role", ROLES)
def test_a_role_opens_its_pages_without_error_and_the_others_are_absent(open_as, done, role):
    mine = [row.name for row in navigation.permitted(people.acting(*account_of(done, role, open_as)))]
    assert mine
    at = open_as(done, role)
    for page in [name for name in mine[1:] if name in OURS]:
        at.switch_page(f"pages/{page}.py").run()
        assert not at.exception
        assert [e.value for e in at.error] == []
    if len(mine) == 1:
        with pytest.raises(ValueError, match="navigation page"):
            at.switch_page("pages/planning.py")


def account_of(folder, role, open_as):
    """The district and the name of the account that `open_as` makes for a role."""
    open_as(folder, role)
    db = store(folder)
    found = people.accounts(db, local_admin(source="cli"), now=session.now())
    return db, next(row["name"] for _, row in found.iterrows() if row["roles"] == (role,))


def test_a_leader_reads_and_is_offered_no_run_and_no_import(open_as, done):
    at = open_as(done, "leader")
    assert {b.key for b in at.button if not b.key.startswith("siting.")} == set()
    at.switch_page("pages/assets.py").run()
    assert "assets-view" not in {c.key for c in at.segmented_control}


def test_a_street_office_sees_the_assets_of_its_area_alone(open_as, done):
    at = open_as(done, "street", "assets")
    rows = layers.read(store(done), "assets")
    own = rows[rows["street_office"] == "长虹街道"]
    assert 0 < len(own) < len(rows)
    assert len(at.dataframe[-1].value) == len(own)


def test_two_operators_on_one_server_do_not_get_each_others_remembered_figures(open_as, done):
    def sites(org):
        at = open_as(done, "operator", org=org)
        return next(m.value for m in at.metric if m.label == "现网站点")

    mobile, telecom = sites("中国移动通信集团天津有限公司"), sites("中国电信股份有限公司天津分公司")
    rows = layers.read(store(done), "sites")
    for shown_n, code in ((mobile, "cmcc"), (telecom, "ctc")):
        assert int(shown_n.replace(",", "")) == sum(code in set(t) for t in rows["tenants"])


def test_an_ended_sign_in_leads_to_the_sign_in_page_instead_of_an_error(open_as, done):
    at = open_as(done, "planner")
    db = store(done)
    name = people.accounts(db, local_admin(source="cli"), now=session.now())["name"][0]
    people.end_sessions(db, local_admin(source="cli"), name, now=session.now())
    at.run()
    assert not at.exception
    assert not at.error
    assert "登录已结束" in shown(at)
    assert not at.metric


def test_nobody_without_a_sign_in_sees_anything(opened_by_token, done, monkeypatch):
    for made_up in ("", "x" * 43):
        monkeypatch.setattr(session, "token", lambda found=made_up: found)
        at = opened_by_token(done)
        assert not at.metric
        assert not at.dataframe
        assert "登录已结束" in shown(at)


def test_the_administrator_adds_an_account_and_reads_its_password_once(open_as, done):
    at = open_as(done, "system_admin")
    at.text_input(key="admin.name").set_value("zhang.san")
    at.multiselect(key="admin.roles").set_value(["planner"])
    at.selectbox(key="admin.org").set_value("南开区数据局")
    next(b for b in at.button if b.label == "新建账号").click().run()
    assert not at.error
    password = at.code[0].value
    db = store(done)
    assert people.standing(db, people.sign_in(db, "zhang.san", password, now=session.now()), now=session.now()).pending
    at.run()
    assert password not in shown(at)


def test_the_administrator_resets_disables_enables_and_ends_sign_ins(open_as, done):
    db, local = store(done), local_admin(source="cli")
    people.add_account(
        db,
        local,
        name="target",
        roles=["leader"],
        org="南开区人民政府",
        password=PASSWORD,
        now=session.now(),
    )
    token = people.sign_in(db, "target", PASSWORD, now=session.now())
    at = open_as(done, "system_admin", id="target")
    assert "admin.turn" not in {b.key for b in at.button}, "the table keeps its own turn under that name"
    at.button(key="admin.end").click().run()
    assert people.identify(db, token, now=session.now()) is None
    at.button(key="admin.reset").click().run()
    assert re.fullmatch(r"\w{4}(-\w{4}){3}", at.code[0].value)
    for state in ("disabled", "one_time"):
        at.button(key="admin.able").click().run()
        assert not at.error
        found = people.accounts(db, local, now=session.now()).set_index("name")
        assert found.loc["target", "state"] == state
    at.multiselect(key="admin.roles.target").set_value(["supervisor"]).run()
    at.button(key="admin.set_roles").click().run()
    assert people.accounts(db, local, now=session.now()).set_index("name").loc["target", "roles"] == ("supervisor",)


def test_the_form_for_an_account_asks_for_roles_only_where_they_can_be_granted(open_as, done):
    at = open_as(done, "system_admin")
    assert "admin.roles" in {m.key for m in at.multiselect}, "nobody else grants roles yet"
    people.add_account(
        store(done),
        local_admin(source="cli"),
        name="guard",
        roles=["security_admin"],
        org="南开区网信办",
        now=session.now(),
    )
    at.run()
    assert "admin.roles" not in {m.key for m in at.multiselect}


def test_the_security_administrator_changes_roles_and_nothing_else(open_as, done):
    db, local = store(done), local_admin(source="cli")
    people.add_account(db, local, name="target", roles=[], org="南开区人民政府", kind="government", now=session.now())
    at = open_as(done, "security_admin", id="target")
    assert {b.key for b in at.button} & {"admin.reset", "admin.able", "admin.end"} == set()
    assert not [b for b in at.button if b.label == "新建账号"]
    at.multiselect(key="admin.roles.target").set_value(["leader"]).run()
    at.button(key="admin.set_roles").click().run()
    assert people.acting(db, "target").role == "leader"


def test_the_auditor_reads_who_did_what_and_checks_that_it_is_whole(open_as, done):
    at = open_as(done, "auditor")
    events = at.dataframe[0].value
    assert {"新建账号", "登录"} <= set(events["事件"])
    assert not events["账号"].str.fullmatch(r"[0-9a-f]{32}").any()
    at.button(key="journal.verify").click().run()
    assert "全部完整" in shown(at)
    at.segmented_control(key="which").set_value("district").run()
    assert "建立区县项目" in set(at.dataframe[0].value["事件"])
    at.segmented_control(key="which").set_value("cases").run()
    assert not at.exception
