"""Nothing answers before somebody is known: every address, the websocket, forms, cookies, redirects."""

import asyncio
import re
import shutil
from types import SimpleNamespace
from urllib.parse import urlencode

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Mount, Route, WebSocketRoute
from streamlit import config
from streamlit.runtime import Runtime

from siting import serve, settings
from siting.access import local_admin
from siting.actions import people
from siting.errors import BadInput
from siting.store.database import open_database
from siting.ui import entrance, gate, session

PASSWORD = "gate-of-the-house-9"  # noqa: S105 - made up
HTML = {"accept": "text/html", "sec-fetch-mode": "navigate"}
OWN = {"origin": "http://t"}


@pytest.fixture(scope="module")
def house(small_project, tmp_path_factory):
    """The whole application of a district with three accounts, asked without a socket."""
    folder = shutil.copytree(small_project, tmp_path_factory.mktemp("gate") / "district")
    db = open_database(settings.load(folder))
    local = local_admin(source="cli")
    for name, roles in {"one": ["planner"], "both": ["planner", "coordinator"]}.items():
        people.add_account(db, local, name=name, roles=roles, org="南开区商务局", password=PASSWORD, now=session.now())
    _, told = people.add_account(db, local, name="fresh", roles=["leader"], org="区政府", now=session.now())
    app = serve.application(settings.load(folder))
    yield SimpleNamespace(db=db, ask=Asker(app), app=app, told=told)
    db.engine.dispose()
    Runtime._instance = None


class Asker:
    """Puts one question to an ASGI application."""

    def __init__(self, app):
        self.app = app

    def __call__(
        self, path, *, method="GET", cookies=None, headers=None, form=None, kind="http", scheme="http", query=""
    ):
        given = {"host": "t", **({"cookie": "; ".join(f"{k}={v}" for k, v in cookies.items())} if cookies else {})}
        given |= headers or {}
        scope = {"type": kind, "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": scheme, "path": path,
            "raw_path": path.encode(), "query_string": query.encode(), "headers": [(k.encode(), v.encode()) for k, v in given.items()],
            "client": ("t", 1), "server": ("t", 80), "root_path": "", "subprotocols": []}  # fmt: skip
        body = urlencode(form or {}).encode()
        return asyncio.run(self._ask(scope, body))

    async def _ask(self, scope, body):
        sent = []
        first = (
            {"type": "websocket.connect"} if scope["type"] == "websocket" else {"type": "http.request", "body": body}
        )
        waiting = [first]

        async def receive():
            return waiting.pop() if waiting else {"type": "http.disconnect"}

        async def send(message):
            sent.append(message)

        await self.app(scope, receive, send)
        if scope["type"] == "websocket":
            return sent
        head = sent[0]
        pairs = [(k.decode().lower(), v.decode()) for k, v in head["headers"]]
        return SimpleNamespace(
            status=head["status"],
            headers=dict(pairs),
            cookies=[v for k, v in pairs if k == "set-cookie"],
            text=b"".join(m.get("body", b"") for m in sent[1:]).decode("utf-8", "replace"),
        )


def form_of(house, path, cookies=None, query=""):
    """A form as the browser gets it: its hidden token, and the cookies that belong to it."""
    page = house.ask(path, cookies=cookies, headers=HTML, query=query)
    assert page.status == 200
    token = re.search(r'name="form" value="([0-9a-f]{64})"', page.text)[1]
    nonce = page.cookies[0].split(";")[0].split("=", 1)
    return token, {**(cookies or {}), nonce[0]: nonce[1]}


def signed_in(house, name="one", password=PASSWORD, *, query="", scheme="http"):
    token, cookies = form_of(house, gate.LOGIN)
    form = {"form": token, "name": name, "password": password}
    return house.ask(gate.LOGIN, method="POST", cookies=cookies, headers=OWN, form=form, query=query, scheme=scheme)


def cookie_of(answer):
    found = next(c for c in answer.cookies if c.startswith(f"{gate.COOKIE}="))
    return {gate.COOKIE: found.split(";")[0].split("=", 1)[1]}


def addresses(app):
    """Every address that the application routes, its parameters filled in."""
    runtime = app._runtime or app._create_runtime()
    app._runtime = runtime
    found = set()
    for route in app._build_starlette_app().routes:
        if isinstance(route, Route | Mount | WebSocketRoute):
            found.add(re.sub(r"\{[^}]*\}", "1", route.path) or "/")
    return found


