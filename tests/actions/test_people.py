"""Accounts, passwords, roles, sign-ins: the rules that hold without a browser."""

import shutil
from datetime import timedelta

import pytest

from siting import access, settings
from siting.access import Actor
from siting.actions import layers as layer_actions
from siting.actions import passwords, people, projects, signin
from siting.errors import BadInput, NotAllowed, NotFound
from siting.store import journal
from siting.store.database import open_database

GOOD = "wenjin-tuxing-88"
BUREAU = "南开区商务局"


@pytest.fixture(scope="module")
def db(small_project, tmp_path_factory):
    folder = shutil.copytree(small_project, tmp_path_factory.mktemp("people") / "district")
    opened = open_database(settings.load(folder))
    yield opened
    opened.engine.dispose()


@pytest.fixture
def add(db, actor, now, request):
    """Add an account under a name of the test's own."""

    def added(name, roles=("planner",), org=BUREAU, *, by=actor, password=GOOD, **options):
        return people.add_account(db, by, name=name, roles=roles, org=org, password=password, now=now, **options)[0]

    return added


def signed(db, account, now, role=None):
    token = people.sign_in(db, account.name, GOOD, now=now)
    token = people.switch_role(db, token, role, now=now) if role else token
    return token, people.identify(db, token, now=now)


def events(db, kind):
    return [e["payload"] for e in journal.recent(db, kind=kind, limit=100)]


@pytest.mark.parametrize("password", ["", "short-one-1", "x" * 201, "aaaaaaaaaaaaaaaa", "rules-A-and-more"])
def test_a_short_endless_or_easily_guessed_password_is_refused_and_nothing_is_made(db, add, password):
    with pytest.raises(BadInput):
        add("rules-a", password=password)
    with pytest.raises(NotFound):
        people.acting(db, "rules-a")


def test_a_password_of_exactly_twelve_characters_will_do(add):
    assert add("twelve", password="a1b2c3d4e5f6").name == "twelve"  # noqa: S106 - made up


def test_a_password_rests_as_argon2id_and_stands_in_no_event(db, add, now):
    token, _ = signed(db, add("rests"), now)
    raw = db.settings.folder.joinpath("siting.db").read_bytes()
    raw += b"".join(p.read_bytes() for p in db.settings.folder.glob("siting.db-*"))
    assert b"$argon2id$" in raw
    assert GOOD.encode() not in raw
    assert token.encode() not in raw


def test_a_password_costs_what_rfc_9106_asks_of_machines_with_little_memory(shipped_hasher):
    assert (shipped_hasher.time_cost, shipped_hasher.memory_cost, shipped_hasher.parallelism) == (3, 65536, 4)
    assert shipped_hasher.hash(GOOD).startswith("$argon2id$v=19$m=65536,t=3,p=4$")


def test_four_refusals_give_one_answer_after_one_comparison_each(db, add, actor, now, monkeypatch):
    add("plain")
    add("barred")
    people.set_disabled(db, actor, "barred", True, now=now)
    add("stuck")
    for _ in range(5):
        with pytest.raises(NotAllowed):
            people.sign_in(db, "stuck", "wrong", now=now)
    compared = []
    monkeypatch.setattr(passwords, "verify", lambda *a, own=passwords.verify: (compared.append(a), own(*a))[1])
    said = set()
    for name, password in [("nobody-here", GOOD), ("plain", "wrong"), ("stuck", GOOD), ("barred", GOOD)]:
        before = len(compared)
        with pytest.raises(NotAllowed) as refusal:
            people.sign_in(db, name, password, now=now)
        assert len(compared) == before + 1
        said.add((refusal.value.key, refusal.value.message()))
    assert len(said) == 1
    whys = [event["why"] for event in events(db, "session.refused")[:4]]
    assert whys == ["disabled", "locked", "password", "unknown"]


def test_five_wrong_passwords_lock_for_as_long_as_the_settings_say(db, add, now):
    add("locked")
    for _ in range(5):
        with pytest.raises(NotAllowed):
            people.sign_in(db, "locked", "wrong", now=now)
    minutes = db.settings.whole("people.lock_minutes")
    with pytest.raises(NotAllowed):
        people.sign_in(db, "locked", GOOD, now=now + timedelta(minutes=minutes - 1))
    assert people.sign_in(db, "locked", GOOD, now=now + timedelta(minutes=minutes))


