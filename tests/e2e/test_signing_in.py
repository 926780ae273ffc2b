"""Signing in and out in a real browser, what an administrator ends while a page is open, and pages on a phone."""

from datetime import UTC, datetime

import pytest

from siting import settings
from siting.access import local_admin
from siting.actions import people
from siting.store.database import open_database

pytestmark = pytest.mark.browser


@pytest.fixture
def server(one_server):
    """The same server for all: nothing here stays behind but ended sessions and one refused sign-in."""
    return one_server


def revoke(server, name):
    db = open_database(settings.load(server.folder))
    people.end_sessions(db, local_admin(source="cli"), name, now=datetime.now(UTC).astimezone())
    db.engine.dispose()


def corner(page, name):
    page.get_by_role("button", name=name).click()
    return page.get_by_test_id("stPopoverBody")


def test_one_is_asked_who_one_is_and_lands_where_one_wanted(page, app, sign_in, watch):
    page.goto(f"http://{app}/assets?q=SL")
    assert "/auth/login?next=" in page.url
    assert page.get_by_role("heading", name="登录").is_visible()
    sign_in(page, "planner")
    assert page.url == f"http://{app}/assets?q=SL"
    page.wait_for_selector(".siting-map[data-zoom] .leaflet-tile-loaded", timeout=30_000)
    cookies = {c["name"]: c for c in page.context.cookies()}
    found = cookies["siting_session"]
    assert (found["httpOnly"], found["sameSite"], found["path"]) == (True, "Lax", "/")
    assert "siting_session" not in page.evaluate("document.cookie")
    watch.quiet()


def test_a_wrong_password_stays_outside_and_says_so(page, app):
    page.goto(f"http://{app}/")
    page.locator("input[name=name]").fill("planner")
    page.locator("input[name=password]").fill("wrong")
    page.locator("main button").click()
    page.get_by_role("alert").wait_for()
    assert "/auth/login" in page.url
    assert page.request.get(f"http://{app}/layers/assets").status == 401


def test_signing_out_closes_every_door(page, app, sign_in):
    sign_in(page, "planner")
    page.wait_for_selector("h4")
    corner(page, "planner").get_by_role("button", name="退出").click()
    page.wait_for_url("**/auth/login**", timeout=20_000)
    page.goto(f"http://{app}/planning")
    assert "/auth/login" in page.url
    assert page.request.get(f"http://{app}/layers/assets").status == 401


def test_after_an_administrator_ended_it_the_next_click_leads_to_the_sign_in_page(page, server, sign_in):
    sign_in(page, "planner")
    page.wait_for_selector("h4")
    revoke(server, "planner")
    page.get_by_role("link", name="公共资源").first.click()
    page.wait_for_url("**/auth/login?next=**", timeout=20_000)
    sign_in(page, "planner")
    page.wait_for_selector("h4:has-text('总览')")


def test_two_people_on_one_server_each_see_their_own(person, app):
    planner, street = person("planner"), person("street")
    counts = []
    for page in (planner, street):
        page.goto(f"http://{app}/assets")
        page.wait_for_selector("h4")
        counts.append(len(page.request.get(f"http://{app}/layers/assets").json()["features"]))
    assert counts[0] > counts[1] > 0
    assert planner.get_by_text("导入", exact=True).count() == 1
    assert street.get_by_text("导入", exact=True).count() == 0


@pytest.mark.parametrize("page", [(390, 844), (1366, 768)], ids=["phone", "desk"], indirect=True)
def test_the_administrators_page_works_on_a_phone_and_a_desk(page, app, sign_in, watch):
    sign_in(page, "admin")
    page.wait_for_selector("h4:has-text('管理')")
    page.get_by_text("新建账号").first.click()
    page.get_by_role("textbox", name="账号").fill("new.one")
    page.wait_for_timeout(500)
    width = page.viewport_size["width"]
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    watch.quiet()


@pytest.mark.parametrize("page", [(390, 844)], ids=["phone"], indirect=True)
def test_no_page_is_wider_than_a_phone(page, app, watch, sign_in):
    page.goto(f"http://{app}/")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    sign_in(page, "planner")
    for address in ("", "assets", "assets?assets-view=import", "coverage", "planning"):
        page.goto(f"http://{app}/{address}")
        page.wait_for_selector("h4")
        page.wait_for_timeout(800)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
    watch.quiet()
