"""The command of blocked points: what unblocking one is worth, and what could stand in for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import pandas as pd
import typer

from siting import words
from siting.actions import cases, runs, unblocking, worker
from siting.cli.desk import Account, Json, Project, desk, language, now, show

app = typer.Typer()
SHOWN = ("name", "distance_m", "added_people", "share_of_loss", "cost_yuan", "fibre_m", "in_plan")


@app.command()
def unblock(
    case: str,
    plan: Annotated[str | None, typer.Option("--plan", help="方案任务编号；默认最近一次全区方案")] = None,
    project: Project = None,
    account: Account = None,
    as_json: Json = False,
) -> None:
    """测算问题点位的解阻价值与替代点位。 Value a blocked point and list substitutes."""
    at = desk(project, account, writing=False)
    found = cases.get(at.db, at.actor, case)
    named = None if plan is None else runs.finished(at.db, at.actor, "plan", plan).id
    run = worker.run_now(at.db, at.actor, "unblock", unblocking.params(at.db, found, plan_run=named), clock=now)
    near = unblocking.substitutes(at.db, at.actor, found.id)
    if as_json:
        lines = near.astype(object).where(near.notna(), None).to_dict("records")
        show({"run": run.id, **run.result, "substitutes": lines}, as_json=True)
        return
    typer.echo(_value(run.result))
    for line in near[list(SHOWN)].to_dict("records"):
        typer.echo(_substitute({str(name): cell for name, cell in line.items()}))


def _value(result: Mapping[str, Any]) -> str:
    lang = language()
    if result["why"]:
        why = words.say(f"unblocking.why.{result['why']}", lang=lang)
        return words.say("unblocking.cli.not_computed", lang=lang, case=result["case"], why=why)
    amounts = {name: f"{result[name]:,.1f}" for name in ("value", "people_low", "people_high")}
    return words.say("unblocking.cli.value", lang=lang, case=result["case"], **amounts)


def _substitute(line: dict[str, Any]) -> str:
    return words.say(
        "unblocking.cli.planned" if line["in_plan"] else "unblocking.cli.nearby",
        lang=language(),
        name=line["name"] if pd.notna(line["name"]) else "—",
        distance_m=f"{line['distance_m']:,.0f}",
        people=f"{line['added_people']:,.1f}",
        share=f"{line['share_of_loss']:.0%}" if pd.notna(line["share_of_loss"]) else "—",
        cost_yuan=f"{line['cost_yuan']:,.0f}",
        fibre_m=f"{line['fibre_m']:,.0f}" if pd.notna(line["fibre_m"]) else "—",
    )
