"""The command of alternatives: other plans nearly as good as a finished one, and making one of them a plan."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from siting import words
from siting.actions import alternatives, runs, worker
from siting.cli.desk import Account, Desk, Json, Project, desk, language, now, show

app = typer.Typer()
HIDDEN = ("chosen", "value")


@app.command(name="alternatives")
def alternatives_(
    plan: Annotated[str | None, typer.Argument(help="方案任务编号；默认最近一次方案")] = None,
    count: Annotated[int, typer.Option("--count", help="最多几个")] = alternatives.COUNT,
    within: Annotated[float, typer.Option("--within", help="最多少覆盖：占方案新增覆盖的比例")] = alternatives.WITHIN,
    changes: Annotated[int, typer.Option("--changes", help="任两个方案至少更换的点数")] = alternatives.MIN_CHANGES,
    adopt: Annotated[int | None, typer.Option("--adopt", help="采用第几号，另存为方案")] = None,
    project: Project = None,
    account: Account = None,
    as_json: Json = False,
) -> None:
    """找与方案相差不多的替代方案。 Look for plans nearly as good as a finished one."""
    at = desk(project, account, writing=False)
    named = runs.finished(at.db, at.actor, "plan", plan).id
    if adopt is not None:
        _adopt(at, named, adopt, as_json=as_json)
        return
    wanted = alternatives.params(at.db, at.actor, named, count=count, within=within, min_changes=changes)
    run = worker.run_now(at.db, at.actor, alternatives.KIND, wanted, clock=now)
    found = alternatives.found(at.db, at.actor, run.id)
    lines = found["alternatives"].drop(columns=list(HIDDEN)).to_dict("records")
    if as_json:
        show({"run": run.id, **run.result, "alternatives": [_plain(line) for line in lines]}, as_json=True)
        return
    for line in lines:
        typer.echo(_line(line))
    if run.result["why"]:
        typer.echo(words.say(f"ui.alternatives.why.{run.result['why']}", lang=language(), asked=run.result["asked"]))


def _adopt(at: Desk, plan: str, number: int, *, as_json: bool) -> None:
    """Make an alternative of the newest search a plan of its own."""
    search = alternatives.standing(at.db, at.actor, plan)
    wanted = alternatives.adoption(at.db, at.actor, search.id if search else "none", number)
    run = worker.run_now(at.db, at.actor, alternatives.KIND, wanted, clock=now)
    show({"run": run.id, **run.result}, as_json=as_json)


def _plain(line: Mapping[Any, Any]) -> dict[str, Any]:
    """A line for machines: lists as lists, unknown as null."""
    own = {
        str(name): list(cell) if hasattr(cell, "__len__") and not isinstance(cell, str) else cell
        for name, cell in line.items()
    }
    return {name: None if cell != cell else cell for name, cell in own.items()}  # noqa: PLR0124 - NaN


def _line(line: Mapping[Any, Any]) -> str:
    known = line["fibre_change_m"] == line["fibre_change_m"]
    return words.say(
        "alternatives.cli.line",
        lang=language(),
        number=line["number"],
        loss=f"{line['loss']:,.1f}",
        gap=f"{line['gap']:.2%}",
        cost=f"{line['cost_change_yuan']:+,.0f}",
        fibre=f"{line['fibre_change_m']:+,.0f}" if known else "—",
        enters="、".join(line["enters"]) or "—",
        leaves="、".join(line["leaves"]) or "—",
    )