def test_a_right_password_forgets_the_wrong_ones_before_it(db, add, now):
    add("forgiven")
    for _ in range(2):
        for _ in range(4):
            with pytest.raises(NotAllowed):
                people.sign_in(db, "forgiven", "wrong", now=now)
        assert people.sign_in(db, "forgiven", GOOD, now=now)


def test_a_reset_unlocks_and_its_password_must_be_changed_before_anything_opens(db, add, actor, now):
    add("reset")
    old, _ = signed(db, people.rows.named(db, "reset"), now)
    told = people.reset_password(db, actor, "reset", now=now)
    assert people.standing(db, old, now=now) is None
    token = people.sign_in(db, "reset", told, now=now)
    assert people.standing(db, token, now=now).pending == "password"
    assert people.identify(db, token, now=now) is None
    with pytest.raises(NotAllowed):
        people.switch_role(db, token, "planner", now=now)
    for refused in (told, "short"):
        with pytest.raises(BadInput):
            people.change_password(db, token, told, refused, now=now)
    with pytest.raises(NotAllowed):
        people.change_password(db, token, "not the old one", GOOD, now=now)
    again = people.change_password(db, token, told, GOOD, now=now)
    assert people.identify(db, again, now=now).name == "reset"
    assert people.standing(db, token, now=now) is None


def test_the_actor_carries_organisation_operator_streets_and_the_name_of_the_sign_in(db, add, now):
    token, who = signed(db, add("carrier", ["operator"], "中国电信股份有限公司天津分公司"), now)
    assert (who.operator, who.role, who.source, who.session) == ("ctc", "operator", "page", signin.name_of(token))
    _, who = signed(db, add("office", ["street"], "长虹街道办事处"), now)
    assert who.streets == ("长虹街道",)


@pytest.mark.parametrize(("idle_min", "alive"), [(59, True), (60, False)])
def test_a_sign_in_left_alone_for_an_hour_is_over_and_stays_over(db, add, now, idle_min, alive):
    token, _ = signed(db, add(f"idle{idle_min}"), now)
    later = now + timedelta(minutes=idle_min)
    assert (people.identify(db, token, now=later) is not None) == alive
    assert (people.identify(db, token, now=now) is not None) == alive


def test_a_sign_in_in_use_is_over_after_twelve_hours(db, add, now):
    token, _ = signed(db, add("long"), now)
    minutes = range(30, 12 * 60, 30)
    assert all(people.identify(db, token, now=now + timedelta(minutes=m)) for m in minutes)
    assert people.identify(db, token, now=now + timedelta(hours=12)) is None


def test_when_it_was_seen_is_written_at_most_once_a_minute(db, add, now, monkeypatch):
    token, _ = signed(db, add("seen"), now)
    written = []
    monkeypatch.setattr(
        signin.sessions, "seen", lambda *a, own=signin.sessions.seen, **k: (written.append(1), own(*a, **k))
    )
    for seconds in range(0, 150, 10):
        people.identify(db, token, now=now + timedelta(seconds=seconds))
    assert len(written) == 2


ENDINGS = {
    "revoked": lambda db, by, now: people.end_sessions(db, by, "revoked", now=now),
    "disabled": lambda db, by, now: people.set_disabled(db, by, "disabled", True, now=now),
    "roles": lambda db, by, now: people.set_roles(db, by, "roles", ["coordinator"], now=now),
    "password": lambda db, by, now: people.reset_password(db, by, "password", now=now),
}


@pytest.mark.parametrize("how", ENDINGS)
def test_whatever_ends_a_sign_in_is_obeyed_by_an_actor_made_before(db, add, actor, now, how):
    _, who = signed(db, add(how), now)
    assert layer_actions.counts(db, who)
    ENDINGS[how](db, actor, now)
    with pytest.raises(NotAllowed) as refusal:
        layer_actions.counts(db, who)
    assert refusal.value.key == "access.session_ended"