def test_every_address_answers_nobody(house):
    known = addresses(house.app)
    assert {"/healthz", "/auth/login", "/_stcore/health", "/_stcore/host-config"} <= known
    assert any(a.startswith("/media") for a in known)
    assert any(a.startswith("/_stcore/upload_file") for a in known)
    asked = known | {"/", "/assets", "/static/js/index.js", "/index.html", "/auth/callback", "/auth/", "/auth/login/", "//auth/login",
        "/auth/../assets", "/healthz/x", "/tiles/basemap/1/1/1.png", "/layers/assets", "/vendor/leaflet.js", "/media/x.xlsx"}  # fmt: skip
    for address in asked - gate.OPEN:
        assert house.ask(address).status == 401, address
        page = house.ask(address, headers=HTML)
        assert (page.status, page.headers["location"].split("?")[0]) == (303, gate.LOGIN), address
        for method in ("POST", "PUT", "DELETE", "OPTIONS"):
            assert house.ask(address, method=method, headers=OWN).status == 401, (method, address)


@pytest.mark.parametrize("token", ["", "x", "0" * 43])
def test_a_made_up_cookie_is_nobody(house, token):
    assert house.ask("/layers/assets", cookies={gate.COOKIE: token}).status == 401


def test_a_sign_in_opens_and_signing_out_closes(house):
    cookies = cookie_of(signed_in(house))
    assert house.ask("/layers/districts", cookies=cookies).status == 200
    assert house.ask("/vendor/leaflet.js", cookies=cookies).status == 200
    token, with_form = form_of(house, gate.PASSWORD, cookies)
    left = house.ask(gate.LOGOUT, method="POST", cookies=with_form, headers=OWN, form={"form": token})
    assert (left.status, left.headers["location"]) == (303, gate.LOGIN)
    assert house.ask("/layers/districts", cookies=cookies).status == 401


def handshake(house, cookies=None, **headers):
    sent = house.ask("/_stcore/stream", kind="websocket", scheme="ws", cookies=cookies, headers=headers)
    return [message["type"] for message in sent]


def test_the_websocket_is_closed_before_it_opens_without_a_sign_in_or_from_elsewhere(house):
    cookies = cookie_of(signed_in(house))
    refused = ["websocket.close"]
    assert handshake(house, **OWN) == refused
    assert handshake(house, {gate.COOKIE: "x"}, **OWN) == refused
    for origin in ("http://elsewhere.example", "null", "http://t.elsewhere.example", "http://t:81", "file://"):
        assert handshake(house, cookies, origin=origin) == refused, origin
    assert handshake(house, cookies) == refused
    people.sign_out(house.db, cookies[gate.COOKIE], now=session.now())
    assert handshake(house, cookies, **OWN) == refused


def test_a_change_asked_for_by_another_site_is_refused_even_with_a_cookie(house):
    cookies = cookie_of(signed_in(house))
    for headers in ({"origin": "http://elsewhere.example"}, {"origin": "null"}, {"sec-fetch-site": "cross-site"}):
        for path in ("/_stcore/upload_file/1/1", gate.LOGIN, gate.LOGOUT, gate.PASSWORD, gate.ROLE):
            assert house.ask(path, method="POST", cookies=cookies, headers=headers).status == 403
    assert house.ask("/layers/districts", cookies=cookies).status == 200


@pytest.mark.parametrize("mark", [None, "", "0" * 64, "of another browser"])
def test_a_form_without_its_token_or_with_another_ones_is_refused(house, mark):
    _, cookies = form_of(house, gate.LOGIN)
    foreign, _ = form_of(house, gate.LOGIN)
    form = {"name": "one", "password": PASSWORD, **({} if mark is None else {"form": mark})}
    form |= {"form": foreign} if mark == "of another browser" else {}
    answer = house.ask(gate.LOGIN, method="POST", cookies=cookies, headers=OWN, form=form)
    assert answer.status == 403
    assert not [c for c in answer.cookies if c.startswith(gate.COOKIE)]


def test_a_form_token_of_before_the_sign_in_does_not_serve_after_it(house):
    token, before = form_of(house, gate.LOGIN)
    cookies = {**before, **cookie_of(signed_in(house, "both"))}
    answer = house.ask(gate.ROLE, method="POST", cookies=cookies, headers=OWN, form={"form": token, "role": "planner"})
    assert answer.status == 403


