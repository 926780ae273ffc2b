"""The same secrets behind pages, addresses and commands: one process, one person after the other."""

import asyncio
import json
from pathlib import Path

import pandas as pd
import pytest
import streamlit as st
from starlette.applications import Starlette
from streamlit.testing.v1 import AppTest
from typer.testing import CliRunner

from siting import serve
from siting.actions import people
from siting.cli import app as cli
from siting.ui import mapview, navigation, session
from siting.ui.gate import COOKIE, Gate
from tests.secret_district import PASSWORD, given_away
from tests.secret_radio import DISTRICT, SECOND, STATION

ROOT = Path(__file__).parents[2]


@pytest.fixture
def render(monkeypatch, pair, components):
    """Everything that a page shows to somebody: words, tables, what the map draws; caches are left as they are."""
    drawn = {}
    monkeypatch.setattr(mapview, "mount", lambda *, key, data: drawn.update({key: data}) or {})
    monkeypatch.setenv(session.PROJECT_VARIABLE, str(pair.full.settings.folder))

    def shown(name, page, **query):
        drawn.clear()
        monkeypatch.setattr(session, "identify", lambda: people.acting(pair.full, name, source="page"))
        at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
        at._bidi_component_manager = components
        for key, value in query.items():
            at.query_params[key] = value
        if page != "overview":
            at.switch_page(f"pages/{page}.py")
        at.run()
        assert not at.exception
        return "\n".join([*elements(at), json.dumps(drawn, ensure_ascii=False, default=str)])

    return shown


def elements(at):
    """Every element of a page as text, tables with all their cells."""
    for element in at._tree:
        yield str(getattr(element, "proto", ""))
        value = getattr(element, "value", None)
        yield value.to_csv() if isinstance(value, pd.DataFrame) else str(value)


def pages_of(db, name):
    return [row.name for row in navigation.permitted(people.acting(db, name))]


@pytest.mark.parametrize("who", ["cmcc", "tower", "garden"])
def test_no_page_shows_a_stranger_what_it_showed_the_owner_a_moment_before(render, pair, who):
    st.cache_data.clear()
    guesses = {"proposals": pair.secret.proposal, "cases": pair.secret.pp_no, "case": pair.secret.pp_no, "sites": "5a5a5a5a-0000-4000-8000-000000000001",
        "assets": pair.secret.host}  # fmt: skip
    owned = ""
    for page in pages_of(pair.full, who):
        query = {"id": guesses[page]} if page in guesses else {}
        if page in pages_of(pair.full, "ctc"):
            owned += render("ctc", page, **query)
        text = render(who, page, **query)
        for guess in query.values():
            text = text.replace(guess, "…")
        assert given_away(text, pair.secret) == [], page
        assert "机密" not in text
    assert {"机密杆位", "机密诉求"} <= set(given_away(owned, pair.secret))


@pytest.mark.parametrize("who", ["cmcc", "tower"])
def test_the_views_of_calibration_and_of_changes_show_a_stranger_nothing_of_others(render, pair, who):
    for view in ({"view": "calibration"}, {"view": "calibration", "step": "fit"}, {"view": "whatif"}):
        owned = render("ctc", "coverage", **view)
        text = render(who, "coverage", **view)
        assert given_away(text, pair.secret) == [], view
        assert "机密" not in text
        assert view["view"] != "calibration" or "机密路测" in owned


def test_the_views_of_planning_show_a_stranger_nothing_of_others(render, pair):
    for view in ("plan", "alternatives", "compare"):
        query = {"planning-view": view, "plan": pair.secret.run["plan"], "compare-view": "scenarios"}
        owned = render("ctc", "planning", **query)
        text = render("cmcc", "planning", **query).replace(pair.secret.run["plan"], "…")
        assert given_away(text, pair.secret) == [], view
        assert "机密" not in text
        assert view == "compare" or pair.secret.run["plan"] in owned  # one plan alone is compared with nothing
        assert view != "compare" or "自有情景" in text


def test_a_deep_link_to_a_foreign_point_says_what_one_to_nothing_says(render, pair):
    found, missing = (render("cmcc", "case", id=name) for name in (pair.secret.pp_no, "NK-2026-9999"))
    said = [[line for line in text.splitlines() if "body" in line or "label" in line] for text in (found, missing)]
    assert [line.replace(pair.secret.pp_no, "…").replace(pair.secret.pp_no.replace("-", "\\\\-"), "…") for line in said[0]] == [
        line.replace("NK-2026-9999", "…").replace("NK\\\\-2026\\\\-9999", "…") for line in said[1]
    ]


# --- addresses ------------------------------------------------------------------------------------------------------


