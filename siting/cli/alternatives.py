"""The command of alternatives: other plans nearly as good as a finished one, and making one of them a plan."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

import typer

from siting import words
from siting.actions import alternatives, runs, worker
from siting.cli.desk import Account, Desk, Json, Project, desk, language, now, show

app = typer.Typer()
HIDDEN = ("chosen", "value")
SHOWN = ("number", "role", "option_id", "name", "street_office")
Row = Mapping[Any, Any]


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
    points = {number: rows.to_dict("records") for number, rows in found["points"][list(SHOWN)].groupby("number")}
    if as_json:
        told = [{**_plain(line), "points": [_plain(row) for row in points[line["number"]]]} for line in lines]
        show({"run": run.id, **run.result, "alternatives": told}, as_json=True)
        return
    for line in lines:
        for text in _lines(line, points[line["number"]]):
            typer.echo(text)
    if run.result["why"]:
        typer.echo(words.say(f"ui.alternatives.why.{run.result['why']}", lang=language(), asked=run.result["asked"]))


def _adopt(at: Desk, plan: str, number: int, *, as_json: bool) -> None:
    """Make an alternative of the newest search a plan of its own."""
    search = alternatives.standing(at.db, at.actor, plan)
    wanted = alternatives.adoption(at.db, at.actor, search.id if search else "none", number)
    run = worker.run_now(at.db, at.actor, alternatives.KIND, wanted, clock=now)
    show({"run": run.id, **run.result}, as_json=as_json)


def _plain(line: Row) -> dict[str, Any]:
    """A line for machines: lists as lists, unknown as null."""
    own = {
        str(name): list(cell) if hasattr(cell, "__len__") and not isinstance(cell, str) else cell
        for name, cell in line.items()
    }
    return {name: None if cell != cell else cell for name, cell in own.items()}  # noqa: PLR0124 - NaN


def _lines(line: Row, points: Sequence[Row]) -> Iterator[str]:
    """An alternative in a line, with the names of what enters and leaves; below it a line per point with its id."""
    roles = (alternatives.ENTERS, alternatives.LEAVES)
    named = {role: "、".join(_known(row["name"]) for row in points if row["role"] == role) for role in roles}
    yield _line(line, named)
    for role in roles:
        for row in points:
            if row["role"] == role:
                told = words.say(f"ui.alternatives.role.{role}", lang=language())
                yield f"   {told}  {_known(row['name'])}  {_known(row['street_office'])}  {row['option_id']}"


def _known(cell: object) -> str:
    return cell if isinstance(cell, str) and cell else "—"


def _line(line: Row, named: Mapping[str, str]) -> str:
    known = line["fibre_change_m"] == line["fibre_change_m"]
    return words.say(
        "alternatives.cli.line",
        lang=language(),
        number=line["number"],
        loss=f"{line['loss']:,.1f}",
        gap=f"{line['gap']:.2%}",
        cost=f"{line['cost_change_yuan']:+,.0f}",
        fibre=f"{line['fibre_change_m']:+,.0f}" if known else "—",
        **{role: names or "—" for role, names in named.items()},
    )