def test_a_form_without_end_is_refused(house):
    token, cookies = form_of(house, gate.LOGIN)
    form = {"form": token, "name": "x" * 10_000}
    assert house.ask(gate.LOGIN, method="POST", cookies=cookies, headers=OWN, form=form).status == 400


def test_a_wrong_password_says_the_same_as_an_unknown_name_and_sets_no_cookie(house):
    wrong, unknown = signed_in(house, "one", "wrong"), signed_in(house, "no-one", PASSWORD)
    shown = [re.search(r'role="alert">(.*?)<', a.text)[1] for a in (wrong, unknown)]
    assert (wrong.status, unknown.status) == (403, 403)
    assert shown[0] == shown[1]
    assert not [c for a in (wrong, unknown) for c in a.cookies if c.startswith(gate.COOKIE)]


@pytest.mark.parametrize(("scheme", "secure"), [("http", False), ("https", True)])
def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(house, scheme, secure):
    token, cookies = form_of(house, gate.LOGIN)
    form = {"form": token, "name": "one", "password": PASSWORD}
    headers = {"origin": f"{scheme}://t"}
    answer = house.ask(gate.LOGIN, method="POST", cookies=cookies, headers=headers, form=form, scheme=scheme)
    found = next(c for c in answer.cookies if c.startswith(gate.COOKIE)).lower()
    parts = {part.strip() for part in found.split(";")[1:]}
    assert parts >= {"httponly", "samesite=lax", "path=/"}
    assert ("secure" in parts) == secure
    assert not [part for part in parts if part.startswith("domain")]


@pytest.mark.parametrize(
    ("wanted", "target"),
    [
        ("/assets?id=7", "/assets?id=7"), ("//elsewhere.example", "/"), ("https://elsewhere.example/", "/"), ("/\\elsewhere.example", "/"),
        ("/\t/elsewhere.example", "/"), ("javascript:alert(1)", "/"), ("\\\\elsewhere.example", "/"), ("/auth/login", "/"),
        ("/x\r\nSet-Cookie: a=b", "/"), ("", "/"), ("///elsewhere.example", "/"), ("http:/elsewhere.example", "/"),
    ],
)  # fmt: skip
def test_after_signing_in_one_lands_on_this_server_and_nowhere_else(house, wanted, target):
    answer = signed_in(house, query=urlencode({"next": wanted}))
    assert (answer.status, answer.headers["location"]) == (303, target)


def test_an_address_asked_for_before_signing_in_is_gone_on_to(house):
    sent = house.ask("/assets", headers=HTML, query="id=%E6%9D%86&q=a%26b")
    assert sent.headers["location"] == "/auth/login?next=%2Fassets%3Fid%3D%25E6%259D%2586%26q%3Da%2526b"


def test_the_start_page_by_its_own_name_leads_to_where_it_answers(house):
    cookies = cookie_of(signed_in(house))
    answer = house.ask("/overview", headers=HTML, cookies=cookies, query="id=1")
    assert (answer.status, answer.headers["location"]) == (303, "/?id=1")
    assert house.ask("/layers/districts", headers=HTML, cookies=cookies).status == 200


def test_headers_that_claim_somebody_are_nobodys_word(house):
    claims = {"remote-user": "one", "x-forwarded-user": "one", "x-remote-user": "one", "x-auth-request-user": "one",
        "X-Auth-Request-Email": "one@x", "x-webauth-user": "one"}  # fmt: skip
    for name, value in claims.items():
        assert house.ask("/layers/assets", headers={name: value}).status == 401
    kept = gate.without_claims(
        [(k.encode(), v.encode()) for k, v in {**claims, "x-forwarded-for": "1.2.3.4", "cookie": "a"}.items()]
    )
    assert [name for name, _ in kept] == [b"x-forwarded-for", b"cookie"]


