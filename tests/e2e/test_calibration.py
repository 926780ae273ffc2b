"""From the raw rows of a drive test to a calibration in force, by hand in a browser, with the datum declared wrong at first."""

import pytest

from siting import settings
from siting.actions import calibrations
from siting.store.database import open_database
from tests import drive

pytestmark = pytest.mark.browser
WAIT_MS = 25_000
FIT_MS = 90_000


@pytest.fixture(scope="module")
def driven(small_project):
    """A drive along the roads in the offset coordinates of web maps, as a file of a Chinese spreadsheet."""
    db = open_database(settings.load(small_project))
    shown = drive.table(db, drive.drive(db, most=1200), datum="gcj02")
    db.engine.dispose()
    return {"name": "路测.csv", "mimeType": "text/csv", "buffer": drive.as_csv(shown)}


def settled(page):
    page.wait_for_timeout(300)
    page.wait_for_selector("[data-testid=stApp][data-test-script-state=notRunning]", timeout=WAIT_MS)


def checked(page, datum):
    page.get_by_role("combobox", name="坐标基准").click()
    page.get_by_role("option", name=datum).first.click()
    settled(page)
    page.get_by_role("button", name="检查").click()
    page.get_by_text("读到行数").first.wait_for(timeout=WAIT_MS)
    settled(page)


def test_a_drive_test_becomes_the_calibration_of_a_network(page, app, server, sign_in, watch, driven):
    sign_in(page, "planner")
    page.goto(f"http://{app}/coverage?view=calibration")
    page.get_by_text("还没有测量数据").wait_for(timeout=WAIT_MS)
    assert page.get_by_text("未校准", exact=True).first.is_visible()
    page.locator("input[type=file]").set_input_files(driven)
    settled(page)
    checked(page, "WGS 84")
    page.get_by_label("理由").first.wait_for(timeout=WAIT_MS)
    checked(page, "GCJ-02")
    assert page.get_by_label("理由").count() == 0
    page.get_by_role("button", name="个样本").click()
    page.get_by_text("已导入").wait_for(timeout=WAIT_MS)
    page.get_by_text("2 校准与采用", exact=True).click()
    page.get_by_role("button", name="开始校准").click()
    page.get_by_text("未见方块误差").wait_for(timeout=FIT_MS)
    page.wait_for_selector("[data-testid=stVegaLiteChart] canvas, [data-testid=stVegaLiteChart] svg", timeout=WAIT_MS)
    page.wait_for_selector(".siting-map[data-zoom] .leaflet-tile-loaded", timeout=WAIT_MS)
    page.get_by_label("理由").first.fill("路测覆盖全区")
    page.get_by_role("button", name="采用", exact=True).click()
    page.get_by_text("已采用").wait_for(timeout=WAIT_MS)
    assert page.get_by_text("已校准", exact=True).first.is_visible()
    db = open_database(settings.load(server.folder))
    force = calibrations.in_force(db, drive.NETWORK)
    db.engine.dispose()
    assert force is not None
    assert force.adopted_by == "planner"
    watch.quiet()
