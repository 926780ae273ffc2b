import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from io import BytesIO

import numpy as np
import pytest
from PIL import Image
from starlette.applications import Starlette

from siting import serve, settings
from siting.access import Actor, local_admin
from siting.actions import coverage, runs
from siting.maps.mercator import tile_xy
from siting.store import layers
from siting.store import runs as run_rows
from siting.ui import mapview, session
from siting.ui.drawn import Drawer

MIDDLE = (117.15, 39.126)
PATIENCE_S = 60  # a busy machine is slow, not wrong


@pytest.fixture
def drawer(district):
    return Drawer(district, local_admin(source="page"))


@pytest.fixture
def asked_by(district, client_of, monkeypatch):
    """Our routes as somebody asks them; the gate before them has tests of its own."""

    def made(person):
        monkeypatch.setattr(serve.gate, "actor_of", lambda _request: person)
        return client_of(Starlette(routes=serve.routes(district)))

    return made


@pytest.fixture
def client(asked_by):
    return asked_by(local_admin(source="page"))


def tile_at(zoom, lon=MIDDLE[0], lat=MIDDLE[1]):
    x, y = tile_xy(lon, lat, zoom=zoom)
    return f"{zoom}/{int(x)}/{int(y)}.png"


def alpha(answer):
    return np.asarray(Image.open(BytesIO(answer.content)).convert("RGBA"))[..., 3]


def test_the_server_says_that_it_is_well_and_for_whom(client, district):
    assert client.get("/healthz").json() == {"status": "ok", "district": district.settings.name}


def test_the_basemap_is_drawn_from_the_district_and_kept_on_disk(client, district):
    answer = client.get(f"/tiles/basemap/{tile_at(15)}")
    assert answer.headers["content-type"] == "image/png"
    assert len(Image.open(BytesIO(answer.content)).convert("RGB").getcolors(maxcolors=10_000)) > 5
    assert list((district.settings.cache_folder / "tiles" / "basemap").rglob("*.png"))


def test_an_address_that_names_the_version_may_be_kept_for_good_and_another_not(client):
    kept = client.get(f"/tiles/basemap/{tile_at(15)}?v=1").headers
    assert kept["cache-control"].startswith("private,")
    assert "immutable" in kept["cache-control"]
    assert kept["vary"] == "Cookie"
    assert client.get(f"/tiles/basemap/{tile_at(15)}").headers["cache-control"] == "private, no-cache"


def test_far_out_assets_are_dots_and_a_tile_elsewhere_is_transparent(client):
    assert alpha(client.get(f"/tiles/assets/{tile_at(14)}")).any()
    assert not alpha(client.get(f"/tiles/assets/{tile_at(14, lon=100.0)}")).any()


def test_a_changed_layer_is_drawn_anew(client, drawer, district, now):
    before = drawer.version("assets")
    with district.write() as connection:
        layers.remove(connection, "assets", list(layers.read(district, "assets", columns=())["asset_id"]), now=now)
    assert drawer.version("assets") != before
    assert not alpha(client.get(f"/tiles/assets/{tile_at(14)}")).any()


def test_features_come_by_box_with_exactly_those_that_lie_in_it(client, district):
    whole = client.get("/layers/assets").json()["features"]
    assert len(whole) == layers.count(district, "assets")
    points = {f["properties"]["id"]: f["geometry"]["coordinates"] for f in whole if f["geometry"]["type"] == "Point"}
    west, south, east, north = 117.148, 39.124, 117.152, 39.128
    answer = client.get("/layers/assets", params={"bbox": f"{west},{south},{east},{north}"}).json()["features"]
    got = {f["properties"]["id"] for f in answer}
    assert {k for k, (x, y) in points.items() if west <= x <= east and south <= y <= north} <= got
    margin = 1e-4  # the box of the project CRS around a box in degrees is slightly wider
    assert got & points.keys() <= {
        k
        for k, (x, y) in points.items()
        if west - margin <= x <= east + margin and south - margin <= y <= north + margin
    }


def test_boundaries_come_without_communities(client):
    kinds = {f["properties"]["style"] for f in client.get("/layers/districts").json()["features"]}
    assert kinds == {"district", "street_office"}


def test_a_raster_of_a_finished_run_is_drawn(client, district, now):
    actor = local_admin(source="page")
    run_id = runs.start(
        district, actor, "coverage", coverage.params(district, {"cell_m": 20}), now=now, status="running"
    )
    run = run_rows.get(district, run_id)
    runs.close(
        district,
        actor,
        run,
        coverage.execute(district, actor, run, runs.Reporter(district, run_id, lambda: now)),
        now=now,
    )
    for kind in ("rsrp", "probability", "gap"):
        assert alpha(client.get(f"/tiles/{kind}/{tile_at(15)}?run={run_id}")).any()


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/tiles/no_such/1/0/0.png", 404),
        ("/tiles/basemap/1/5/0.png", 400),
        ("/tiles/gap/1/0/0.png", 404),
        ("/tiles/gap/14/13522/6237.png?run=../../etc/passwd", 404),
        ("/layers/no_such", 404),
        ("/layers/assets?bbox=1,2,3", 400),
        ("/layers/plan", 404),
        ("/vendor/../pyproject.toml", 404),
        ("/vendor/leaflet-src.js", 404),
        ("/vendor/map/x/serve.py", 404),
    ],
)
def test_what_is_not_there_is_refused_with_a_sentence(client, address, status):
    answer = client.get(address)
    assert answer.status_code == status
    assert "Traceback" not in answer.text


