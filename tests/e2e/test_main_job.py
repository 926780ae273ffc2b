"""The planning half of the main job by hand: import, coverage, a point picked on the map, a plan, its files."""

import math

import openpyxl
import pytest

pytestmark = pytest.mark.browser

CANARIES = [
    "{{7*7}}",
    "{% raw %}",
    "<img src=x onerror=window.fired=1>",
    "</script><script>window.fired=1</script>",
    "${1}",
    "![x](http://elsewhere.example/x.png)",
    "[x](javascript:window.fired=1)",
    ":material/x: $\\href{javascript:window.fired=1}{x}$",
]
SLOW_MS = 60_000
HOSTILE_NAME = "<img src=x onerror=window.fired=1>{{7*7}}.csv"
# Opens the popup of the feature of a name on an exported map; its text.
OPEN_POPUP = """(name) => {
  const map = window[Object.keys(window).find((key) => key.startsWith("map_"))];
  const found = [];
  map.eachLayer((layer) => { if (layer.feature?.properties.label === name) found.push(layer); });
  found[0].openPopup();
  return found[0].getPopup().getElement().textContent;
}"""


def hostile_file(page, app, *, kind="multi_pole"):
    """Rows with text that other programs would execute, each beside a lamp of the district."""
    found = page.request.get(f"http://{app}/layers/assets").json()["features"]
    lamps = [f["geometry"]["coordinates"] for f in found if f["properties"]["style"] == "street_light"]
    rows = [
        "asset_no,class,name,owner_org,road_name,open_status,height_m,mount_height_m,power,structural_status,slots_total,lon,lat"
    ]
    for i, text in enumerate(CANARIES):
        name, owner, road = (quoted(CANARIES[(i + k) % len(CANARIES)]) for k in range(3))
        lon, lat = lamps[i * (len(lamps) // len(CANARIES))]
        asset_class = quoted(kind.format(text))
        rows.append(
            f"X{i},{asset_class},{name},{owner},{road},open_free,12,10,h24,tested_ok,3,{lon + 2e-5:.6f},{lat:.6f}"
        )
    return ("\n".join(rows) + "\n").encode()


def quoted(text):
    return '"' + text.replace('"', '""') + '"'


def shown_map(page):
    page.wait_for_selector(".siting-map[data-zoom] .leaflet-tile-loaded", timeout=20_000)
    page.wait_for_timeout(600)
    return page.locator(".siting-map")


def choose(page, label, option):
    page.get_by_role("combobox", name=label).click()
    page.get_by_role("option", name=option).first.click()


def go(page, title):
    page.get_by_role("link", name=title).first.click()
    page.wait_for_selector(f"h4:has-text('{title}')")


def pixel_of(box, view, lon, lat):
    """Where a place lies on the screen, by the formula of the tile scheme."""

    def world(lon_deg, lat_deg):
        size = 256 * 2 ** float(view["zoom"])
        sine = math.sin(math.radians(lat_deg))
        return (lon_deg + 180) / 360 * size, (0.5 - math.log((1 + sine) / (1 - sine)) / (4 * math.pi)) * size

    (x, y), (cx, cy) = world(lon, lat), world(float(view["lng"]), float(view["lat"]))
    return box["x"] + box["width"] / 2 + x - cx, box["y"] + box["height"] / 2 + y - cy


def screen_place(page, lon, lat):
    found = shown_map(page)
    found.scroll_into_view_if_needed()
    view = {name: found.get_attribute(f"data-{name}") for name in ("zoom", "lat", "lng")}
    return pixel_of(found.bounding_box(), view, lon, lat)


def click_place(page, lon, lat, *, closer=0):
    for _ in range(closer):  # neighbours part as one zooms in
        page.mouse.move(*screen_place(page, lon, lat))
        page.mouse.wheel(0, -240)
    page.mouse.click(*screen_place(page, lon, lat))


def executed(page):
    return page.evaluate("window.fired === undefined ? 0 : 1")


def import_hostile_file(page, app):
    go(page, "公共资源")
    page.get_by_text("导入", exact=True).click()
    page.locator("input[type=file]").first.set_input_files(
        {"name": "清单.csv", "mimeType": "text/csv", "buffer": hostile_file(page, app)}
    )
    choose(page, "坐标基准", "WGS 84")
    page.get_by_role("button", name="检查").click()
    page.get_by_role("button", name=f"确认导入 {len(CANARIES)} 行").click(timeout=20_000)
    page.get_by_text(f"已导入：新增 {len(CANARIES)}").wait_for(timeout=20_000)


def check_a_file_whose_name_and_classes_are_hostile(page, app):
    """Nothing lands; the texts stand in the findings, as they are."""
    page.locator("input[type=file]").first.set_input_files(
        {"name": HOSTILE_NAME, "mimeType": "text/csv", "buffer": hostile_file(page, app, kind="no_such {}")}
    )
    page.get_by_role("button", name="检查").click()
    page.get_by_text(HOSTILE_NAME.removesuffix(".csv")).last.wait_for(timeout=20_000)
    page.get_by_text(f"错误 {len(CANARIES)}").wait_for(timeout=20_000)
    assert executed(page) == 0


def run_coverage(page):
    go(page, "覆盖分析")
    page.get_by_role("button", name="开始覆盖分析").click()
    page.get_by_text("覆盖率").first.wait_for(timeout=SLOW_MS)


def assert_every_page_shows_hostile_text_as_text(page, app):
    """Cards of assets that carry all of it, and every table and map that has a row of them."""
    features = page.request.get(f"http://{app}/layers/assets").json()["features"]
    found = {f["properties"]["label"]: f["properties"]["id"] for f in features}
    for i in range(0, len(CANARIES), 3):  # each asset carries three of them
        page.goto(f"http://{app}/assets?id={found[CANARIES[i]]}")
        shown_map(page)
        card = page.get_by_test_id("stTable").inner_text()
        assert all(CANARIES[(i + k) % len(CANARIES)] in card for k in range(3))
        assert executed(page) == 0
    for address in ("", "assets?q=X", "coverage?raster=rsrp", "planning", "planning?planning-view=plan"):
        page.goto(f"http://{app}/{address}")
        shown_map(page)
        assert executed(page) == 0


def test_import_coverage_pick_solve_export(page, app, watch, sign_in, chromium, tmp_path):
    sign_in(page, "planner")
    shown_map(page)
    import_hostile_file(page, app)
    check_a_file_whose_name_and_classes_are_hostile(page, app)
    run_coverage(page)
    click_place(page, 117.1495, 39.1265)
    page.locator("table", has_text="服务扇区").wait_for(timeout=10_000)
    go(page, "选址")
    with page.expect_response(lambda r: "/layers/candidates" in r.url, timeout=SLOW_MS) as answer:
        page.get_by_role("button", name="评分", exact=True).click()
    features = answer.value.json()["features"]
    own = next(f for f in features if f["properties"]["label"] == CANARIES[0] and f["properties"]["rank"])
    click_place(page, *own["geometry"]["coordinates"], closer=4)
    page.get_by_role("button", name="勾选此点").click(timeout=10_000)
    page.get_by_text("已勾选 1 个").wait_for()
    page.get_by_role("spinbutton", name="点位数").fill("20")
    page.get_by_role("spinbutton", name="点位数").press("Enter")
    page.get_by_role("button", name="求解 20 点").click()
    page.get_by_text("新增上界").wait_for(timeout=SLOW_MS)
    files = {}
    for kind in ("Excel", "GeoPackage", "GeoJSON", "离线地图 HTML"):
        with page.expect_download(timeout=30_000) as download:
            page.get_by_role("button", name=kind, exact=True).click()
        files[kind] = tmp_path / download.value.suggested_filename
        download.value.save_as(files[kind])
    assert executed(page) == 0
    assert_every_page_shows_hostile_text_as_text(page, app)
    watch.quiet()
    sheet = openpyxl.load_workbook(files["Excel"]).worksheets[0]
    assert sheet.max_row == 21
    assert CANARIES[0] in {cell for row in sheet.iter_rows(values_only=True) for cell in row}
    assert_opens_without_network(chromium, files["离线地图 HTML"])


def assert_opens_without_network(chromium, path):
    context = chromium.new_context(offline=True)
    page, trouble = context.new_page(), []
    page.on("pageerror", lambda e: trouble.append(str(e)))
    page.on("console", lambda m: trouble.append(m.text) if m.type == "error" else None)
    page.on("request", lambda r: trouble.append(r.url) if r.url.startswith("http") else None)
    page.goto(path.as_uri())
    page.wait_for_selector(".siting-panel")
    assert page.locator("canvas.leaflet-zoom-animated").count() == 1
    popup = page.evaluate(OPEN_POPUP, CANARIES[0])
    assert CANARIES[0] in popup
    assert CANARIES[1] in popup
    assert executed(page) == 0
    assert trouble == []
    context.close()
