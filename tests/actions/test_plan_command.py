"""``siting plan`` on a district in which coverage and candidates stand."""

import json
import re
from datetime import UTC, datetime

import geopandas as gpd
import numpy as np
import pytest

from siting import cli
from siting.actions import planasked, runs, scenarios
from siting.errors import BadInput
from siting.store import artefacts, layers


@pytest.fixture
def plan(done, capsys, monkeypatch, tmp_path):
    """Run the command; exit code, what it printed (figures where it ended well), what it complained."""
    monkeypatch.chdir(tmp_path)

    def run(*args, spoken=False):
        code = 0
        at = (
            "--out",
            "p.gpkg",
            "--coverage",
            done.coverage.id,
            "--project",
            str(done.db.settings.folder),
            "--kicks",
            "5",
        )
        try:
            cli.main(["plan", *map(str, args), *at, *(() if spoken else ("--json",))])
        except SystemExit as left:
            code = int(left.code or 0)
        shown = capsys.readouterr()
        return code, json.loads(shown.out) if code == 0 and not spoken else shown.out, shown.err

    return run


def test_options_of_the_command_are_those_of_the_plan(plan, done, actor):
    scored = artefacts.load_table(done.db.settings.runs_folder / done.score.id, "scored")
    office, last = scored["street_office"].iloc[0], scored["candidate_id"].iloc[-1]
    out = scored["candidate_id"].iloc[0]
    code, found, _ = plan(
        "--count", 3, "--budget", 400_000, "--lock", last, "--forbid", out, "--min-spacing", 100, "--spacing-by", "all",
        "--quota", f"street_office:{office}<=1", "--mode", "binary", "--gap", 0.05, "--time", 30, "--seed", 7,
    )  # fmt: skip
    assert code == 0
    sites = gpd.read_file("p.gpkg", layer="plan_sites")
    xy = np.column_stack([sites.geometry.x, sites.geometry.y])
    apart = [np.hypot(*(a - b)) for i, a in enumerate(xy) for b in xy[:i]]
    assert min(apart, default=100) >= 100
    assert last in set(sites["candidate_id"])
    assert out not in set(sites["candidate_id"])
    assert (sites["street_office"] == office).sum() <= 1
    asked = runs.get(done.db, actor, found["run"]).params
    assert (asked["gap"], asked["time_limit_s"], asked["seed"], asked["mode"], asked["kicks"]) == (
        0.05,
        30,
        7,
        "binary",
        5,
    )
    assert (asked["count"], asked["budget_yuan"]) == (3, 400_000)


def test_what_binds_is_told_in_words(plan):
    code, out, _ = plan("--count", 2, spoken=True)
    assert code == 0
    assert "起约束作用：新站点不超过 2 个" in out


def test_everything_wrong_is_told_in_one_line_before_anything_is_computed(plan, done, actor):
    before = len(runs.listing(done.db, actor))
    code, _, complaint = plan("--gap", 3, "--quota", "cmcc", "--mode", "both", "--min-spacing", -1)
    assert (code, complaint.count("\n")) == (2, 1)
    assert [part for part in ("数量、预算", "间隙 3.0", "cmcc", "both", "-1") if part not in complaint] == []
    assert len(runs.listing(done.db, actor)) == before


def test_names_that_nobody_knows_are_told_at_once_with_those_that_are_known(plan, done, actor):
    before = len(runs.listing(done.db, actor))
    scored = artefacts.load_table(done.db.settings.runs_folder / done.score.id, "scored")
    office, owner = scored["street_office"].iloc[0], scored["owner_org"].dropna().iloc[0]
    wrong = (
        "street_office:无此街道<=3",
        "owner_org:无此单位>=1",
        "operator:vodafone<=1",
        "zone:middle<=1",
        "class:pyramid<=1",
    )
    given = [part for text in (*wrong, f"street_office:{office}<=2") for part in ("--quota", text)]
    code, _, complaint = plan("--count", 2, "--gap", 3, *given, "--require-venue", "无此场所")
    assert (code, complaint.count("\n")) == (2, 1)
    assert "有 7 处不合规" in complaint
    parts = (*wrong, "间隙 3.0", "无此场所", office, owner, "ctc", "gap", "normal", "surplus", scored["class"].iloc[0])
    assert [part for part in parts if part not in complaint] == []
    assert any(name in complaint for name in layers.read(done.db, "venues", columns=["name"])["name"])
    assert len(runs.listing(done.db, actor)) == before


def test_before_anything_is_computed_a_quota_may_name_what_the_district_has(done, actor):
    base = {"coverage": "", "coverage_params": dict(done.coverage.params), "count": 2}
    offices = layers.read(done.db, "districts").query("level == 'street_office'")["name"]
    known = {"quotas": [f"street_office:{offices.iloc[0]}<=1", "zone:gap<=1", "class:street_light<=9"]}
    asked = planasked.params(done.db, actor, {**base, "rules": known})
    assert [quota["by"] for quota in asked["rules"]["quotas"]] == ["street_office", "zone", "class"]
    with pytest.raises(BadInput) as caught:
        planasked.params(done.db, actor, {**base, "rules": {"quotas": ["operator:cmcc<=1"]}})
    assert caught.value.key == "plans.rules.quota_name"
    assert {"ctc", "cucc"} <= set(re.findall(r"\w+", caught.value.message()))
    given = {**base, "rules": {"required_venues": ["无此场所"]}}
    with pytest.raises(BadInput) as caught:
        scenarios.save(done.db, actor, "场所", given=given, reason="试", now=datetime.now(UTC))
    assert caught.value.key == "plans.rules.venue_name"
    assert scenarios.listing(done.db, actor) == []


def test_rules_that_clash_end_with_code_5_and_are_named(plan, done):
    scored = artefacts.load_table(done.db.settings.runs_folder / done.score.id, "scored")
    office = scored["street_office"].iloc[0]
    code, _, complaint = plan("--count", 1, "--quota", f"street_office:{office}>=2")
    assert code == 5
    assert office in complaint
    assert "不超过 1 个" in complaint


def test_a_plan_may_start_from_another(plan, done):
    _, first, _ = plan("--count", 2)
    code, second, _ = plan("--count", 3, "--start", first["run"])
    assert (code, second["start"]) == (0, first["run"])
    assert second["value"] >= first["value"]