def test_signing_out_ends_one_sign_in_and_ending_the_others_keeps_ones_own(db, add, now):
    account = add("many")
    tokens = [signed(db, account, now)[0] for _ in range(3)]
    people.sign_out(db, tokens[0], now=now)
    assert [people.identify(db, t, now=now) is not None for t in tokens] == [False, True, True]
    assert people.end_others(db, people.identify(db, tokens[1], now=now), now=now) == 1
    assert [people.identify(db, t, now=now) is not None for t in tokens] == [False, True, False]


def test_who_has_several_roles_is_nobody_until_one_is_chosen_and_switching_ends_the_old_sign_in(db, add, now):
    add("both", ["planner", "coordinator"])
    first = people.sign_in(db, "both", GOOD, now=now)
    assert people.standing(db, first, now=now).pending == "role"
    assert people.identify(db, first, now=now) is None
    second = people.switch_role(db, first, "planner", now=now)
    third = people.switch_role(db, second, "coordinator", now=now)
    assert [t and people.identify(db, t, now=now) for t in (first, second)] == [None, None]
    assert people.identify(db, third, now=now).role == "coordinator"
    with pytest.raises(NotAllowed):
        people.switch_role(db, third, "leader", now=now)


def test_a_made_up_token_is_nobody(db, now):
    assert [people.identify(db, t, now=now) for t in ("", "x", "0" * 64)] == [None, None, None]


@pytest.mark.parametrize(
    "roles",
    [
        ["auditor", "system_admin"], ["auditor", "security_admin"], ["system_admin", "security_admin"], ["auditor", "planner"],
        ["system_admin", "data_admin"], ["security_admin", "leader"], ["local"], ["system"], ["king"],
    ],
)  # fmt: skip
def test_administrators_are_separate_and_reserved_roles_are_nobodys(add, roles):
    with pytest.raises(BadInput):
        add("never", roles, "南开区某局", kind="administration")


@pytest.mark.parametrize(
    ("roles", "org", "options"),
    [
        (["operator"], "某通信公司", {}), (["operator"], "移动与电信联合体", {}), (["street"], "不存在街道办事处", {}),
        (["planner"], "长虹街道办事处", {"kind": "street"}), (["tower"], BUREAU, {}), (["operator", "tower"], "中国移动", {}),
        (["planner"], BUREAU, {"kind": "government"}), ([], "无类别单位", {}), (["planner"], " ", {}), (["planner"], "甲局", {"kind": "x"}),
    ],
)  # fmt: skip
def test_an_organisation_that_does_not_fit_is_refused_with_the_remedy(add, roles, org, options):
    with pytest.raises(BadInput) as refusal:
        add("misfit", roles, org, **options)
    assert refusal.value.message() != refusal.value.key


@pytest.mark.parametrize(
    ("org", "code"),
    [("天津移动", "cmcc"), ("CTC Tianjin", "ctc"), ("中国联通天津", "cucc"), ("中国广电天津", "cbn")],
)
def test_the_operator_is_read_from_the_name(add, org, code):
    assert add(f"by-name-{code}", ["operator"], org).org.operator == code


def test_what_is_given_wins_over_the_name_of_the_organisation(add):
    account = add("given", ["operator"], "某通信公司甲", operator="cbn")
    assert account.org.operator == "cbn"
    assert add("given2", ["street"], "某办事处", streets=["长虹街道", "广开街道"]).org.streets == (
        "长虹街道",
        "广开街道",
    )


@pytest.mark.parametrize("name", ["", "x", "a b", "a:b", "local", "system", "<b>", "x" * 41])
def test_a_name_that_would_confuse_is_refused(add, name):
    with pytest.raises(BadInput):
        add(name)


def test_a_name_is_taken_whatever_its_case(add):
    add("Taken")
    with pytest.raises(BadInput):
        add("taken")


def test_the_command_line_acts_as_an_account_in_one_of_its_roles(db, add, now):
    add("cli-both", ["planner", "coordinator"])
    add("cli-one")
    assert projects.account(db, "cli-one", source="cli").role == "planner"
    assert projects.account(db, "cli-both:coordinator", source="cli").role == "coordinator"
    assert projects.account(db, None, source="cli") == projects.account(db, "local", source="cli")
    with pytest.raises(BadInput, match="planner, coordinator"):
        projects.account(db, "cli-both", source="cli")
    with pytest.raises(NotAllowed):
        projects.account(db, "cli-one:leader", source="cli")
    with pytest.raises(NotFound):
        projects.account(db, "no-such-person", source="cli")