@pytest.fixture
def browser(pair, now):
    """Somebody's browser on both districts: ``browser("cmcc") -> (full, plain)``."""

    def opened(name):
        return tuple(_client(db, name) for db in (pair.full, pair.plain))

    def _client(db, name):
        app = Gate(Starlette(routes=serve.routes(db)), db=db, clock=lambda: now)
        token = people.sign_in(db, name, PASSWORD, now=now)
        return lambda address: asyncio.run(asked(app, address, f"{COOKIE}={token}"))

    return opened


async def asked(app, address, cookie):
    """Status and body of one question to an ASGI application."""
    path, _, query = address.partition("?")
    sent = []

    async def receive():
        return {"type": "http.request", "body": b""}

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http", "path": path,
        "raw_path": path.encode(), "query_string": query.encode(), "headers": [(b"host", b"t"), (b"cookie", cookie.encode())],
        "client": ("t", 1), "server": ("t", 80), "root_path": ""}  # fmt: skip
    await app(scope, receive, send)
    return sent[0]["status"], b"".join(message.get("body", b"") for message in sent[1:])


def addresses(s):
    box = f"bbox={s.lon_deg - 3e-4},{s.lat_deg - 3e-4},{s.lon_deg + 3e-4},{s.lat_deg + 3e-4}"
    yield from (f"/layers/{name}?{box}" for name in ("proposals", "sites", "assets", "candidates", "problems"))
    yield from (f"/layers/{name}" for name in ("proposals", "sites"))
    yield from (f"/layers/{name}?run={s.run[kind]}" for name, kind in (("plan", "plan"), ("candidates", "score")))
    yield from (f"/tiles/{name}/14/13523/6230.png?run={s.run['coverage']}" for name in ("gap", "rsrp", "probability"))
    yield from (f"/tiles/{name}/14/13523/6230.png" for name in ("assets", "proposals", "sites"))
    yield from (f"/tiles/{name}/14/13523/6230.png?run={DISTRICT}@{SECOND}" for name in ("server", "gap"))


@pytest.mark.parametrize("who", ["cmcc", "tower", "garden"])
def test_no_address_gives_a_stranger_more_than_if_the_secret_were_not_there(browser, pair, who):
    full, plain = browser(who)
    for address in addresses(pair.secret):
        assert full(address) == plain(address), address
    status, body = browser("ctc")[0]("/layers/proposals")
    assert (status, pair.secret.proposal.encode() in body) == (200, True)


# --- commands -------------------------------------------------------------------------------------------------------

COMMANDS = (
    "case list", "case show {pp_no}", "case show {case_id} --json", "proposal list", "proposal list --json", "proposal show {proposal_no}",
    "proposal show {proposal} --json", "user list", "verify", "case move {pp_no} withdraw --set reason=试",
    "proposal withdraw {proposal_no} --reason 试", "proposal from-plan {plan}", "case value {pp_no}",
)  # fmt: skip
LOOKED = (
    "emf {proposal_no}", "emf {station}", "samples --json", "pattern list", "trace {station} --to 117.17,39.12",
    "compare {plan} {own}", "alternatives {plan}", "alternatives {plan} --adopt 1", "plan --count 4 --start {plan} --out p.xlsx",
    "score --coverage {coverage}", "compare {own} {second} --json",
)  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS)
def test_no_command_tells_a_stranger_of_the_secret(fresh_pair, command):
    s = fresh_pair.secret
    words = command.format(plan=s.run["plan"], **{n: getattr(s, n) for n in ("pp_no", "case_id", "proposal_no", "proposal")}).split()
    asked_alike(fresh_pair, words, command)


def test_no_command_that_only_looks_tells_a_stranger_of_samples_sheets_stations_and_plans(pair):
    s = pair.secret
    for command in LOOKED:
        named = {"plan": s.run["plan"], "coverage": s.run["coverage"], "own": pair.mine.plan, "second": pair.mine.second}
        words = command.format(proposal_no=s.proposal_no, station=STATION, **named).split()
        asked_alike(pair, words, "")


def asked_alike(pair, words, command):
    """The same command in both districts by strangers: equal answers without a mark that was not typed."""
    s = pair.secret
    for who in ("cmcc", "tower"):
        said = []
        for db in (pair.full, pair.plain):
            done = CliRunner().invoke(cli, [*words, "--as", who, "--project", str(db.settings.folder)])
            error = done.exception if done.exception and not isinstance(done.exception, SystemExit) else ""
            said.append((done.exit_code, done.output, str(error)))
        assert said[0] == said[1]
        typed = [mark for mark in s.marks if mark in command.format(plan="", pp_no="", case_id="", proposal_no="", proposal="")]
        assert [m for m in given_away(str(said[0]), s) if m not in words] == typed


