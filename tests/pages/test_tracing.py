"""The panel of paths to a place, and the ground on the page of imports."""

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from siting import settings
from siting.access import local_admin
from siting.actions import runs, terrain, tracing
from siting.reports.geotiff import geotiff
from siting.store import artefacts
from siting.store.database import open_database
from siting.ui import session
from tests.actions.test_terrain import over


def panel(easting_m, northing_m):
    """A page with nothing but the panel."""
    from siting.actions import runs  # noqa: PLC0415 - the function is a page of its own
    from siting.ui import session, tracing  # noqa: PLC0415 - the function is a page of its own

    desk = session.open_desk()
    run = runs.latest(desk.db, desk.actor, "coverage", status="done")
    tracing.panel(desk, run, easting_m=easting_m, northing_m=northing_m)


@pytest.fixture
def shown(done, local, monkeypatch, components):
    monkeypatch.setenv(session.PROJECT_VARIABLE, str(done))

    def opened(**place):
        at = AppTest.from_function(panel, kwargs=place, default_timeout=30)
        at._bidi_component_manager = components
        return at.run()

    return opened


@pytest.fixture
def place(done):
    """A building of several floors that a sector serves."""
    db = open_database(settings.load(done))
    run = runs.latest(db, local_admin(source="cli"), "coverage", status="done")
    units = artefacts.load_table(runs.folder(db, run.id), "units")
    db.engine.dispose()
    unit = units[(units["floor"] == 3) & (units["server"] >= 0)].iloc[0]
    return {"easting_m": float(unit["easting_m"]), "northing_m": float(unit["northing_m"])}


def test_the_panel_says_what_limits_a_place_and_draws_the_path_that_is_chosen(shown, place, done):
    at = shown(**place)
    assert not at.exception
    db = open_database(settings.load(done))
    run = runs.latest(db, local_admin(source="cli"), "coverage", status="done")
    expected = tracing.paths(db, local_admin(source="cli"), run.id, **place, floor=1)
    db.engine.dispose()
    table = at.dataframe[0].value
    assert len(table) == len(expected)
    assert table["RSRP（dBm）"].tolist() == pytest.approx([round(p.budget.rsrp_dbm, 1) for p in expected])
    assert at.get("image")[0].proto.imgs[0].url.startswith("data:image/svg+xml")
    at.selectbox(key="trace.floor").set_value(3).run()
    assert not at.exception
    assert at.dataframe[0].value["RSRP（dBm）"].tolist() != table["RSRP（dBm）"].tolist()


def test_outside_the_district_the_panel_says_so(shown):
    at = shown(easting_m=0.0, northing_m=0.0)
    assert not at.exception
    assert len(at.info) == 1


def test_the_import_page_takes_an_elevation_raster_and_shows_it(open_app, fresh):
    at = open_app(fresh, "assets", **{"assets-view": "import"})
    assert "平地" in " ".join(c.value for c in at.caption)
    db = open_database(settings.load(fresh))
    grid = over(db)
    data = geotiff(grid, {"h": np.full(grid.shape, 12.0, np.float32)}, tags={})
    at.file_uploader(key="terrain.file").set_value(("dem.tif", data, "image/tiff"))
    at.text_input(key="terrain.source").set_value("测绘院")
    next(b for b in at.button if b.label == "检查并启用").click().run()
    assert not at.exception
    found = terrain.current(db, local_admin(source="cli"))
    db.engine.dispose()
    assert (found.source, found.lowest_m) == ("测绘院", 12.0)
    assert any("100.0%" in s.value for s in at.success)
