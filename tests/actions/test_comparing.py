"""Finished plans held against each other, by the files that their runs left."""

import io
import json
import shutil
from types import SimpleNamespace

import numpy as np
import openpyxl
import pytest

from siting import access, cli, settings
from siting.access import local_admin
from siting.actions import comparing, comparisonfiles, plans, runs, scenarios, worker
from siting.errors import BadInput, NotFound
from siting.reports import comparison
from siting.store import artefacts, layers
from siting.store.database import open_database
from tests.case_people import person

ME = local_admin(source="cli")


@pytest.fixture(scope="module")
def planned_twice(planned_folder, tmp_path_factory, actor, now):
    """The district with its plan of five and one of two, and its runs by name; copy before writing (`two`)."""
    made, ids = planned_folder
    folder = shutil.copytree(made, tmp_path_factory.mktemp("planned_twice") / "district")
    db = open_database(settings.load(folder))
    asked = plans.params(db.settings, {"coverage": ids["coverage"], "count": 2})
    other = worker.run_now(db, actor, "plan", asked, clock=lambda: now)
    db.engine.dispose()
    return folder, ids, other.id


@pytest.fixture
def two(planned_twice, tmp_path, actor):
    """One's own copy of the district, and the plan of five and one of two, by name of their runs."""
    folder, ids, other = planned_twice
    db = open_database(settings.load(shutil.copytree(folder, tmp_path / "two")))
    yield (
        SimpleNamespace(db=db, **{kind: runs.get(db, actor, name) for kind, name in ids.items()}),
        [ids["plan"], other],
    )
    db.engine.dispose()


def counted(done, run_id):
    """People that a plan adds, in all and by sub-district, straight from the files of the runs."""
    at = done.db.settings.runs_folder
    units = artefacts.load_table(at / done.coverage.id, "units")
    scored = artefacts.load_table(at / done.score.id, "scored")
    reach = artefacts.load_matrix(at / done.score.id, "reach").toarray()
    chosen = artefacts.load_table(at / run_id, "plan_sites")["option_id"]
    present = units["present"].to_numpy(float)
    best = np.maximum(present, reach[:, np.flatnonzero(scored["option_id"].isin(chosen))].max(axis=1, initial=0.0))
    gained = (units["persons"] - units["unknown"]).to_numpy() * (best - present)
    return gained.sum(), dict(zip(units["street_office"], gained, strict=True)), units["street_office"], gained


def test_each_plan_adds_under_both_questions_what_its_files_say(two):
    done, pair = two
    found = comparing.compared(done.db, ME, pair)
    expected = {name: counted(done, name)[0] for name in pair}
    for name in pair:
        assert found.found.by_problem().loc[name].to_numpy() == pytest.approx([expected[name]] * 2, rel=1e-6)
    assert found.plans["added"].to_numpy() == pytest.approx(list(expected.values()), rel=1e-6)
    assert (found.found.robust, found.same_coverage, found.same_score) == (pair[0], True, True)
    broken = found.found.matrix.set_index(["plan", "problem"])["violations"]
    assert broken[pair[0], pair[1]] == ("count",)
    assert broken[pair[1], pair[0]] == ()
    assert found.found.hashes_differ


def test_the_differences_by_sub_district_equal_those_of_the_files(two):
    done, pair = two
    found = comparing.compared(done.db, ME, pair)
    table = found.found.differences(pair[0], "street_office", *pair).set_index("name")["difference"]
    sums = []
    for name in pair:
        _, _, offices, gained = counted(done, name)
        sums.append({office: gained[(offices == office).to_numpy()].sum() for office in table.index})
    for office, difference in table.items():
        assert difference == pytest.approx(sums[1][office] - sums[0][office], abs=1e-3)
    stored = comparing.stored_differences(found).set_index("name")["difference"]
    assert stored.reindex(table.index).to_numpy() == pytest.approx(table.to_numpy(), abs=1e-2)


def test_common_and_differing_sites_are_those_of_the_plans(two):
    done, pair = two
    sites = comparing.compared(done.db, ME, pair).sites
    held = [set(plans.plan(done.db, ME, name)["sites"]["option_id"]) for name in pair]
    assert set(sites.loc[sites["common"], "option_id"]) == held[0] & held[1]
    assert {tuple(p) for p in sites["plans"]} <= {tuple(pair), (pair[0],), (pair[1],)}
    assert set(sites["option_id"]) == held[0] | held[1]
    assert sites["common"].is_monotonic_decreasing


