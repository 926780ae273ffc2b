"""Commands of planning: coverage, score, plan."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from siting.actions import candidates, coverage, plans, runs, worker
from siting.cli.desk import Account, Desk, Json, Project, desk, now, one, show, target
from siting.errors import BadInput

app = typer.Typer()


@app.command(name="coverage")
def coverage_(
    out: Annotated[Path, typer.Option("--out", help="GeoTIFF 文件")],
    network: Annotated[str | None, typer.Option("--network", help="网络，如 ctcu-n78-a")] = None,
    profile: Annotated[str | None, typer.Option("--profile", help="门限口径，如 weak-110")] = None,
    mix: Annotated[str | None, typer.Option("--mix", help="人口时段 night 或 day")] = None,
    cell_m: Annotated[float | None, typer.Option("--cell-m", help="格网边长 [m]")] = None,
    project: Project = None,
    account: Account = None,
    as_json: Json = False,
) -> None:
    """计算覆盖与缺口。 Compute coverage and gap."""
    target(out)
    at = desk(project, account, writing=False)
    given = {"network": network, "profile": profile, "mix": mix, "cell_m": cell_m}
    run = worker.run_now(at.db, at.actor, "coverage", coverage.params(at.db, given), clock=now)
    coverage.write_geotiff(at.db, at.actor, run.id, out)
    show({"run": run.id, **run.result, "out": out}, as_json=as_json)


@app.command()
def score(
    out: Annotated[Path, typer.Option("--out", help="GeoPackage 文件")],
    admit: Annotated[str | None, typer.Option("--admit", help="unknown：纳入情况不明的设施，仅供研究")] = None,
    coverage_run: Annotated[str | None, typer.Option("--coverage", help="覆盖任务编号；默认按设置中的网络与口径取最近一次")] = None,
    project: Project = None,
    account: Account = None,
    as_json: Json = False,
) -> None:
    """给候选点评分。 Score the candidates."""
    target(out)
    unknown = bool(_admitted(admit))
    at = desk(project, account, writing=False)
    wanted = candidates.params(_coverage(at, coverage_run), admit_unknown=unknown)
    standing = candidates.standing(at.db, at.actor, wanted)
    run = standing or worker.run_now(at.db, at.actor, "score", wanted, clock=now)
    candidates.write(at.db, at.actor, run.id, out)
    show({"run": run.id, **run.result, "out": out}, as_json=as_json)


@app.command()
def plan(
    out: Annotated[Path, typer.Option("--out", help="输出：.gpkg、.geojson、.xlsx 或 .html")],
    count: Annotated[int | None, typer.Option("--count", help="选点个数")] = None,
    budget: Annotated[float | None, typer.Option("--budget", help="预算 [元]")] = None,
    admit: Annotated[str | None, typer.Option("--admit", help="unknown：纳入情况不明的设施，仅供研究")] = None,
    coverage_run: Annotated[str | None, typer.Option("--coverage", help="覆盖任务编号；默认按设置中的网络与口径取最近一次")] = None,
    project: Project = None,
    account: Account = None,
    as_json: Json = False,
) -> None:
    """求解选址方案。 Choose the best set of sites."""
    one("--count, --budget", count, budget)
    plans.require_kind(out)
    target(out)
    at = desk(project, account, writing=False)
    asked = {"coverage": "", "admit": _admitted(admit), "count": count, "budget_yuan": budget}
    wanted = plans.params(at.db.settings, asked)
    wanted["coverage"] = _coverage(at, coverage_run)
    run = worker.run_now(at.db, at.actor, "plan", wanted, clock=now)
    paths = plans.write(at.db, at.actor, run.id, out)
    shown = {k: v for k, v in run.result.items() if k != "steps"}
    show({"run": run.id, **shown, "out": ", ".join(map(str, paths))}, as_json=as_json)


def _admitted(admit: str | None) -> list[str]:
    if admit not in {None, candidates.STUDY}:
        raise BadInput("cli.admit", value=admit)
    return [] if admit is None else [admit]


def _coverage(at: Desk, run_id: str | None) -> str:
    """The coverage run that candidates are measured against; computed by the settings unless one stands."""
    if run_id is not None:
        return runs.finished(at.db, at.actor, "coverage", run_id).id
    wanted = coverage.params(at.db, {})
    standing = coverage.standing(at.db, at.actor, wanted)
    return (standing or worker.run_now(at.db, at.actor, "coverage", wanted, clock=now)).id