def test_a_one_time_password_opens_nothing_until_it_is_changed(house):
    entered = signed_in(house, "fresh", house.told)
    cookies = cookie_of(entered)
    assert house.ask("/layers/districts", cookies=cookies).status == 401
    assert house.ask("/", cookies=cookies, headers=HTML).headers["location"] == gate.PASSWORD
    assert handshake(house, cookies, **OWN) == ["websocket.close"]
    token, with_form = form_of(house, gate.PASSWORD, cookies)
    good = {"form": token, "old": house.told, "new": PASSWORD, "again": PASSWORD}
    for bad in ({"again": "something else 1"}, {"new": "short", "again": "short"}, {"old": "wrong"}):
        refused = house.ask(gate.PASSWORD, method="POST", cookies=with_form, headers=OWN, form=good | bad)
        assert refused.status in {400, 403}
        assert 'role="alert"' in refused.text
    changed = house.ask(gate.PASSWORD, method="POST", cookies=with_form, headers=OWN, form=good)
    assert changed.status == 303
    assert house.ask("/layers/districts", cookies=cookies).status == 401
    assert house.ask("/layers/districts", cookies=cookie_of(changed)).status == 200


def test_several_roles_are_chosen_from_and_switching_ends_the_old_sign_in(house):
    cookies = cookie_of(signed_in(house, "both"))
    assert house.ask("/", cookies=cookies, headers=HTML).headers["location"] == gate.ROLE
    token, with_form = form_of(house, gate.ROLE, cookies)
    forged = house.ask(gate.ROLE, method="POST", cookies=with_form, headers=OWN, form={"form": token, "role": "leader"})
    assert forged.status == 403
    chosen = house.ask(
        gate.ROLE, method="POST", cookies=with_form, headers=OWN, form={"form": token, "role": "coordinator"}
    )
    assert chosen.status == 303
    assert people.identify(house.db, cookie_of(chosen)[gate.COOKIE], now=session.now()).role == "coordinator"
    assert house.ask("/layers/districts", cookies=cookies).status == 401


def test_every_answer_keeps_browsers_from_guessing_framing_and_telling(house):
    for answer in (house.ask("/layers/assets"), house.ask(gate.LOGIN), house.ask("/healthz")):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "frame-ancestors" in answer.headers["content-security-policy"]
        assert answer.headers["referrer-policy"] == "same-origin"
    page = house.ask(gate.LOGIN)
    assert "script" not in page.text
    assert page.headers["cache-control"] == "no-store"
    assert not re.search(r"https?://", page.text)


def test_the_name_of_the_district_cannot_break_the_sign_in_page(house):
    named = settings.Settings(
        house.db.settings.folder, {**house.db.settings.values, "district.name": "<img src=x>${title}"}
    )
    db = type(house.db)(house.db.engine, named)
    before = Middleware(gate.Gate, db=db, clock=session.now)
    shown = Asker(Starlette(routes=serve.routes(db), middleware=[before]))(gate.LOGIN).text
    assert "<img" not in shown
    assert "&lt;img src=x&gt;${title}" in shown


def test_demonstration_accounts_are_told_once_and_never_served_to_others(district, now):
    elsewhere = ["0.0.0.0", "192.168.1.5", "siting.example", "::"]  # noqa: S104 - nobody listens
    for host in elsewhere:
        with pytest.raises(BadInput):
            entrance.first_start(district, host=host, now=now)
    assert not people.any_accounts(district)
    first = "\n".join(entrance.first_start(district, host="localhost", now=now))
    again = "\n".join(entrance.first_start(district, host="::1", now=now))
    secrets = re.findall(r"\b\w{4}-\w{4}-\w{4}-\w{4}\b", first)
    assert len(secrets) == 13
    assert not [s for s in secrets if s in again]
    assert "siting user password" in again
    for host in elsewhere:
        with pytest.raises(BadInput):
            entrance.first_start(district, host=host, now=now)


def test_a_district_of_its_own_starts_with_one_administrator_whose_password_must_be_changed(district, now):
    real = settings.Settings(district.settings.folder, {**district.settings.values, "district.synthetic": False})
    own = type(district)(district.engine, real)
    (line,) = entrance.first_start(own, host="0.0.0.0", now=now)  # noqa: S104 - nobody listens
    password = re.search(r"\w{4}-\w{4}-\w{4}-\w{4}", line)[0]
    standing = people.standing(own, people.sign_in(own, "admin", password, now=now), now=now)
    assert (standing.pending, standing.account.roles) == ("password", ("system_admin",))


def test_streamlit_keeps_its_own_protection_too():
    given = serve.options(host="127.0.0.1", port=1)
    assert given["server.enableXsrfProtection"]
    assert given["server.enableCORS"]
    assert config.get_option("server.enableXsrfProtection")