def test_draws_move_all_plans_alike_and_are_the_same_every_time(two):
    done, pair = two
    first, again = (comparing.compared(done.db, ME, pair).found for _ in range(2))
    drawn = first.matrix[first.matrix["draw"]]
    assert drawn["problem"].nunique() == 20
    assert drawn["added"].tolist() == again.matrix.loc[again.matrix["draw"], "added"].tolist()
    wide = drawn.pivot_table(index="problem", columns="plan", values="added")
    assert np.corrcoef(wide.to_numpy().T)[0, 1] > 0.9
    assert first.worst_mean[pair[0]] == pytest.approx(np.sort(wide[pair[0]])[:2].mean())
    assert not comparing.compared(done.db, ME, pair, draws=False).found.matrix["draw"].any()


def test_one_plan_or_the_same_twice_is_refused(two):
    done, pair = two
    for given in ([pair[0]], [pair[0], pair[0]], []):
        with pytest.raises(BadInput) as caught:
            comparing.compared(done.db, ME, given)
        assert caught.value.key == "compare.two"
    with pytest.raises(NotFound):
        comparing.compared(done.db, ME, [pair[0], "plan-none"])


def test_once_the_district_changed_the_stored_figures_remain(two, now):
    done, pair = two
    frame = layers.read(done.db, "buildings").head(1)
    with done.db.write() as connection:
        layers.upsert(connection, "buildings", frame, provenance={"source_name": "t"}, now=now)
    found = comparing.compared(done.db, ME, pair)
    assert found.found is None
    assert found.missing["why"].tolist() == ["stale", "stale"]
    assert not comparing.stored_differences(found).empty
    assert len(found.sites) >= 5
    name, data = comparisonfiles.export(done.db, ME, found)
    assert name.endswith(".xlsx")
    assert data[:2] == b"PK"


def test_a_scenario_of_the_district_is_one_more_question(two, now):
    done, pair = two
    asked = scenarios.asked(done.db, ME, pair[1])
    site = comparing.compared(done.db, ME, pair).sites
    gone = str(site.loc[site["common"], "candidate_id"].iloc[0])
    saved = scenarios.save(
        done.db, ME, "涨价", given={**asked, "price_factor": 2.0, "forbid": [gone]}, reason="试", now=now
    )
    later = scenarios.save(
        done.db,
        ME,
        "夜间",
        given={**asked, "coverage_params": {**asked["coverage_params"], "profile": "good-95"}},
        reason="试",
        now=now,
    )
    scenarios.save(done.db, ME, "偏差", given={**asked, "draw_seed": 7}, reason="试", now=now)
    found = comparing.compared(done.db, ME, pair)
    named = found.problems.set_index("problem")
    assert named.loc[saved.id, "name"] == "涨价"
    assert found.missing[["problem", "why"]].to_numpy().tolist() == [[later.id, "no_coverage"]]
    held = found.found.matrix.set_index(["plan", "problem"])
    assert {"plan": pair[0], "problem": saved.id} in found.found.left_out[["plan", "problem"]].to_dict("records")
    assert held.loc[(pair[0], saved.id), "added"] < held.loc[(pair[0], pair[0]), "added"]
    left = set(found.found.left_out.loc[found.found.left_out["problem"] == saved.id, "option_id"])
    others = found.sites[~found.sites["option_id"].isin(left)]
    cost = sum(others.loc[[pair[0] in p for p in others["plans"]], "cost_yuan"])
    assert held.loc[(pair[0], saved.id), "cost_yuan"] == pytest.approx(2 * cost)
    off = next(name for name in named.index if named.loc[name, "name"] == "偏差")
    assert held.loc[(pair[0], off), "added"] != held.loc[(pair[0], pair[0]), "added"]