def test_every_change_of_accounts_is_refused_to_every_role_but_the_administrators(db, add, now):
    add("victim")
    for role in set(access.ROLES) - {"system_admin", "local"}:
        who = Actor(id="x", name="x", org="x", role=role)
        for change in (
            lambda who=who: add("made", by=who),
            lambda who=who: people.set_disabled(db, who, "victim", True, now=now),
            lambda who=who: people.reset_password(db, who, "victim", now=now),
            lambda who=who: people.end_sessions(db, who, "victim", now=now),
        ):
            with pytest.raises(NotAllowed):
                change()
        if role != "security_admin":
            with pytest.raises(NotAllowed):
                people.set_roles(db, who, "victim", ["leader"], now=now)
            with pytest.raises(NotAllowed):
                people.accounts(db, who, now=now)
            with pytest.raises(NotAllowed):
                people.organisations(db, who)


def test_the_list_of_accounts_tells_state_and_open_sign_ins(db, add, actor, now):
    account = add("listed")
    signed(db, account, now)
    signed(db, account, now - timedelta(hours=13))
    row = people.accounts(db, actor, now=now).set_index("name").loc["listed"]
    assert (row["org"], row["roles"], row["state"], row["open"]) == (BUREAU, ("planner",), "active", 1)
    assert BUREAU in set(people.organisations(db, actor)["name"])


def test_every_event_about_people_is_in_one_whole_chain(db):
    assert all(report.ok for report in journal.verify(db).values())
    kinds = {e["kind"] for e in journal.recent(db, limit=1000) if e["stream"] == "people"}
    assert kinds >= {"account.added", "account.roles", "account.disabled", "account.password_reset", "account.password_changed",
        "session.begun", "session.refused", "session.signed_out", "session.revoked", "session.expired", "session.others_ended"}  # fmt: skip


def test_the_system_administrator_grants_roles_only_while_nobody_else_may(district, actor, now):
    def add(by, name, roles, **options):
        return people.add_account(district, by, name=name, roles=roles, org="南开区数据局", now=now, **options)[0]

    first = add(actor, "first", ["system_admin"], kind="administration")
    who = first.acting("system_admin", source="page")
    add(who, "guard", ["security_admin"])
    with pytest.raises(NotAllowed):
        add(who, "more", ["planner"])
    bare = add(who, "bare", [])
    assert bare.roles == ()
    guard = people.acting(district, "guard")
    people.set_roles(district, guard, "bare", ["leader"], now=now)
    assert people.acting(district, "bare").role == "leader"
    people.set_disabled(district, who, "guard", True, now=now)
    people.set_roles(district, who, "bare", ["supervisor"], now=now)


def test_the_last_system_administrator_stays(district, actor, now):
    for name in ("one", "two"):
        people.add_account(district, actor, name=name * 2, roles=["system_admin"], org="数据局", now=now)
    people.set_disabled(district, actor, "oneone", True, now=now)
    with pytest.raises(BadInput):
        people.set_disabled(district, actor, "twotwo", True, now=now)
    with pytest.raises(BadInput):
        people.set_roles(district, actor, "twotwo", ["auditor"], now=now)


def test_the_sample_gets_one_account_for_every_role_and_a_real_district_none(district, now, tmp_path, small_project):
    made = people.demonstration(district, now=now)
    assert {role for _, role, _, _ in made} == set(access.ROLES) - set(access.RESERVED)
    operators = {people.acting(district, name).operator for name, role, _, _ in made if role == "operator"}
    assert operators >= {"cmcc", "ctc"}
    assert len({password for *_, password in made}) == len(made)
    assert people.demonstrating(district)
    for name, role, org, password in made[:2]:
        who = people.identify(district, people.sign_in(district, name, password, now=now), now=now)
        assert (who.role, who.org) == (role, org)
    with pytest.raises(NotAllowed):
        people.demonstration(open_database(real(small_project, tmp_path)), now=now)


def real(folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "real")
    text = (copy / "siting.toml").read_text(encoding="utf-8")
    (copy / "siting.toml").write_text(text.replace("synthetic = true", "synthetic = false"), encoding="utf-8")
    return settings.load(copy)
