"""The server: pages, tiles, features and Leaflet in one process, and one worker process beside it.

`run` is the only place that knows them all.
"""

from __future__ import annotations

import asyncio
import gc
import os
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import partial
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from types import MappingProxyType

import streamlit as st
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from siting import words
from siting.access import local_admin
from siting.actions import layers as actions
from siting.errors import BadInput, NotAllowed, NotFound, SitingError, Unavailable
from siting.maps import export, layers, vendor
from siting.maps.mercator import Tile
from siting.settings import Settings
from siting.store.database import Database, open_database
from siting.ui import entrance, gate, mapview, navigation, session, signin
from siting.ui.drawn import Drawer, Memory
from siting.ui.gate import Gate

APP = Path(__file__).resolve().parents[1] / "app.py"
COLLECT_EVERY_S = 180.0
STOP_WITHIN_S = 5.0
ANSWER_WITHIN_S = 60.0
FOR_GOOD = "public, max-age=31536000, immutable"
PRIVATE = "private, max-age=31536000, immutable"
FRESH = "private, no-cache"
TYPES: Mapping[str, str] = MappingProxyType(
    {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".png": "image/png"}
)
STATUS: Mapping[type[SitingError], int] = MappingProxyType(
    {BadInput: 400, NotFound: 404, NotAllowed: 403, Unavailable: 503}
)


def run(settings: Settings, *, host: str | None = None, port: int | None = None) -> None:
    """Serve a district until stopped; prints the address as soon as it answers.

    Parameters
    ----------
    settings : Settings
        The district.
    host, port : str, int, optional
        Where to listen; the district's settings say it where nothing is given.
    """
    host, port = host or settings.text("app.host"), settings.whole("app.port") if port is None else port
    sys.stdout.writelines(
        f"{line}\n" for line in entrance.first_start(open_database(settings), host=host, now=session.now())
    )
    sys.stdout.flush()
    os.environ[session.PROJECT_VARIABLE] = str(settings.folder.resolve())
    navigation.only_declared_pages()
    export.disarm()
    threading.Thread(target=_announce, args=(host, port, settings), daemon=True).start()
    application(settings).run(config=options(host=host, port=port))


def options(*, host: str, port: int) -> dict[str, object]:
    """Streamlit's settings: nothing leaves the machine, no watching of files, no collection after every rerun."""
    return {
        "server.address": host,
        "server.port": port,
        "server.headless": True,
        "server.fileWatcherType": "none",
        "runner.magicEnabled": False,
        "runner.postScriptGC": False,
        "browser.gatherUsageStats": False,
        "client.showErrorDetails": "none",
        "client.toolbarMode": "minimal",
        "client.showSidebarNavigation": True,
        "server.maxUploadSize": 200,
        "server.enableXsrfProtection": True,
        "server.enableCORS": True,
        "logger.level": "warning",
        "logger.hideWelcomeMessage": True,
        "theme.base": "light",
        "theme.primaryColor": "#0072B2",
    }


def application(settings: Settings) -> st.App:
    """The ASGI application of a district.

    Parameters
    ----------
    settings : Settings
        The district; its folder must be named in the environment as well, where the pages look for it.
    """
    db = open_database(settings)
    before = Middleware(Gate, db=db, clock=session.now, start=navigation.start)
    return st.App(APP, routes=routes(db), middleware=[before], lifespan=partial(_lifespan, settings.folder))


def routes(db: Database) -> list[Route]:
    """Our own addresses beside those of the pages; the gate before them says who asks."""
    memory = Memory()
    return [
        Route("/healthz", partial(_health, db)),
        Route("/vendor/map/{version}/{name}", _script),
        Route("/vendor/{name:path}", _vendor),
        Route("/tiles/{layer}/{z:int}/{x:int}/{y:int}.png", _answering(partial(_tile, db, memory))),
        Route("/layers/{layer}", _answering(partial(_layer, db, memory))),
        *signin.routes(signin.Desk(db, session.now)),
    ]


def _health(db: Database, _request: Request) -> Response:
    actions.revision(db, local_admin(source="system"), "assets")
    return JSONResponse({"status": "ok", "district": db.settings.name})


def _vendor(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in vendor.FILES:
        return Response(status_code=404)
    return Response(
        vendor.read(name), media_type=TYPES[Path(name).suffix], headers={"Cache-Control": "public, max-age=86400"}
    )


def _script(request: Request) -> Response:
    path = mapview.SCRIPTS.get(request.path_params["name"])
    if path is None:
        return Response(status_code=404)
    return Response(path.read_bytes(), media_type=TYPES[".js"], headers={"Cache-Control": FOR_GOOD})


def _tile(db: Database, memory: Memory, request: Request) -> Response:
    place = Tile(request.path_params["z"], request.path_params["x"], request.path_params["y"])
    drawer = Drawer(db, gate.actor_of(request), memory)
    image = drawer.tile(request.path_params["layer"], place, run_id=request.query_params.get("run"))
    return Response(image, media_type="image/png", headers=_own(request))


def _layer(db: Database, memory: Memory, request: Request) -> Response:
    text = request.query_params.get("bbox")
    box = layers.parse_box(text) if text else None
    drawer = Drawer(db, gate.actor_of(request), memory)
    found = drawer.features(request.path_params["layer"], box=box, run_id=request.query_params.get("run"))
    return JSONResponse(found, media_type="application/geo+json", headers=_own(request))


def _own(request: Request) -> dict[str, str]:
    """One person's own answer: kept by their browser alone, for good where the address names the version of the data."""
    return {"Cache-Control": PRIVATE if request.query_params.get("v") else FRESH, "Vary": "Cookie"}


def _answering(handle: Callable[[Request], Response]) -> Callable[[Request], Response]:
    """Errors meant for people become status codes with their sentence."""

    def answer(request: Request) -> Response:
        try:
            return handle(request)
        except SitingError as error:
            status = next((code for kind, code in STATUS.items() if isinstance(error, kind)), 500)
            return JSONResponse({"error": error.key, "message": error.message()}, status_code=status)

    return answer


@asynccontextmanager
async def _lifespan(folder: Path, _app: st.App) -> AsyncIterator[dict[str, object]]:
    gc.collect()
    gc.freeze()
    collector = asyncio.create_task(_collect())
    with worker(folder):
        yield {}
    collector.cancel()
    with suppress(asyncio.CancelledError):
        await collector


@contextmanager
def worker(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """One worker process for long runs, stopped at the end of the block.

    Parameters
    ----------
    folder : Path
        The district's folder.
    """
    process = subprocess.Popen([sys.executable, "-m", "siting.actions.worker", str(folder.resolve())])  # noqa: S603 - our own interpreter and module
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


async def _collect() -> None:
    while True:
        await asyncio.sleep(COLLECT_EVERY_S)
        gc.collect()


def _announce(host: str, port: int, settings: Settings) -> None:
    """Print the address once it answers: earlier it would be a promise."""
    limit = time.monotonic() + ANSWER_WITHIN_S
    while time.monotonic() < limit:
        with suppress(OSError, HTTPException):
            connection = HTTPConnection(host, port, timeout=2)
            connection.request("GET", "/healthz")
            if connection.getresponse().status == HTTPStatus.OK:
                text = words.say(
                    "ui.serve.ready",
                    lang=settings.text("app.language"),
                    name=settings.name,
                    address=f"http://{host}:{port}",
                )
                sys.stdout.write(f"{text}\n")
                sys.stdout.flush()
                return
        time.sleep(0.1)