def test_under_a_scenario_with_prices_of_its_own_plans_cost_what_it_says(two, now):
    done, pair = two
    asked = scenarios.asked(done.db, ME, pair[1])
    sites = artefacts.load_table(done.db.settings.runs_folder / pair[0], "plan_sites")
    kind, unit = sites[["class", "equipment"]].iloc[0]
    price = {f"{kind}.{unit}": 77_000}
    made = scenarios.save(done.db, ME, "自价", given={**asked, "prices": price, "price_factor": 2.0}, reason="试", now=now)
    found = comparing.compared(done.db, ME, pair, draws=False).found
    same = (sites["class"] == kind) & (sites["equipment"] == unit)
    cost = sites["cost_yuan"].where(~same, 77_000).sum()
    assert found.by_problem("cost_yuan").loc[pair[0], made.id] == pytest.approx(2 * cost)
    assert found.by_problem("cost_yuan").loc[pair[0], pair[0]] == pytest.approx(sites["cost_yuan"].sum())
    own = comparing.compared(done.db, ME, pair, draws=False).plans.assign(prices=["{}", '{"a": 1}'])
    figures = comparison.overview(own, lang="zh_CN").set_index("指标")
    assert np.isnan(figures.loc["造价（元）", "差（B−A）"])
    assert "价格表" in comparison.basis(own, lang="zh_CN")


def test_whoever_does_not_see_a_plan_compares_nothing(two):
    done, pair = two
    for role in ("operator", "tower"):
        stranger = person(role, org="另一单位")
        assert comparing.listing(done.db, stranger).empty
        with pytest.raises(NotFound):
            comparing.compared(done.db, stranger, pair)


def test_the_name_of_a_comparison_changes_with_what_it_rests_on(two, now):
    done, pair = two
    before = comparing.version(done.db, ME, pair)
    assert before == comparing.version(done.db, ME, pair)
    assert before != comparing.version(done.db, ME, pair[::-1])
    scenarios.save(done.db, ME, "一", given=scenarios.asked(done.db, ME, pair[0]), reason="试", now=now)
    assert before != comparing.version(done.db, ME, pair)


def test_whoever_plans_for_one_organisation_keeps_scenarios_to_it(two, now):
    done, pair = two
    asked = scenarios.asked(done.db, ME, pair[0])
    own = person("operator", org="甲", operator="ctc")
    assert access.scope(own, runs.PERMISSION) != "all"
    made = scenarios.save(done.db, own, "自有", given=asked, reason="试", now=now)
    assert (made.audience, made.org) == ("org", "甲")
    assert [one.id for one in scenarios.listing(done.db, own)] == [made.id]
    assert scenarios.listing(done.db, person("planner")) == []
    with pytest.raises(NotFound):
        scenarios.remove(done.db, person("planner"), made.id, reason="试", now=now)


def test_more_than_two_plans_are_held_against_every_question_and_the_first_two_against_each_other(two, now, capsys):
    done, pair = two
    asked = plans.params(done.db.settings, {"coverage": done.coverage.id, "count": 3})
    names = [*pair, worker.run_now(done.db, ME, "plan", asked, clock=lambda: now).id]
    found = comparing.compared(done.db, ME, names, draws=False)
    expected = np.array([counted(done, name)[0] for name in names])
    assert found.found.by_problem().to_numpy() == pytest.approx(np.tile(expected[:, None], 3), rel=1e-6)
    assert found.found.by_problem("regret").to_numpy()[:, 0] == pytest.approx(expected.max() - expected, abs=1e-3)
    assert comparison.overview(found.plans, lang="zh_CN").columns[1:].tolist() == ["方案 A", "方案 B", "方案 C"]
    held = comparison.of_two(found.sites, *pair)
    only = comparison.of_two(comparing.compared(done.db, ME, pair, draws=False).sites, *pair)
    assert dict(zip(held["option_id"], held["held"], strict=True)) == dict(
        zip(only["option_id"], only["held"], strict=True)
    )
    book = openpyxl.load_workbook(io.BytesIO(comparisonfiles.export(done.db, ME, found)[1]))
    whose = {cell.value for cell in book["站点"]["A"][1:]}
    assert whose <= {"A", "B", "C", "A、B", "A、C", "B、C", "A、B、C"}
    assert [cell.value for cell in book["情景下新增"]["A"]] == ["方案", "方案 A", "方案 B", "方案 C"]
    cli.main(["compare", *names, "--project", str(done.db.settings.folder)])
    assert f"方案 C：11-02 09:30 · 3 个点 · 增 {expected[2]:,.0f} 人" in capsys.readouterr().out
    with pytest.raises(BadInput) as caught:
        comparing.compared(done.db, ME, [f"plan-{n}" for n in range(comparing.MOST + 1)])
    assert caught.value.key == "compare.many"


