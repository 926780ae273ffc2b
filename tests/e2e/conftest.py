"""A running app on one's own copy of the small district, and a browser that notices everything."""

import os
import shutil
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from siting import settings
from siting.access import local_admin
from siting.actions import people
from siting.store.database import open_database

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# A deep link makes Streamlit's own script look for the server beside the page first; both answers are expected.
PASSWORD = "in-the-browser-12"  # noqa: S105 - made up
PEOPLE = {
    "planner": {"roles": ["planner"], "org": "南开区商务局"},
    "coordinator": {"roles": ["coordinator"], "org": "南开区商务局"},
    "cmcc": {"roles": ["operator"], "org": "中国移动通信集团天津有限公司"},
    "ctc": {"roles": ["operator"], "org": "中国电信股份有限公司天津分公司"},
    "agency": {"roles": ["agency"], "org": "南开区城市管理委员会"},
    "street": {"roles": ["street"], "org": "长虹街道办事处"},
    "admin": {"roles": ["system_admin"], "org": "南开区数据局"},
}
EXPECTED = ("/_stcore/health", "/_stcore/host-config")


@dataclass
class Watch:
    """What a page asked for and what went wrong."""

    own: str
    hosts: set = field(default_factory=set)
    trouble: list = field(default_factory=list)

    def on(self, page):
        page.on(
            "request", lambda r: self.hosts.add(r.url.split("/")[2] if r.url.startswith(("http", "ws")) else self.own)
        )
        page.on("requestfailed", self._failed)
        page.on("response", self._response)
        page.on("console", self._console)
        page.on("pageerror", lambda e: self.trouble.append(f"error {e}"))
        page.on("dialog", lambda d: (self.trouble.append(f"dialog {d.message}"), d.dismiss()))
        return page

    def _failed(self, request):
        """What the browser itself gave up because the map or the person moved on is no trouble."""
        if request.failure != "net::ERR_ABORTED":
            self.trouble.append(f"failed {request.url} {request.failure}")

    def _response(self, response):
        if response.status >= 400 and not response.url.endswith(EXPECTED):
            self.trouble.append(f"{response.status} {response.url}")

    def _console(self, message):
        place = (message.location or {}).get("url", "")
        if message.type == "error" and not place.endswith(EXPECTED):
            self.trouble.append(f"console {message.text} {place}")

    def quiet(self):
        assert self.hosts <= {self.own}
        assert self.trouble == []


@pytest.fixture(scope="module")
def chromium():
    if not Path(CHROMIUM).exists():
        pytest.skip("Chromium is not installed")
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@dataclass(frozen=True)
class Server:
    """A server of one's own: its address, the district's folder, and who has an account there."""

    address: str
    folder: Path


def accounts(folder, people_wanted):
    """Accounts before the server starts: name -> roles, organisation and options of `people.add_account`."""
    db = open_database(settings.load(folder))
    clock = datetime.now(UTC).astimezone()
    for name, wanted in people_wanted.items():
        people.add_account(db, local_admin(source="cli"), name=name, password=PASSWORD, now=clock, **wanted)
    db.engine.dispose()


def _serving(small_project, where):
    """Give a function that starts servers on copies of a district; all of them stop afterwards."""
    started = []

    def start(people_wanted=PEOPLE, folder=small_project):
        own = where / f"district{len(started)}"
        shutil.copytree(folder, own)
        accounts(own, people_wanted)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        code = (
            "import sys; from pathlib import Path; from siting import serve, settings;"
            f"serve.run(settings.load(Path({str(own)!r})), host='127.0.0.1', port={port})"
        )
        process = subprocess.Popen(
            [sys.executable, "-c", code],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ},
        )
        started.append(process)
        assert any(f"127.0.0.1:{port}" in line for line in process.stdout)
        return Server(f"127.0.0.1:{port}", own)

    yield start
    for process in started:
        process.send_signal(signal.SIGTERM)
        process.wait(20)
        process.stdout.close()


@pytest.fixture
def serving(small_project, tmp_path):
    """Start a server on a copy of a district: ``serving(PEOPLE, folder=…) -> Server``; stopped after the test."""
    yield from _serving(small_project, tmp_path)


@pytest.fixture(scope="module")
def one_server(small_project, tmp_path_factory):
    """One server with the accounts of `PEOPLE` for all tests of a module that leave it as they found it."""
    parts = _serving(small_project, tmp_path_factory.mktemp("served"))
    start = next(parts)
    yield start()
    next(parts, None)


@pytest.fixture
def server(serving):
    """A server with the accounts of `PEOPLE`."""
    return serving()


@pytest.fixture
def app(server):
    """Address of a server of one's own."""
    return server.address


@pytest.fixture
def sign_in(app):
    """Sign in by the form: ``sign_in(page, name)``; lands on the page asked for before, else on the first one."""

    def signed(page, name, password=PASSWORD, *, address=app):
        if "/auth/login" not in page.url:
            page.goto(f"http://{address}/auth/login")
        page.locator("input[name=name]").fill(name)
        page.locator("input[name=password]").fill(password)
        page.locator("main button").first.click()
        page.wait_for_url(lambda url: "/auth/login" not in url)
        return page

    return signed


@pytest.fixture
def person(chromium, watch, sign_in):
    """A browser of one's own for each of several people: ``person("ctc") -> page`` signed in on the same server."""
    contexts = []

    def opened(name, *, size=(1366, 768), address=None):
        context = chromium.new_context(
            viewport={"width": size[0], "height": size[1]}, accept_downloads=True, locale="zh-CN"
        )
        contexts.append(context)
        page = watch.on(context.new_page())
        return sign_in(page, name, **({} if address is None else {"address": address}))

    yield opened
    for context in contexts:
        context.close()


@pytest.fixture
def watch(app):
    return Watch(app)


@pytest.fixture(params=[(1366, 768)], ids=["desk"])
def page(chromium, watch, request, tmp_path):
    """A page at the size of an office screen; its last state stays as a picture beside the test's files."""
    width, height = request.param
    context = chromium.new_context(viewport={"width": width, "height": height}, accept_downloads=True, locale="zh-CN")
    opened = context.new_page()
    yield watch.on(opened)
    opened.screenshot(path=tmp_path / "last.png", full_page=True)
    context.close()
