"""The command of planning proper: the best set of sites under limits and rules."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from siting import words
from siting.actions import planasked, plans, planwords, runs, worker
from siting.cli.desk import Account, Desk, Json, Project, desk, language, now, show, target
from siting.cli.planning import admitted, coverage_run_of
from siting.reports.plan_sheet import OF_PEOPLE

app = typer.Typer()
Many = list[str] | None
# What is for machines alone, or told in sentences after the figures.
UNTOLD = ("steps", "findings", "rests_on")


@app.command()
def plan(
    out: Annotated[Path, typer.Option("--out", help="输出文件，按扩展名定类型，如 .gpkg、.xlsx 或 .html")],
    count: Annotated[int | None, typer.Option("--count", help="选点个数；可与 --budget 同时给出")] = None,
    budget: Annotated[float | None, typer.Option("--budget", help="预算 [元]")] = None,
    goal: Annotated[float | None, typer.Option("--target", help="要新增覆盖的人口；求最省的方案")] = None,
    admit: Annotated[str | None, typer.Option("--admit", help="unknown：纳入情况不明的设施，仅供研究")] = None,
    lock: Annotated[Many, typer.Option("--lock", help="必须选中的选项或设施编号，可重复")] = None,
    forbid: Annotated[Many, typer.Option("--forbid", help="不得选中的选项或设施编号，可重复")] = None,
    mode: Annotated[str | None, typer.Option("--mode", help="probability 期望人数，或 binary 达标人数")] = None,
    use_permission: Annotated[bool, typer.Option("--use-permission", help="按同意概率计期望值")] = False,
    fibre_in_cost: Annotated[bool, typer.Option("--fibre-in-cost", help="光缆造价计入成本")] = False,
    spacing_m: Annotated[float | None, typer.Option("--min-spacing", help="最小站间距 [m]")] = None,
    spacing_by: Annotated[str | None, typer.Option("--spacing-by", help="operator 同一运营商，或 all 所有站点")] = None,
    quota: Annotated[
        Many, typer.Option("--quota", help="配额，如 street_office:NAME<=3 或 operator:cmcc>=2，可重复")
    ] = None,
    venue: Annotated[Many, typer.Option("--require-venue", help="必须覆盖的重点场所，编号或名称，可重复")] = None,
    gap: Annotated[float | None, typer.Option("--gap", help="目标间隙，如 0.01")] = None,
    seconds: Annotated[float | None, typer.Option("--time", help="求解时限 [s]")] = None,
    seed: Annotated[int | None, typer.Option("--seed", help="随机种子")] = None,
    kicks: Annotated[int | None, typer.Option("--kicks", help="每步随机扰动次数")] = None,
    start: Annotated[str | None, typer.Option("--start", help="起始方案的任务编号")] = None,
    coverage_run: Annotated[
        str | None, typer.Option("--coverage", help="覆盖任务编号；默认按设置中的网络与口径取最近一次")
    ] = None,
    project: Project = None,
    account: Account = None,
    as_json: Json = False,
) -> None:
    """求解选址方案。 Choose the best set of sites."""
    plans.require_kind(out)
    target(out)
    given = {
        "count": count,
        "budget_yuan": budget,
        "target_persons": goal,
        "admit": admitted(admit),
        "lock": lock,
        "forbid": forbid,
        "mode": mode,
        "use_permission": use_permission,
        "fibre_in_cost": fibre_in_cost,
        "gap": gap,
        "time_limit_s": seconds,
        "seed": seed,
        "kicks": kicks,
        "start": start,
        "rules": _rules(spacing_m, spacing_by, quota, venue),
    }
    at = desk(project, account, writing=False)
    planasked.params(at.db, at.actor, {**given, "coverage": coverage_run or ""})
    if start is not None:
        runs.finished(at.db, at.actor, "plan", start)
    base = coverage_run_of(at, coverage_run)
    wanted = planasked.params(at.db, at.actor, {**given, "coverage": base})
    run = worker.run_now(at.db, at.actor, "plan", wanted, clock=now)
    paths = plans.write(at.db, at.actor, run.id, out)
    untold = (*UNTOLD, *(OF_PEOPLE if "cost_bound_yuan" in run.result else ()))
    told = run.result if as_json else _with_interval(run.result)
    shown = {k: v for k, v in told.items() if as_json or k not in untold}
    show({"run": run.id, **shown, "out": ", ".join(map(str, paths))}, as_json=as_json)
    if not as_json:
        _tell(at, run.id)


def _with_interval(result: Mapping[str, Any]) -> dict[str, Any]:
    """The figures with what the plan adds if the model is off, in words after what it adds."""
    first = list(result)[: list(result).index("added") + 1]
    held = {name: result[name] for name in first}
    return {**held, "added_interval": planwords.interval(result, lang=language()), **result}


def _rules(spacing_m: float | None, spacing_by: str | None, quota: Many, venue: Many) -> dict[str, Any]:
    return {
        "min_spacing_m": spacing_m,
        "spacing_by": spacing_by,
        "quotas": quota or [],
        "required_venues": venue or [],
    }


def _tell(at: Desk, run_id: str) -> None:
    """Which rules bind, and what is to be known of the plan."""
    found = plans.plan(at.db, at.actor, run_id, lang=language())
    rules, told = found["rules"], found["told"]
    for line in rules.loc[rules["binds"].astype(bool), "message"] if len(rules) else []:
        typer.echo(words.say("cli.plan.binds", lang=language(), rule=line))
    for row in told.to_dict("records"):
        typer.echo(words.say("cli.plan.told", lang=language(), message=row["message"], remedy=row["remedy"]))
