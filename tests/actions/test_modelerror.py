"""The interval of what a plan adds, from the coverage run's own error to the card, the command line and the files."""

import json
import sqlite3

import numpy as np
import openpyxl
import pytest

from siting import cli, words
from siting.actions import modelerror, planfiles, plans, runs, worker
from siting.plan import margins
from siting.plan import modelerror as core
from siting.reports import planjson
from siting.store import artefacts
from siting.ui import planning_tables

TITLE = words.say("plan.note.added_interval", lang="zh_CN")


@pytest.fixture
def solve(done, actor, now):
    """Solve a small plan on the same coverage."""

    def run(**given):
        wanted = plans.params(done.db.settings, {"coverage": done.coverage.id, "count": 3, "kicks": 5, **given})
        return worker.run_now(done.db, actor, "plan", wanted, clock=lambda: now)

    return run


def kept(done):
    return done.db.settings.runs_folder / done.coverage.id


def forget(done):
    """As a coverage run of an earlier version left it: nothing about its error."""
    (kept(done) / "chances.npz").unlink()


def about(done, actor, run_id, tmp_path):
    (tmp_path / "p.gpkg").write_bytes(plans.export(done.db, actor, run_id, kind="gpkg")[1])
    with sqlite3.connect(tmp_path / "p.gpkg") as found:
        return {row[-2]: row[-1] for row in found.execute("select * from about")}


def notes(done, actor, run_id, tmp_path):
    (tmp_path / "p.xlsx").write_bytes(plans.export(done.db, actor, run_id, kind="xlsx")[1])
    return dict(openpyxl.load_workbook(tmp_path / "p.xlsx").worksheets[1].iter_rows(values_only=True))


@pytest.mark.parametrize("mode", ["probability", "binary"])
def test_a_coverage_run_without_error_leaves_what_is_added_as_it_is(done, solve, monkeypatch, mode):
    held = artefacts.load_arrays(kept(done), "chances")
    artefacts.save_arrays(kept(done), "chances", {**held, "error_db": np.zeros_like(held["error_db"])})
    monkeypatch.setattr(core, "rows", lambda: {**margins.rows(), "site_sigma_db": 0.0})
    found = solve(mode=mode).result
    assert found["added"] > 0
    assert found["added_low"] == found["added_high"] == pytest.approx(found["added"], rel=1e-6)


def test_a_plan_carries_its_interval_to_the_card_and_every_file(done, actor, solve, tmp_path):
    found = done.plan.result
    assert 0 <= found["added_low"] < found["added_high"]
    again = solve(count=found["count"], kicks=done.plan.params["kicks"]).result
    assert [again[name] for name in modelerror.ENDS] == [found[name] for name in modelerror.ENDS]
    span = f"{found['added_low']:,.0f}–{found['added_high']:,.0f}"
    told = plans.plan(done.db, actor, done.plan.id)
    assert f"模型误差 {span}" in [card.note for card in planning_tables.cards(told)]
    assert "未校准" in planning_tables.reading(told)
    assert notes(done, actor, done.plan.id, tmp_path)[TITLE] == f"{span} · 未校准"
    assert span in plans.export(done.db, actor, done.plan.id, kind="html")[1].decode()
    machine = about(done, actor, done.plan.id, tmp_path)
    assert [float(machine[name]) for name in modelerror.ENDS] == [found[name] for name in modelerror.ENDS]
    data = plans.export(done.db, actor, done.plan.id, kind="json")[1]
    read = planjson.load(data)
    assert planjson.dump(read) == data
    assert [read.about[name] for name in modelerror.ENDS] == [found[name] for name in modelerror.ENDS]


def test_where_nothing_is_known_of_the_error_no_file_says_a_number(done, actor, solve, tmp_path):
    forget(done)
    run = solve()
    assert [run.result[name] for name in modelerror.ENDS] == [None, None]
    assert notes(done, actor, run.id, tmp_path)[TITLE] == "未计算"
    assert about(done, actor, run.id, tmp_path)["added_interval"] == "not computed"


def test_a_plan_of_an_earlier_version_opens_and_says_that_it_was_not_computed(done, actor):
    run, base = done.plan, done.coverage
    told = plans.plan(done.db, actor, run.id)
    old = {name: value for name, value in told.items() if name not in modelerror.ENDS}
    assert "模型误差 未计算" in [card.note for card in planning_tables.cards(old)]
    assert "未计算" in planning_tables.reading(old)
    html = planfiles.render(done.db, actor, old, run=run, base=base, kind="html", lang="en")
    assert "not computed" in html.decode()


@pytest.mark.parametrize("known", [True, False])
def test_the_command_tells_the_interval_after_what_is_added(done, actor, capsys, monkeypatch, tmp_path, known):
    if not known:
        forget(done)
    monkeypatch.chdir(tmp_path)
    at = ("--coverage", done.coverage.id, "--project", str(done.db.settings.folder), "--kicks", "5", "--count", "2")
    cli.main(["plan", "--out", "p.json", *at])
    lines = capsys.readouterr().out.splitlines()
    title = words.say("cli.figure.added_interval", lang="zh_CN")
    where = next(n for n, line in enumerate(lines) if line.startswith(title))
    assert lines[where - 1].startswith("新增覆盖")
    found = runs.latest(done.db, actor, "plan").result
    span = f"{found['added_low']:,.0f}–{found['added_high']:,.0f}" if known else "未计算"
    assert lines[where] == f"{title}：{span}"
    assert (json.loads((tmp_path / "p.json").read_bytes())["about"].get("added_low") is not None) is known
