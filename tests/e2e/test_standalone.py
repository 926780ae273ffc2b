"""The map that leaves the system, in a browser without any network."""

import numpy as np
import pytest

from siting.maps import export, legend, styles, tiles
from siting.maps.export import Choice, Features, Picture, Sheet

BOUNDS = (117.1, 39.1, 117.2, 39.2)
NAMES = ("{{7*7}}", "<img src=x onerror=window.fired=1>", "</script><script>window.fired=1</script>", "${1}")
SIZES = ((1366, 768), (390, 844))


def sheet():
    """Points of hostile names over two pictures of which one is shown."""
    places = [[117.11 + i / 50, 39.15] for i in range(len(NAMES))]
    points = [
        {"type": "Feature", "geometry": {"type": "Point", "coordinates": place}, "properties": {"id": name, "label": name, "style": "chosen", "a": name}}
        for name, place in zip(NAMES, places, strict=True)
    ]  # fmt: skip
    layer = Features("站点", {"type": "FeatureCollection", "features": points}, styles.family("mark"), (("a", "名称"),))
    colours = {name: Picture(tiles.png(tiles.Image.new("RGB", (4, 4), name)), BOUNDS) for name in ("red", "blue")}
    choice = Choice("缺口", (("方案后", colours["red"]), ("建设前", colours["blue"]), ("不显示", None)))
    key = (legend.block("mark", lang="zh_CN", keys=["chosen"]),)
    return Sheet("南开区", ("数据日期: 2026-11-01", "来源"), BOUNDS, (), (layer,), key, choice)


@pytest.mark.parametrize("size", SIZES, ids=["desk", "phone"])
def test_it_opens_without_network_asks_for_nothing_and_switches_before_and_after(chromium, tmp_path, size):
    path = tmp_path / "plan.html"
    path.write_bytes(export.standalone(sheet()))
    asked, trouble, seen = [], [], {}
    context = chromium.new_context(viewport={"width": size[0], "height": size[1]}, offline=True)
    page = context.new_page()
    page.on("request", lambda r: asked.append(r.url))
    page.on("console", lambda m: trouble.append(m.text))
    page.on("pageerror", lambda e: trouble.append(str(e)))
    page.goto(path.as_uri())
    page.wait_for_selector("img.leaflet-image-layer")
    if size[0] < 600:
        page.locator("summary").click()
    for word in ("方案后", "建设前", "不显示"):
        page.get_by_label(word).check()
        seen[word] = page.locator("img.leaflet-image-layer").evaluate_all("all => all.map(i => i.src)")
    panel, page_box = page.locator(".siting-panel").bounding_box(), page.locator(".leaflet-container").bounding_box()
    said = page.locator(".siting-panel").inner_text()
    shown = page.locator(".leaflet-control-scale").is_visible()
    fired = page.evaluate("window.fired")
    context.close()
    assert [url for url in asked if not url.startswith(("data:", path.as_uri()))] == []
    assert (trouble, fired, shown) == ([], None, True)
    assert [len(seen[word]) for word in ("方案后", "建设前", "不显示")] == [1, 1, 0]
    assert seen["方案后"] != seen["建设前"]
    assert all(part in said for part in ("南开区", "数据日期: 2026-11-01", "方案选中"))
    assert (page_box["width"], page_box["height"]) == size
    assert panel["width"] < 0.8 * size[0]
    assert np.isfinite(panel["height"])
    assert panel["y"] + panel["height"] <= size[1]
