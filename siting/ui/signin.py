"""The plain pages before the app: sign in, change the password, choose a role, sign out.

They are HTML of our own, without scripts, so that nothing of the app answers before somebody is known.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache, partial
from html import escape
from http import HTTPStatus
from pathlib import Path
from string import Template
from types import MappingProxyType
from urllib.parse import parse_qs, urlencode

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from siting import words
from siting.actions import people
from siting.errors import BadInput, NotAllowed, SitingError
from siting.store.database import Database
from siting.ui import gate
from siting.ui.gate import LOGIN, LOGOUT, PASSWORD, ROLE, STYLE

HERE = Path(__file__).parent
CSRF_COOKIE, CSRF_FIELD = "siting_form", "form"
MOST_BYTES = 8192
POLICY = (
    "default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
TITLES: Mapping[str, str] = MappingProxyType({LOGIN: "login", PASSWORD: "change", ROLE: "role"})
Fields = Mapping[str, str]


@dataclass(frozen=True)
class Desk:
    """What the pages work with.

    Parameters
    ----------
    db : Database
        The district.
    clock : callable
        The time now.
    turn : Semaphore
        Comparing passwords takes memory: two at a time.
    """

    db: Database
    clock: Callable[[], datetime]
    turn: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(2))

    def say(self, key: str, **values: object) -> str:
        """A sentence in the district's language, safe within HTML."""
        return escape(words.say(key, lang=self.db.settings.text("app.language"), **values))


@dataclass(frozen=True)
class Page:
    """One page: its form, and what a good form does.

    Parameters
    ----------
    path : str
        Its address.
    shown : callable
        ``shown(desk, request) -> html`` of the form's fields.
    done : callable
        ``done(desk, request, fields) -> token``; raises for a refusal.
    signed_in : bool
        Whether somebody must be signed in already.
    """

    path: str
    shown: Callable[[Desk, Request], str]
    done: Callable[[Desk, Request, Fields], str]
    signed_in: bool


def routes(desk: Desk) -> list[Route]:
    """The addresses under ``/auth``."""
    pages = [
        Page(LOGIN, _login_fields, _log_in, signed_in=False),
        Page(PASSWORD, _password_fields, _change, signed_in=True),
        Page(ROLE, _role_fields, _choose, signed_in=True),
    ]
    own = [Route(page.path, _handler(desk, page), methods=["GET", "POST"]) for page in pages]
    leave = Page(LOGOUT, _nothing, _log_out, signed_in=True)
    return [*own, Route(LOGOUT, _handler(desk, leave), methods=["POST"]), Route(STYLE, _style)]


def form_token(desk: Desk, nonce: str, session: str) -> str:
    """What a form must carry to be believed: only this server makes it, for one browser and one sign-in."""
    text = f"form\0{nonce}\0{session}".encode()
    return hmac.new(desk.db.key(), text, hashlib.sha256).hexdigest()


def _handler(desk: Desk, page: Page) -> Callable[[Request], Awaitable[Response]]:
    async def handle(request: Request) -> Response:
        if page.signed_in and gate.standing_of(request) is None:
            return RedirectResponse(LOGIN, HTTPStatus.SEE_OTHER)
        if request.method != "POST":
            return await run_in_threadpool(_answer, desk, page, request)
        try:
            fields = await _fields(desk, request)
            async with desk.turn:
                token = await run_in_threadpool(page.done, desk, request, fields)
        except SitingError as error:
            status = HTTPStatus.FORBIDDEN if isinstance(error, NotAllowed) else HTTPStatus.BAD_REQUEST
            return await run_in_threadpool(_answer, desk, page, request, status=status, error=error)
        return _gone(request, page, token)

    return handle


