"""A running app on one's own copy of the small district, and a browser that notices everything."""

import os
import shutil
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

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


@pytest.fixture(scope="session")
def chromium():
    if not Path(CHROMIUM).exists():
        pytest.skip("Chromium is not installed")
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def app(small_project, tmp_path):
    """Address of a server of one's own."""
    folder = tmp_path / "district"
    shutil.copytree(small_project, folder)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    code = (
        "import sys; from pathlib import Path; from siting import serve, settings;"
        f"serve.run(settings.load(Path({str(folder)!r})), host='127.0.0.1', port={port})"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env={**os.environ}
    )
    assert f"127.0.0.1:{port}" in process.stdout.readline()
    yield f"127.0.0.1:{port}"
    process.send_signal(signal.SIGTERM)
    process.wait(20)
    process.stdout.close()


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
