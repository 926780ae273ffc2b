"""The commands about what stands between and the ground under it."""

import json

import numpy as np
import pytest

from siting import cli, words
from siting.actions import scene
from siting.reports.geotiff import geotiff
from siting.store import layers
from tests.actions.test_terrain import over


@pytest.fixture
def run(district, capsys, monkeypatch):
    monkeypatch.setenv("SITING_APP_LANGUAGE", "en")

    def command(*words_, json_=True):
        cli.main([*map(str, words_), "--project", str(district.settings.folder), *(["--json"] if json_ else [])])
        told = capsys.readouterr().out
        return json.loads(told) if json_ else told

    return command


def refused(capsys, run, *words_):
    with pytest.raises(SystemExit) as caught:
        run(*words_)
    return caught.value.code, capsys.readouterr().err.strip()


def test_a_path_from_a_site_tells_state_clearance_and_obstacles_and_draws_them(run, district, tmp_path):
    sites = layers.read(district, "sites")
    sectors = layers.read(district, "sectors")
    site = sites[sites["site_id"].isin(sectors["site_id"])].iloc[0]
    place = layers.read(district, "buildings").to_crs(4326).geometry.iloc[0].representative_point()
    out = tmp_path / "path.svg"
    told = run("trace", site["site_no"], "--to", f"{place.x},{place.y},2", "--out", out)
    assert told["sight"] in {"los", "nlos", "unknown"}
    assert (told["sight"] == "nlos") == bool([o for o in told["obstacles"] if "? m" not in o])
    assert told["depth_m"] > 0
    assert out.read_bytes().startswith(b"<svg")


def test_a_path_between_two_points_is_told_in_words_too(run, district):
    west, south, east, north = scene.boundary(district).bounds
    ends = f"{west + 50},{south + 50},90,tower", f"{east - 50},{north - 50},80"
    told = run("trace", "--from", ends[0], "--to", ends[1], "--frequency", "3.5")
    assert told["path_m"] == pytest.approx(np.hypot(east - west - 100, north - south - 100))
    assert told["diffraction_db"] >= 0
    shown = run("trace", "--from", ends[0], "--to", ends[1], json_=False)
    assert f"distance: {told['path_m']:,.2f} m" in shown


def test_what_is_not_understood_says_how_to_write_it(run, capsys):
    for given in (
        ("--from", "1,2", "--to", "1,2,3"),
        ("--from", "1,2,x", "--to", "1,2,3"),
        ("S", "--to", "1"),
        ("S", "--to", "1,2,high"),
    ):
        code, said = refused(capsys, run, "trace", *given)
        assert code == 2
        assert "LON,LAT" in said
    code, said = refused(capsys, run, "trace", "--from", "1,2,3,balloon", "--to", "1,2,3")
    assert (code, said) == (
        2,
        words.say("cli.trace.mount", lang="en", value="balloon", known="roof, wall, pole, tower"),
    )
    assert refused(capsys, run, "trace", "--to", "1,2")[0] == 2
    assert refused(capsys, run, "trace", "nothing", "--to", "117.15,39.12")[0] == 2


def test_the_ground_is_checked_loaded_shown_and_cleared(run, district, tmp_path):
    file = tmp_path / "dem.tif"
    file.write_bytes(geotiff(over(district), {"h": np.full(over(district).shape, 7.0, np.float32)}, tags={}))
    assert run("terrain", "show") == {"ground": "flat"}
    told = run("terrain", "load", file, "--source", "survey", "--dry-run")
    assert (told["written"], told["covered_share"]) == (False, 1.0)
    assert run("terrain", "show") == {"ground": "flat"}
    assert run("terrain", "load", file, "--source", "survey", "--as-of", "2024-05-01")["written"]
    shown = run("terrain", "show")
    assert (shown["ground"], shown["highest_m"], shown["as_of"]) == ("raster", 7.0, "2024-05-01")
    assert "elevation raster" in run("terrain", "show", json_=False)
    assert run("terrain", "clear", "--reason", "wrong file") == {"ground": "flat"}


def test_a_place_with_longitude_and_latitude_swapped_is_refused_by_that_word(run, district, capsys):
    site = layers.read(district, "sites")["site_no"].iloc[0]
    said = words.say("cli.trace.latitude", lang="en", value="39.127,117.149")
    code, told = refused(capsys, run, "trace", site, "--to", "39.127,117.149")
    assert code == 2
    assert said in told or words.say("cli.trace.latitude", lang="zh_CN", value="39.127,117.149") in told