def test_somebody_without_permission_gets_no_data(asked_by):
    stranger = asked_by(Actor(id="x", name="x", org="x", role="nobody"))
    for address in ("/layers/assets", f"/tiles/basemap/{tile_at(15)}", f"/tiles/assets/{tile_at(15)}"):
        assert stranger.get(address).status_code == 403


def test_a_street_office_gets_its_own_rows_in_tiles_and_features_after_somebody_who_sees_all(
    asked_by, client, district
):
    own = Actor(id="s", name="s", org="长虹街道办事处", role="street", streets=("长虹街道",))
    address = f"/tiles/assets/{tile_at(14)}"
    everything = client.get(address)
    street = asked_by(own)
    found = street.get("/layers/assets").json()["features"]
    rows = layers.read(district, "assets")
    assert {f["properties"]["id"] for f in found} == set(rows.loc[rows["street_office"] == "长虹街道", "asset_id"])
    narrowed = street.get(address)
    assert alpha(narrowed).sum() < alpha(everything).sum()
    assert asked_by(local_admin(source="page")).get(address).content == everything.content
    assert street.get(f"/tiles/basemap/{tile_at(15)}").status_code == 200
    assert Drawer(district, own).version("assets") != Drawer(district, local_admin(source="page")).version("assets")


def test_a_raster_already_drawn_stays_hidden_from_who_does_not_see_its_run(asked_by, client, district, now):
    owner = Actor(id="o", name="o", org="中国电信股份有限公司天津分公司", role="operator", operator="ctc")
    run_id = "coverage-own"
    params = coverage.params(district, {})
    run_rows.add(
        district,
        run_id=run_id,
        kind="coverage",
        params=params,
        actor=owner,
        audience="org",
        operators="ctc",
        now=now,
        status="done",
    )
    other = Actor(id="m", name="m", org="中国移动通信集团天津有限公司", role="operator", operator="cmcc")
    assert asked_by(other).get(f"/tiles/gap/{tile_at(15)}?run={run_id}").status_code == 404
    assert asked_by(other).get(f"/layers/plan?run={run_id}").status_code == 404


def test_leaflet_and_the_map_script_come_from_here(client):
    assert client.get("/vendor/leaflet.js").headers["content-type"].startswith("text/javascript")
    assert client.get("/vendor/images/layers.png").content.startswith(b"\x89PNG")
    script = client.get(f"/vendor/map/{mapview.version()}/view.js")
    assert "export async function draw" in script.text
    assert "immutable" in script.headers["cache-control"]


def test_the_app_answers_says_so_and_takes_its_worker_with_it(small_project, tmp_path):
    folder = shutil.copytree(small_project, tmp_path / "district")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    code = (
        "import sys; from pathlib import Path; from siting import serve, settings;"
        f"serve.run(settings.load(Path({str(folder)!r})), host='127.0.0.1', port={port})"
    )
    # The block closes the pipe, whatever happens: a pipe left to the collector fails some later test.
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            assert any(f"http://127.0.0.1:{port}" in line for line in process.stdout)
            asked = urllib.request.Request(f"http://127.0.0.1:{port}/", headers={"Accept": "text/html"})
            with urllib.request.urlopen(asked, timeout=PATIENCE_S) as answer:  # noqa: S310 - our own
                assert answer.url.endswith("/auth/login")
            workers = children(process.pid)
            assert any("siting.actions.worker" in command for command in workers.values())
        finally:
            process.terminate()
            process.wait(PATIENCE_S)
    limit = time.monotonic() + PATIENCE_S
    while time.monotonic() < limit and any(alive(pid) for pid in workers):
        time.sleep(0.1)
    assert not any(alive(pid) for pid in workers)


def test_without_an_address_the_settings_say_where_to_listen_and_by_default_nobody_else_can_call(
    small_project, monkeypatch, tmp_path
):
    asked, folder = {}, shutil.copytree(small_project, tmp_path / "district")
    monkeypatch.setenv(session.PROJECT_VARIABLE, "")
    monkeypatch.setattr(serve, "_announce", lambda *_: None)
    monkeypatch.setattr(serve.st.App, "run", lambda _self, *, config: asked.update(config))
    serve.run(settings.load(folder))
    assert (asked["server.address"], asked["server.port"]) == ("127.0.0.1", 8501)
    serve.run(settings.load(folder), host="127.0.0.2", port=9000)
    assert (asked["server.address"], asked["server.port"]) == ("127.0.0.2", 9000)


def children(pid):
    listing = subprocess.run(
        ["ps", "-o", "pid=,args=", "--ppid", str(pid)], capture_output=True, text=True, check=True
    ).stdout
    return {int(line.split(None, 1)[0]): line.split(None, 1)[1] for line in listing.splitlines() if line.strip()}


def alive(pid):
    state = subprocess.run(
        ["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False
    ).stdout.strip()
    return bool(state) and not state.startswith("Z")
