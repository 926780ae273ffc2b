import doctest
import json
import re

import folium
import pytest
from branca.element import Figure

from siting.maps import export, legend, mercator, styles, tiles, vendor
from siting.maps.export import Features, Sheet

CANARIES = ["{{7*7}}", "{% raw %}", "{{this.__class__}}", "${1}", "<img src=x onerror=window.fired=1>", "</script><script>window.fired=1</script>",
    "';window.fired=1;//", '"`-->{{', "\u2028window.fired=1"]  # fmt: skip
BOUNDS = (117.1, 39.1, 117.2, 39.2)


def sheet(texts=CANARIES, **changes):
    features = [
        {"type": "Feature", "geometry": {"type": "Point", "coordinates": [117.11 + i / 100, 39.15]},
         "properties": {"id": str(i), "label": text, "style": "chosen", "name": text}}
        for i, text in enumerate(texts)
    ]  # fmt: skip
    layer = Features(
        texts[0], {"type": "FeatureCollection", "features": features}, styles.family("mark"), (("name", texts[0]),)
    )
    given = {
        "title": texts[0],
        "notes": tuple(texts),
        "bounds": BOUNDS,
        "pictures": (),
        "features": (layer,),
        "legend": (legend.block("mark", lang="en"),),
    }
    return Sheet(**{**given, **changes})


def test_the_examples_in_the_docstrings_hold():
    assert doctest.testmod(export).failed == 0


@pytest.mark.parametrize("text", CANARIES)
def test_script_json_reads_back_as_it_was_and_holds_nothing_a_parser_could_trip_over(text):
    written = export.script_json({"a": [text, {"b": text}]})
    assert json.loads(written) == {"a": [text, {"b": text}]}
    assert not re.search(r"[<>&`$]|\{\{|\{%|\{#|\u2028", written)


def test_escape_leaves_no_sign_that_html_script_or_template_could_read():
    assert not re.search(r"[<>\"'\\`${}]|&(?!#\d+;)", export.escape("".join(CANARIES)))


def test_no_text_is_evaluated_and_nothing_is_fetched_from_elsewhere():
    page = export.standalone(sheet()).decode()
    assert page.count("\\u007b\\u007b7*7\\u007d\\u007d") >= 3
    assert not re.search(r"<script[^>]+src|<link|<iframe|@import|url\((?!data:|#)", page)
    assert "jquery" not in page.lower()
    assert "<img src=x" not in page


def test_a_folium_element_with_a_hostile_name_is_not_evaluated_once_disarmed():
    export.disarm()
    figure = Figure()
    page = folium.Map(tiles=None).add_to(figure)
    folium.Marker([39, 117], tooltip="{{7*7}}").add_to(page)
    rendered = figure.render()
    assert "{{7*7}}" in rendered
    assert ">49<" not in rendered.replace(" ", "").replace("\n", "")


def test_the_picture_covers_the_area_and_stays_within_the_number_of_tiles():
    asked = []
    found = export.picture(BOUNDS, lambda tile: asked.append(tile) or tiles.empty(), max_tiles=6)
    west, south, east, north = found.bounds
    assert west <= BOUNDS[0]
    assert south <= BOUNDS[1]
    assert east >= BOUNDS[2]
    assert north >= BOUNDS[3]
    assert 1 <= len(asked) <= 6
    finer = mercator.tile_xy([BOUNDS[0], BOUNDS[2]], [BOUNDS[3], BOUNDS[1]], zoom=asked[0].z + 1)
    assert (int(finer[0][1]) - int(finer[0][0]) + 1) * (int(finer[1][1]) - int(finer[1][0]) + 1) > 6


def test_a_plan_of_thirty_points_stays_below_two_megabytes():
    picture = export.picture(BOUNDS, lambda _: tiles.empty())
    assert len(export.standalone(sheet([f"点位 {i}" for i in range(30)], pictures=(picture,)))) < 2_000_000


def test_leaflet_comes_whole_from_the_wheel():
    assert b"1.9.4" in vendor.read("leaflet.js")
    assert b"sourceMappingURL" not in vendor.read("leaflet.js")
    assert "url(images/" not in vendor.stylesheet_inline()
    assert vendor.read("images/marker-icon.png").startswith(b"\x89PNG")


@pytest.mark.parametrize("name", ["../__init__.py", "leaflet-src.js", "/etc/passwd", ""])
def test_no_other_file_is_handed_out(name):
    with pytest.raises(KeyError):
        vendor.read(name)
