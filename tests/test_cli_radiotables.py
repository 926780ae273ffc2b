"""The radio tables at the command line."""

import json
import shutil

import pytest

from siting import cli, settings
from siting.actions import plantables, radiotables
from siting.store.database import open_database
from tests.radio.test_patternfile import leaning, text

WHY = ("--reason", "执照复印件")


@pytest.fixture
def district(small_project, tmp_path):
    return shutil.copytree(small_project, tmp_path / "d")


@pytest.fixture
def siting(capsys, district):
    """Run a command on one's own district: exit code, what it printed, what it complained."""

    def run(*args):
        code = 0
        try:
            cli.main([*map(str, args), "--project", str(district)])
        except SystemExit as left:
            code = left.code
        return code, *capsys.readouterr()

    return run


def store(folder):
    return open_database(settings.load(folder))


def test_a_row_is_shown_changed_and_restored(siting, district):
    code, said, _ = siting("table", "show", "thresholds")
    assert (code, said.splitlines()[0].split("\t")[0], len(said.splitlines())) == (0, "name", 4)
    assert siting("table", "set", "thresholds", "weak-110", "rsrp_dbm=-108", "mark=2nd", *WHY)[:2] == (0, "weak-110\n")
    held = radiotables.thresholds(store(district))["weak-110"]
    assert (held.rsrp_dbm, held.mark, held.version) == (-108.0, "2nd", 2)
    rows = json.loads(siting("table", "show", "thresholds", "--json")[1])["rows"]
    assert [(row["state"], row["reason"]) for row in rows if row["name"] == "weak-110"] == [("changed", WHY[1])]
    assert siting("table", "restore", "thresholds", "weak-110", *WHY)[0] == 0
    assert radiotables.thresholds(store(district))["weak-110"].rsrp_dbm == -110.0


def test_a_row_that_cannot_be_computed_with_leaves_with_2_and_says_all_that_is_wrong(siting, district):
    code, _, complained = siting("table", "set", "networks", "cm-n41", "n_rb=274", "frequency_ghz=3.35", *WHY)
    assert code == 2
    assert "273" in complained
    assert "3300" in complained
    assert radiotables.revision(store(district)) == 0
    assert siting("table", "set", "networks", "cm-n41", "n_rb", *WHY)[0] == 2


def test_a_pattern_is_added_listed_and_dropped_and_a_doubtful_one_needs_a_word(siting, district, tmp_path):
    file = tmp_path / "up.msi"
    file.write_bytes(text("NAME UP\nGAIN 15 dBi\nTILT 6\n", vertical=leaning(354.0)))
    assert siting("pattern", "add", file, *WHY)[0] == 2
    code, said, complained = siting("pattern", "add", file, "--flip", *WHY)
    assert (code, said) == (0, "UP\n")
    assert "下倾" in complained
    assert "UP" in siting("pattern", "list")[1]
    assert siting("pattern", "drop", "UP", *WHY)[0] == 0
    assert siting("pattern", "list")[:2] == (0, "")
    assert radiotables.patterns(store(district)) == {}


def test_a_planning_table_is_shown_changed_and_restored_by_the_same_commands(siting, district):
    assert siting("table", "show", "costs")[1].splitlines()[0].split("\t")[:3] == ["name", "host_class", "equipment"]
    light = "street_light.micro-2x5w"
    given = ("table", "set", "costs", light, "site_cost_yuan=41000", "mark=2nd", *WHY)
    code, _, complained = siting(*given)
    assert (code, plantables.revision(store(district))) == (2, 0)
    assert "来源" in complained
    assert siting(*given, "source=报价单")[:2] == (0, f"{light}\n")
    held = plantables.costs(store(district)).set_index(["host_class", "equipment"]).loc[("street_light", "micro-2x5w")]
    assert (held["site_cost_yuan"], held["mark"], held["source"]) == (41000, "2nd", "报价单")
    assert siting("table", "restore", "costs", light, *WHY)[0] == 0
    assert plantables.costs(store(district)).iloc[0]["site_cost_yuan"] == 32000
    assert radiotables.revision(store(district)) == 0


def test_a_table_that_is_not_there_is_refused_with_the_names_of_all(siting):
    code, _, complained = siting("table", "show", "walls")
    assert code == 2
    assert all(name in complained for name in ("networks", "costs", "fibre"))
