import json
import shutil
import subprocess

import pytest

from siting import words
from siting.maps import styles
from siting.ui import mapview
from siting.ui.mapview import Click, Layer


def test_a_click_is_read_with_place_zoom_and_feature():
    sent = {"click": {"lat": 39.1, "lng": 117.2, "zoom": 15, "layer": "candidates", "id": "a1"}}
    assert mapview.read_click(sent) == Click(39.1, 117.2, 15, "candidates", "a1")


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"click": None},
        {"click": "39,117"},
        {"click": {"lat": 39.1}},
        {"click": {"lat": "x", "lng": 1, "zoom": 1}},
        {"click": {"lat": 91, "lng": 1, "zoom": 1}},
        {"click": {"lat": float("nan"), "lng": 1, "zoom": 1}},
        {"click": {"lat": [39], "lng": 1, "zoom": 1}},
    ],
)
def test_anything_else_from_the_browser_is_ignored(sent):
    assert mapview.read_click(sent) is None


def test_what_is_sent_for_the_map_is_small_json_without_the_features_themselves(monkeypatch):
    sent = {}
    monkeypatch.setattr(mapview, "mount", lambda *, data, **_: sent.update(data) or {})
    layers = [
        Layer(
            id="candidates",
            type="geojson",
            version="7",
            url="/layers/candidates",
            styles=styles.family("candidate_state"),
        )
    ]
    assert mapview.draw(layers, key="m", bounds=(117.1, 39.1, 117.2, 39.2)) is None
    assert len(json.dumps(sent)) < 4000
    assert sent["layers"][0]["styles"]["eligible"]["fill"].startswith("#")
    assert sent["bounds"] == [[39.1, 117.1], [39.2, 117.2]]


def test_every_word_of_the_map_exists_in_both_languages(monkeypatch):
    sent = {}
    monkeypatch.setattr(mapview, "mount", lambda *, data, **_: sent.update(data) or {})
    mapview.draw([], key="m", bounds=(117.1, 39.1, 117.2, 39.2))
    for lang in words.LANGUAGES:
        assert [name for name in sent["words"] if not words.has(f"ui.map.{name}", lang=lang)] == []


def test_the_scripts_never_write_html():
    for path in mapview.SCRIPTS.values():
        text = path.read_text(encoding="utf-8")
        for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "http:", "https:"):
            assert word not in text, (path.name, word)


def test_the_version_of_the_scripts_changes_with_their_text():
    assert len(mapview.version()) == 12
    assert shutil.which("node") is None or all(
        subprocess.run(["node", "--check", str(p)], check=False, capture_output=True).returncode == 0
        for p in mapview.SCRIPTS.values()
    )
