import csv
from pathlib import Path

import pytest
from defusedxml import ElementTree

from siting import words
from siting.maps import styles
from siting.reports import qml

TABLE = Path(styles.__file__).with_name("styles.csv")


def rows(family):
    with TABLE.open(encoding="utf-8", newline="") as file:
        return [row for row in csv.DictReader(file) if row["family"] == family]


def rgba(text):
    red, green, blue, alpha = (int(part) for part in text.split(","))
    return f"#{red:02X}{green:02X}{blue:02X}" if alpha == 255 else "none"


def properties(symbol):
    layer = symbol.find("layer")
    new = {o.get("name"): o.get("value") for o in layer.find("Option") if o.get("value") is not None}
    assert new == {p.get("k"): p.get("v") for p in layer.findall("prop")}
    return new


@pytest.mark.parametrize("family", ["asset_class", "candidate_state", "proposal_state"])
@pytest.mark.parametrize("lang", ["zh_CN", "en"])
def test_every_kind_of_the_table_is_a_category_with_its_colours_shape_and_word(family, lang):
    root = ElementTree.fromstring(qml.categories(family, "kind", lang=lang))
    renderer = root.find("renderer-v2")
    assert (root.tag, renderer.get("type"), renderer.get("attr")) == ("qgis", "categorizedSymbol", "kind")
    symbols = {symbol.get("name"): symbol for symbol in renderer.find("symbols")}
    found = renderer.find("categories").findall("category")
    assert [c.get("value") for c in found] == [row["key"] for row in rows(family)]
    for category, row in zip(found, rows(family), strict=True):
        told = properties(symbols[category.get("symbol")])
        assert category.get("label") == words.say(row["label"], lang=lang) != row["label"]
        assert rgba(told["outline_color"]) == row["stroke"]
        assert rgba(told["color"]) == ("none" if row["shape"] == "ring" else row["fill"])
        assert told["name"] == {"ring": "circle"}.get(row["shape"], row["shape"])
        assert float(told["size"]) == pytest.approx(2 * float(row["size_px"]) / 96 * 25.4, abs=0.01)


@pytest.mark.parametrize("family", ["gap", "gap_area"])
def test_the_classes_of_a_number_have_the_limits_of_the_table_without_a_hole(family):
    renderer = ElementTree.fromstring(qml.classes(family, "left", lang="zh_CN")).find("renderer-v2")
    found = [(float(r.get("lower")), float(r.get("upper"))) for r in renderer.find("ranges")]
    assert found == [(float(row["lower"]), float(row["upper"])) for row in rows(family)]
    assert [a[1] for a in found[:-1]] == [b[0] for b in found[1:]]
    assert {s.get("type") for s in renderer.find("symbols")} == {"fill"}


def test_pointers_turn_by_their_column_and_a_label_stands_beside_what_it_names():
    root = ElementTree.fromstring(qml.pointers("network", "other", turn="azimuth_deg"))
    angle = next(o for o in root.iter("Option") if o.get("name") == "angle")
    assert {o.get("name"): o.get("value") for o in angle} == {"active": "true", "field": "azimuth_deg", "type": "2"}
    assert root.get("labelsEnabled") == "0"
    named = ElementTree.fromstring(qml.categories("mark", "mark", label="name", lang="en"))
    assert (named.get("labelsEnabled"), named.find(".//text-style").get("fieldName")) == ("1", "name")
