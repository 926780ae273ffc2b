"""Calibration at the command line: a file in, the held-out table out, adopted if asked for."""

import json
import shutil

import pytest

from siting import cli, settings
from siting.actions import calibrations
from siting.store.database import open_database
from tests import drive


@pytest.fixture(scope="module")
def folder(small_project, tmp_path_factory):
    return shutil.copytree(small_project, tmp_path_factory.mktemp("cli") / "district")


@pytest.fixture(scope="module")
def file(folder, tmp_path_factory):
    db = open_database(settings.load(folder))
    made = tmp_path_factory.mktemp("drive") / "drive.xlsx"
    made.write_bytes(drive.as_xlsx(drive.table(db, drive.drive(db, most=900))))
    db.engine.dispose()
    return made


@pytest.fixture
def siting(folder, capsys):
    def said(*words, code=0):
        ended = 0
        try:
            cli.main([*map(str, words), "--project", str(folder)])
        except SystemExit as stop:
            ended = int(stop.code or 0)
        shown = capsys.readouterr()
        assert ended == code, shown
        return shown.out or shown.err

    return said


def test_a_file_is_imported_once_fitted_and_adopted_with_a_reason(siting, file, folder):
    first = ("calibrate", file, "--network", drive.NETWORK, "--datum", "wgs84")
    said = siting(*first)
    assert "未校准（教科书模型）" in said
    done = json.loads(siting(*first, "--adopt", "--reason", "路测覆盖全区", "--json"))
    assert done["rmse_db"] < done["rmse_uncalibrated_db"] < done["rmse_constant_db"]
    assert calibrations.in_force(open_database(settings.load(folder)), drive.NETWORK).run == done["run"]
    sets = json.loads(siting("samples", "--json"))["sets"]
    assert [one["id"] for one in sets] == [done["set"]]
    assert done["set"] in siting("samples")


def test_adopting_without_a_reason_or_a_file_without_a_datum_is_refused(siting, file):
    assert "理由" in siting("calibrate", file, "--network", drive.NETWORK, "--datum", "wgs84", "--adopt", code=2)
    assert "坐标基准" in siting("calibrate", file, "--network", drive.NETWORK, code=2)


def test_a_file_first_brought_under_the_wrong_datum_comes_in_again_under_the_right_one(siting, file):
    wrong = json.loads(siting("calibrate", file, "--network", drive.NETWORK, "--datum", "cgcs2000", "--json"))
    right = json.loads(siting("calibrate", file, "--network", drive.NETWORK, "--datum", "wgs84", "--json"))
    assert wrong["set"] != right["set"]
    datums = {one["id"]: one["datum"] for one in json.loads(siting("samples", "--json"))["sets"]}
    assert (datums[wrong["set"]], datums[right["set"]]) == ("cgcs2000", "wgs84")


def test_what_was_set_aside_is_told_and_written_to_files(siting, tmp_path):
    bad = tmp_path / "bad.csv"
    bad.write_text("经度,纬度,SS-RSRP(dBm)\n39.12,117.15,-90\n117.15,39.12,90\n", encoding="utf-8")
    aside = ("--findings", tmp_path / "f.csv", "--rejected", tmp_path / "r.xlsx")
    said = siting("calibrate", bad, "--network", drive.NETWORK, "--datum", "wgs84", *aside, code=2)
    assert "LONLAT_SWAPPED" in said
    assert "RANGE" in said
    assert "LONLAT_SWAPPED" in (tmp_path / "f.csv").read_text("utf-8-sig")
    assert (tmp_path / "r.xlsx").stat().st_size