async def _fields(desk: Desk, request: Request) -> Fields:
    """The form, if it is one of ours."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > MOST_BYTES:
            raise BadInput("people.too_long")
    given = {
        name: values[-1] for name, values in parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True).items()
    }
    nonce = request.cookies.get(CSRF_COOKIE, "")
    wanted = form_token(desk, nonce, _session(request))
    if not nonce or not hmac.compare_digest(wanted.encode(), given.get(CSRF_FIELD, "").encode()):
        raise NotAllowed("people.stale_form")
    return given


def _answer(
    desk: Desk,
    page: Page,
    request: Request,
    *,
    status: HTTPStatus = HTTPStatus.OK,
    error: SitingError | None = None,
) -> Response:
    """A page with a form that this browser may send."""
    if page.path == LOGOUT:
        return RedirectResponse(LOGIN, HTTPStatus.SEE_OTHER)
    nonce = request.cookies.get(CSRF_COOKIE) or secrets.token_urlsafe(24)
    token = form_token(desk, nonce, _session(request))
    lang = desk.db.settings.text("app.language")
    forms = [_form(_address(request, page), page.shown(desk, request), token)]
    if page.signed_in:
        forms.append(_form(LOGOUT, f'<button class="quiet">{desk.say("ui.signin.logout")}</button>', token))
    text = _template().substitute(
        lang=lang.replace("_", "-"),
        title=desk.say(f"ui.signin.{TITLES[page.path]}"),
        district=escape(desk.db.settings.name),
        style=STYLE,
        notes=_notes(desk, page, request, error, lang),
        forms="\n".join(forms),
    )
    headers = {"Content-Security-Policy": POLICY, "Cache-Control": "no-store"}
    response = Response(text, status, headers, media_type="text/html; charset=utf-8")
    _set_cookie(response, request, CSRF_COOKIE, nonce)
    return response


def _gone(request: Request, page: Page, token: str) -> Response:
    """On to where the person wanted to go, with the new sign-in."""
    target = LOGIN if page.path == LOGOUT else gate.own_path(request.query_params.get("next"))
    response = RedirectResponse(target, HTTPStatus.SEE_OTHER, {"Cache-Control": "no-store"})
    if token:
        _set_cookie(response, request, gate.COOKIE, token)
    else:
        response.delete_cookie(gate.COOKIE, path="/", httponly=True, samesite="lax")
    return response


def _set_cookie(response: Response, request: Request, name: str, value: str) -> None:
    secure = request.scope["scheme"] == "https"
    response.set_cookie(name, value, path="/", httponly=True, samesite="lax", secure=secure)


def _session(request: Request) -> str:
    standing = gate.standing_of(request)
    return "" if standing is None else standing.session


def _address(request: Request, page: Page) -> str:
    wanted = gate.own_path(request.query_params.get("next"))
    return page.path if wanted == "/" else f"{page.path}?{urlencode({'next': wanted})}"


def _notes(desk: Desk, page: Page, request: Request, error: SitingError | None, lang: str) -> str:
    """Why nothing was done, and what has to be done first."""
    standing = gate.standing_of(request)
    first = page.path == PASSWORD and standing is not None and standing.pending == "password"
    notes = [f'<p class="note">{desk.say("ui.signin.must_change")}</p>'] if first else []
    if error is not None:
        notes.append(f'<p class="refused" role="alert">{escape(error.message(lang))}</p>')
    return "".join(notes)


def _form(action: str, inside: str, token: str) -> str:
    hidden = f'<input type="hidden" name="{CSRF_FIELD}" value="{token}">'
    return f'<form method="post" action="{escape(action)}">{hidden}{inside}</form>'


def _input(desk: Desk, name: str, kind: str, complete: str) -> str:
    said = desk.say(f"ui.signin.{name}")
    return (
        f'<label>{said}<input type="{kind}" name="{name}" autocomplete="{complete}" maxlength="200" required></label>'
    )


def _login_fields(desk: Desk, _request: Request) -> str:
    fields = _input(desk, "name", "text", "username") + _input(desk, "password", "password", "current-password")
    return f"{fields}<button>{desk.say('ui.signin.login')}</button>"


def _log_in(desk: Desk, request: Request, fields: Fields) -> str:
    token = people.sign_in(desk.db, fields.get("name", "").strip(), fields.get("password", ""), now=desk.clock())
    people.sign_out(desk.db, request.cookies.get(gate.COOKIE, ""), now=desk.clock())
    return token


def _password_fields(desk: Desk, _request: Request) -> str:
    kinds = {"old": "current-password", "new": "new-password", "again": "new-password"}
    fields = "".join(_input(desk, name, "password", complete) for name, complete in kinds.items())
    return f"{fields}<button>{desk.say('ui.signin.change')}</button>"


def _change(desk: Desk, request: Request, fields: Fields) -> str:
    if fields.get("new") != fields.get("again"):
        raise BadInput("people.password_differ")
    token = request.cookies.get(gate.COOKIE, "")
    return people.change_password(desk.db, token, fields.get("old", ""), fields.get("new", ""), now=desk.clock())


def _role_fields(desk: Desk, request: Request) -> str:
    standing = gate.standing_of(request)
    roles = () if standing is None else standing.account.roles
    if not roles:
        return f'<p class="note">{desk.say("ui.signin.no_role")}</p>'
    button = partial('<button name="role" value="{}">{}</button>'.format)
    return "".join(button(escape(role), desk.say(f"people.role.{role}")) for role in roles)


def _choose(desk: Desk, request: Request, fields: Fields) -> str:
    token = request.cookies.get(gate.COOKIE, "")
    return people.switch_role(desk.db, token, fields.get("role", ""), now=desk.clock())


def _nothing(_desk: Desk, _request: Request) -> str:
    return ""


def _log_out(desk: Desk, request: Request, _fields: Fields) -> str:
    people.sign_out(desk.db, request.cookies.get(gate.COOKIE, ""), now=desk.clock())
    return ""


def _style(_request: Request) -> Response:
    return Response(
        (HERE / "signin.css").read_bytes(), media_type="text/css", headers={"Cache-Control": "max-age=3600"}
    )


@cache
def _template() -> Template:
    return Template((HERE / "signin.html").read_text(encoding="utf-8"))
