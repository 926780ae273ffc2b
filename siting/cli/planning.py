"""Commands of planning: coverage and score; the plan has a module of its own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from siting import words
from siting.actions import candidates, coverage, runs, surveying, worker
from siting.cli import scores
from siting.cli.desk import Account, Desk, Json, Project, desk, language, now, show, target
from siting.errors import BadInput

app = typer.Typer()
LISTS = ("operator", "street_office", "venue", "building")


@app.command(name="coverage")
def coverage_(
    out: Annotated[Path, typer.Option("--out", help="GeoTIFF 文件")],
    network: Annotated[list[str] | None, typer.Option("--network", help="网络，可重复，第一个供选址使用")] = None,
    profile: Annotated[str | None, typer.Option("--profile", help="门限口径，如 weak-110")] = None,
    by: Annotated[str | None, typer.Option("--by", help="另列缺口：operator、street_office、venue 或 building")] = None,
    mix: Annotated[str | None, typer.Option("--mix", help="人口时段 night 或 day")] = None,
    cell_m: Annotated[float | None, typer.Option("--cell-m", help="格网边长 [m]")] = None,
    walk: Annotated[Path | None, typer.Option("--next", help="另存建议补测路线：.csv 或 .xlsx")] = None,
    project: Project = None,
    account: Account = None,
    as_json: Json = False,
) -> None:
    """计算覆盖与缺口。 Compute coverage and gap."""
    target(out)
    if walk is not None:
        surveying.require_kind(walk.suffix)
        target(walk)
    if by not in {None, *LISTS}:
        raise BadInput("cli.by", value=by, known=", ".join(LISTS))
    at = desk(project, account, writing=False)
    given = {"networks": network, "profile": profile, "mix": mix, "cell_m": cell_m}
    run = worker.run_now(at.db, at.actor, "coverage", coverage.params(at.db, given), clock=now)
    coverage.write_geotiff(at.db, at.actor, run.id, out)
    if walk is not None:
        surveying.write(at.db, at.actor, run.id, walk, lang=language())
    listed = {} if by is None else {"by": _listed(at, run.id, by)}
    show({"run": run.id, **run.result, "out": out, **(listed if as_json else {})}, as_json=as_json)
    if not as_json:
        for name, own in _each(run.result):
            typer.echo(_line(name, own))
        for row in listed.get("by", []):
            typer.echo(_line(row["name"], row))


def _each(result: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """Of several networks each, and all together."""
    both = result["all"]
    return [*result["networks"].items(), (words.say("cli.gap.all", lang=language()), both)] if both else []


def _listed(at: Desk, run_id: str, by: str) -> list[dict[str, Any]]:
    """Figures of a level over all networks of a run, most uncovered first."""
    run = runs.get(at.db, at.actor, run_id)
    table = coverage.figures(at.db, at.actor, run_id, by=by, network=coverage.views(run)[-1])
    named = table.rename(columns={"building_id" if by == "building" else by: "name"})
    return [{str(k): v for k, v in row.items()} for row in named.to_dict("records")]


def _line(name: object, own: Mapping[str, Any]) -> str:
    """One network or place in words."""
    parts = {"uncovered": "uncovered", "low": "p05", "high": "p95", "unknown": "unknown", "persons": "persons"}
    values = {part: f"{own[column]:,.1f}" for part, column in parts.items()}
    return words.say("cli.gap.line", lang=language(), name="—" if name is None or name != name else name, **values)  # noqa: PLR0124 - NaN


@app.command()
def score(
    out: Annotated[Path, typer.Option("--out", help="GeoPackage 文件")],
    admit: Annotated[str | None, typer.Option("--admit", help="unknown：纳入情况不明的设施，仅供研究")] = None,
    coverage_run: Annotated[
        str | None, typer.Option("--coverage", help="覆盖任务编号；默认按设置中的网络与口径取最近一次")
    ] = None,
    profile: Annotated[str | None, typer.Option("--profile", help="权重方案名称；默认用评分任务所用的")] = None,
    weight: Annotated[list[str] | None, typer.Option("--weight", help="部分=权重，如 cost_yuan=20，可重复")] = None,
    top: Annotated[int, typer.Option("--top", min=0, help="在终端列出前几名及各部分得分")] = 0,
    stable: Annotated[bool, typer.Option("--stability", help="检验名次是否稳定，需几秒")] = False,
    project: Project = None,
    account: Account = None,
    as_json: Json = False,
) -> None:
    """给候选点评分；另给权重时不必重算。 Score the candidates; other weights need no new run."""
    target(out)
    unknown, changed = bool(admitted(admit)), scores.weights_of(weight or [])
    at = desk(project, account, writing=False)
    given = scores.given(at, profile, changed)
    wanted = candidates.params(coverage_run_of(at, coverage_run), admit_unknown=unknown)
    standing = candidates.standing(at.db, at.actor, wanted)
    run = standing or worker.run_now(at.db, at.actor, "score", wanted, clock=now)
    candidates.write(at.db, at.actor, run.id, out, given)
    ranks = scores.ranks(at, run, given) if stable else None
    listed = scores.listed(at, run, given, ranks, top=top)
    show(
        {"run": run.id, **run.result, **scores.told(ranks), "out": out, **(listed if as_json else {})}, as_json=as_json
    )
    if not as_json:
        scores.echo(listed, ranks, unit=run.result["measure"])


def admitted(admit: str | None) -> list[str]:
    """States that a command admits beside the usable ones; BadInput for any but ``unknown``."""
    if admit not in {None, candidates.STUDY}:
        raise BadInput("cli.admit", value=admit)
    return [] if admit is None else [admit]


def coverage_run_of(at: Desk, run_id: str | None) -> str:
    """The coverage run that candidates are measured against; computed by the settings unless one stands."""
    if run_id is not None:
        return runs.finished(at.db, at.actor, "coverage", run_id).id
    wanted = coverage.params(at.db, {})
    standing = coverage.standing(at.db, at.actor, wanted)
    return (standing or worker.run_now(at.db, at.actor, "coverage", wanted, clock=now)).id
