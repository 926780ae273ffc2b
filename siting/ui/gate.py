"""The gate before every address and the websocket: who asks, from where, and may they come in at all."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from siting import words
from siting.access import Actor
from siting.actions import people
from siting.actions.people import Standing
from siting.errors import NotAllowed
from siting.store.database import Database

COOKIE = "siting_session"
LOGIN, PASSWORD, ROLE, LOGOUT, STYLE = "/auth/login", "/auth/password", "/auth/role", "/auth/logout", "/auth/signin.css"
# What answers without a sign-in; our own pages behind /auth ask for theirs themselves.
OPEN = frozenset({"/healthz", LOGIN, PASSWORD, ROLE, LOGOUT, STYLE})
PENDING = {"password": PASSWORD, "role": ROLE}
HARMLESS = frozenset({"GET", "HEAD"})
# Names under which a proxy would tell who somebody is: from outside they are nobody's word.
CLAIMED = re.compile(
    rb"x-auth-request-.*|(x-)?remote-(user|name|email|groups?)|x-(forwarded|webauth|authenticated)-(user|name|email|groups?)"
)
STANDING = "siting.standing"
POLICY_VIOLATION = 1008
PROTECTION = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"SAMEORIGIN"),
    (b"referrer-policy", b"same-origin"),
)
FRAMES = (b"content-security-policy", b"frame-ancestors 'self'")

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]


@dataclass(frozen=True)
class Gate:
    """ASGI middleware around the whole application.

    Parameters
    ----------
    app : callable
        What lies behind.
    db : Database
        The district whose sign-ins count.
    clock : callable
        The time now.
    start : callable
        Name of a person's start page: it answers at ``/`` only, so its own name leads there.
    """

    app: Asgi
    db: Database
    clock: Callable[[], datetime]
    start: Callable[[Actor], str] = lambda _: ""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, one websocket, or the life of the server."""
        if scope["type"] not in {"http", "websocket"}:
            await self.app(scope, receive, send)
            return
        scope = {**scope, "headers": without_claims(scope["headers"])}
        scope.pop(STANDING, None)
        send = send if scope["type"] == "websocket" else protected(send)
        refusal = await self._refusal(scope)
        if refusal is None:
            await self.app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": POLICY_VIOLATION, "reason": ""})
        else:
            await refusal(scope, receive, send)

    async def _refusal(self, scope: Scope) -> Response | None:
        """What is answered instead; None lets the request through, with its person in the scope."""
        lang = self.db.settings.text("app.language")
        if foreign(scope):
            return said("people.foreign", HTTPStatus.FORBIDDEN, lang)
        token = HTTPConnection(scope).cookies.get(COOKIE, "")
        standing = await run_in_threadpool(people.standing, self.db, token, now=self.clock()) if token else None
        scope[STANDING] = standing
        if scope["path"] in OPEN and scope["type"] == "http":
            return None
        if standing is not None and not standing.pending:
            return self._to_start(scope, standing)
        if scope["type"] == "http" and navigates(scope):
            return RedirectResponse(_door(scope, standing), HTTPStatus.SEE_OTHER)
        return said("people.not_signed_in", HTTPStatus.UNAUTHORIZED, lang)

    def _to_start(self, scope: Scope, standing: Standing) -> Response | None:
        """The way to ``/`` where a browser names the start page; None for every other place."""
        actor = standing.actor
        if actor is None or scope["type"] != "http" or not navigates(scope) or scope["path"] != f"/{self.start(actor)}":
            return None
        query = scope["query_string"].decode("latin-1")
        return RedirectResponse(f"/?{query}" if query else "/", HTTPStatus.SEE_OTHER)


def standing_of(request: Request) -> Standing | None:
    """The sign-in that the gate found for a request."""
    found: Standing | None = request.scope.get(STANDING)
    return found


def actor_of(request: Request) -> Actor:
    """The person of a request.

    Raises
    ------
    NotAllowed
        If nobody is signed in.
    """
    found = standing_of(request)
    actor = None if found is None else found.actor
    if actor is None:
        raise NotAllowed("people.not_signed_in")
    return actor


def own_path(wanted: str | None) -> str:
    """A place on this server to go on to; the start page for anything that could lead elsewhere.

    >>> own_path("/assets?id=1"), own_path("//elsewhere.example/"), own_path("https://elsewhere.example/")
    ('/assets?id=1', '/', '/')
    """
    text = wanted or "/"
    if not text.startswith("/") or text.startswith("//") or re.search(r"[\\\s\x00-\x20\x7f]", text):
        return "/"
    parts = urlsplit(text)
    if parts.scheme or parts.netloc or parts.path.startswith("/auth/"):
        return "/"
    return text


def without_claims(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Headers without those that claim to know who somebody is."""
    return [(name, value) for name, value in headers if not CLAIMED.fullmatch(name.lower())]


def foreign(scope: Scope) -> bool:
    """Whether a page of another site asks: a websocket must name its origin, what changes anything may not name another."""
    if scope["type"] == "http" and scope["method"] in HARMLESS:
        return False
    headers = Headers(raw=scope["headers"])
    origin = headers.get("origin")
    if origin is None:
        return scope["type"] == "websocket" or headers.get("sec-fetch-site", "same-origin") not in {
            "same-origin",
            "none",
        }
    parts = urlsplit(origin)
    secure = scope["scheme"] in {"https", "wss"}
    return parts.scheme not in {"http", "https"} or _place(parts.netloc, secure) != _place(
        headers.get("host", ""), secure
    )


def navigates(scope: Scope) -> bool:
    """Whether a browser opens a page, rather than a script or picture asking for data."""
    headers = Headers(raw=scope["headers"])
    opens = headers.get("sec-fetch-mode", "navigate") == "navigate"
    return scope["method"] in HARMLESS and opens and "text/html" in headers.get("accept", "")


def protected(send: Send) -> Send:
    """Send with the headers that keep a browser from guessing types, framing us elsewhere and telling where it was."""

    async def sending(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            given = list(message.get("headers", []))
            named = {name.lower() for name, _ in given}
            own = [pair for pair in (*PROTECTION, FRAMES) if pair[0] not in named]
            message = {**message, "headers": [*given, *own]}
        await send(message)

    return sending


def said(key: str, status: HTTPStatus, lang: str) -> Response:
    """A refusal as one sentence."""
    return JSONResponse({"error": key, "message": words.say(key, lang=lang)}, status, {"Cache-Control": "no-store"})


def _door(scope: Scope, standing: Standing | None) -> str:
    """The page that has to be passed first."""
    if standing is not None:
        return PENDING[standing.pending]
    query = scope["query_string"].decode("latin-1")
    wanted = own_path(quote(scope["path"]) + (f"?{query}" if query else ""))
    return LOGIN if wanted == "/" else f"{LOGIN}?next={quote(wanted, safe='')}"


def _place(netloc: str, secure: bool) -> str:  # noqa: FBT001 - a private helper of one comparison
    """Host and port, the usual port left out."""
    return netloc.lower().removesuffix(":443" if secure else ":80")