def test_costs_with_and_without_fibre_do_not_subtract_and_those_of_the_sites_alone_do(two, now, capsys):
    done, (plain, _) = two
    asked = plans.params(done.db.settings, {"coverage": done.coverage.id, "count": 2, "fibre_in_cost": True})
    with_fibre = worker.run_now(done.db, ME, "plan", asked, clock=lambda: now).id
    at = done.db.settings.runs_folder
    sites, own = (artefacts.load_table(at / name, "plan_sites") for name in (plain, with_fibre))
    alone = (own["cost_yuan"] - own["fibre_cost_yuan"]).sum()
    found = comparing.compared(done.db, ME, [plain, with_fibre], draws=False)
    figures = comparison.overview(found.plans, lang="zh_CN").set_index("指标")
    assert figures.loc["造价（元）"].tolist()[:2] == pytest.approx([sites["cost_yuan"].sum(), own["cost_yuan"].sum()], abs=0.5)
    assert np.isnan(figures.loc["造价（元）", "差（B−A）"])
    told = figures.loc["其中站点造价（元，不含光缆）"].tolist()
    assert told == pytest.approx([sites["cost_yuan"].sum(), alone, alone - sites["cost_yuan"].sum()], abs=1)
    listed = found.sites.set_index("option_id")["cost_yuan"]
    assert listed[own["option_id"]].sum() == pytest.approx(alone)
    book = openpyxl.load_workbook(io.BytesIO(comparisonfiles.export(done.db, ME, found)[1]))
    assert any("造价不相减" in str(cell.value) for row in book.worksheets[0].iter_rows() for cell in row)
    cli.main(["compare", plain, with_fibre, "--project", str(done.db.settings.folder)])
    said = capsys.readouterr().out
    assert f"造价（元）：A {sites['cost_yuan'].sum():,.0f}  B {own['cost_yuan'].sum():,.0f}  B−A —" in said
    assert "造价不相减" in said


def test_plans_that_count_cost_alike_show_one_cost_and_its_difference(two):
    done, pair = two
    figures = comparison.written(comparing.compared(done.db, ME, pair, draws=False).plans, lang="zh_CN")
    cost = figures.set_index("指标").loc["造价（元）"]
    assert "其中站点造价（元，不含光缆）" not in set(figures["指标"])
    amounts = [int(text.replace(",", "")) for text in cost]
    assert amounts[2] == amounts[1] - amounts[0] < 0


def test_the_difference_of_a_figure_is_that_of_the_figures_shown(two):
    done, pair = two
    plans_ = comparing.compared(done.db, ME, pair, draws=False).plans.assign(fibre_m=[8539.4, 8000.6])
    figures = comparison.written(plans_, lang="zh_CN").set_index("指标")
    fibre = next(name for name in figures.index if name.startswith("光缆"))
    assert figures.loc[fibre].tolist() == ["8,539", "8,001", "-538"]


def test_at_the_command_line_two_plans_are_compared_and_written(two, capsys, tmp_path):
    done, pair = two
    where = ["--project", str(done.db.settings.folder)]
    cli.main(["compare", *pair, *where])
    said = capsys.readouterr().out
    assert "方案 A：" in said
    assert "按街道" in said
    assert "仅方案 A：" in said
    assert "稳健选择：方案 A" in said
    out = tmp_path / "c.xlsx"
    cli.main(["compare", *pair, "--out", str(out), "--json", *where])
    told = json.loads(capsys.readouterr().out)
    assert out.read_bytes()[:2] == b"PK"
    assert [plan["run"] for plan in told["plans"]] == pair
    assert told["robust"] == pair[0]
    assert len(told["common"]) + len(told["only_first"]) == 5
    assert len(told["common"]) + len(told["only_second"]) == 2
    largest = [abs(line["difference"]) for line in told["differences"]["street_office"]]
    assert largest == sorted(largest, reverse=True)
    for wrong in ([*pair, "--out", str(tmp_path / "c.pdf")], [pair[0], pair[0]], [pair[0], "none"]):
        with pytest.raises(SystemExit) as left:
            cli.main(["compare", *wrong, *where])
        assert left.value.code == 2
