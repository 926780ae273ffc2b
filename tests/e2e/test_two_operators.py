"""The whole way of a blocked site through the pages, each step by whom it belongs to, beside a competitor who sees none of it."""

import io
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest
from PIL import Image

from siting import settings
from siting.access import Actor
from siting.actions import coverage, plans, proposals, worker
from siting.maps.layers import to_lonlat
from siting.store.database import open_database

pytestmark = pytest.mark.browser
OWNER = "南开区城市管理委员会"
PP_NO = "NK-2026-0001"
TITLE = "{{7*7}} <img src=x onerror=window.fired=1>"
WAIT_MS = 25_000


@pytest.fixture(scope="module")
def planned(small_project, tmp_path_factory):
    """A district in which the bureau has computed a plan for one operator's network."""
    folder = Path(shutil.copytree(small_project, tmp_path_factory.mktemp("two") / "district"))
    db = open_database(settings.load(folder))
    bureau = Actor(id="bureau", name="bureau", org="南开区商务局", role="planner")
    clock = lambda: datetime.now(UTC).astimezone()  # noqa: E731
    base = worker.run_now(db, bureau, "coverage", coverage.params(db, {"network": "cm-n41", "cell_m": 20}), clock=clock)
    worker.run_now(db, bureau, "plan", plans.params(db.settings, {"coverage": base.id, "count": 5}), clock=clock)
    db.engine.dispose()
    return folder


@pytest.fixture
def server(serving, planned):
    return serving(folder=planned)


def photo(shade):
    found = io.BytesIO()
    Image.new("RGB", (20, 20), shade).save(found, "JPEG")
    return {"name": "现场.jpg", "mimeType": "image/jpeg", "buffer": found.getvalue()}


def at(page, app, path):
    page.goto(f"http://{app}/{path}")
    page.wait_for_selector("h4", timeout=WAIT_MS)
    page.wait_for_selector("[data-testid=stApp][data-test-script-state=notRunning]", timeout=WAIT_MS)


def case_page(page, app):
    at(page, app, f"case?id={PP_NO}")
    page.get_by_text("经过").first.wait_for(timeout=WAIT_MS)
    return page


def offered(page):
    """Moves on buttons."""
    return set(page.locator("[data-testid=stButtonGroup] button").all_inner_texts())


def choose(page, label, option):
    page.get_by_role("combobox", name=label).first.click()
    page.get_by_role("option", name=option).first.click()


def move(page, app, title, *, texts=(), picks=(), files=()):
    """Open the point, choose a move, fill its form and send it."""
    case_page(page, app)
    page.locator("[data-testid=stButtonGroup] button", has_text=title).first.click()
    form = page.locator("[data-testid=stForm]", has=page.get_by_role("button", name=title, exact=True)).first
    form.wait_for(timeout=WAIT_MS)
    for label, value in texts:
        field = form.get_by_label(label).first
        field.fill(value)
        field.press("Tab")
    for label, option in picks:
        form.get_by_role("combobox", name=label).first.click()
        page.get_by_role("option", name=option).first.click()
    for number, file in enumerate(files):
        form.locator("input[type=file]").nth(number).set_input_files(file)
        form.get_by_text(file["name"]).first.wait_for(timeout=WAIT_MS)
    form.get_by_role("button", name=title, exact=True).click()
    done = page.get_by_text(f"已办理：{title}").first
    done.or_(page.get_by_role("alert").first).first.wait_for(timeout=WAIT_MS)
    assert done.count(), page.get_by_role("alert").all_inner_texts()


def test_a_blocked_site_goes_its_whole_way_and_the_competitor_sees_nothing(person, server, watch):
    app = server.address
    planner, cmcc, ctc, boss, agency = (person(name) for name in ("planner", "cmcc", "ctc", "coordinator", "agency"))

    at(planner, app, "planning?planning-view=plan")
    planner.get_by_role("button", name="转为建议").click()
    planner.get_by_role("button", name="转为建议（5 个）").click(timeout=WAIT_MS)
    planner.wait_for_timeout(1500)
    db = open_database(settings.load(server.folder))
    bureau = Actor(id="bureau", name="bureau", org="南开区商务局", role="planner")
    rows = proposals.listing(db, bureau)
    assert len(rows) == 5
    row = rows.sort_values("owner_org", key=lambda names: names != OWNER).iloc[0]
    key, place = row["candidate_id"], to_lonlat(rows[rows.index == row.name]).geometry.iloc[0]
    at(planner, app, f"proposals?id={key}")
    planner.locator("summary", has_text="公开").first.click(timeout=WAIT_MS)
    planner.get_by_role("button", name="公开", exact=True).click()
    planner.get_by_text("已公开").first.wait_for(timeout=WAIT_MS)

    at(cmcc, app, f"cases?new={key}")
    cmcc.get_by_label("标题").fill(TITLE)
    choose(cmcc, "原因", "权属：业主不同意")
    cmcc.get_by_label("诉求").fill("请协调挂载")
    cmcc.get_by_label("需求号").fill("00012345678901234567")
    cmcc.get_by_role("button", name="上报", exact=True).click()
    cmcc.get_by_text("经过").first.wait_for(timeout=WAIT_MS)
    assert "核实" not in offered(cmcc)

    move(boss, app, "核实", picks=[("难度", "一般")])
    move(boss, app, "派单", texts=[("责任人", "张三"), ("时限", "20")], picks=[("牵头单位", OWNER)])
    assert "派单" not in offered(case_page(agency, app))
    move(agency, app, "签收", texts=[("责任人", "李四"), ("电话", "13900000000")])
    move(agency, app, "达成一致", texts=[("文号", "文〔2026〕1号")], files=[photo("gray")])
    assert "开工" not in offered(case_page(agency, app))
    move(cmcc, app, "开工", texts=[("项目编码", "P-1")])
    move(cmcc, app, "开通", texts=[("经纬度", f"{place.x:.6f},{place.y:.6f}"), ("验收记录号", "Y-1")], files=[photo("white")])
    move(cmcc, app, "确认销号", texts=[("满意度", "5")])
    move(cmcc, app, "重新打开", texts=[("理由", "再次断电"), ("依据", "现场记录")])
    case_page(cmcc, app)
    assert cmcc.get_by_text("协调中").count()
    assert cmcc.get_by_text("解阻价值").count()

    at(ctc, app, f"case?id={PP_NO}")
    ctc.get_by_text("没有").first.wait_for(timeout=WAIT_MS)
    for path in ("cases", "", "proposals"):
        at(ctc, app, path)
        ctc.wait_for_timeout(500)
        assert "window.fired" not in ctc.inner_text("body")
        assert "00012345678901234567" not in ctc.inner_text("body")
    assert [page.evaluate("window.fired === undefined ? 0 : 1") for page in (cmcc, ctc, boss, agency, planner)] == [0] * 5
    watch.quiet()
