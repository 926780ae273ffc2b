"""Commands about the tables of radio and planning: look, change a row, go back, and bring antenna patterns in."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import typer

from siting.actions import plantables, radiopatterns, radiotables
from siting.actions.tablebook import Outcome
from siting.cli.desk import Account, Json, Project, desk, language, now, pairs, show
from siting.errors import BadInput

app = typer.Typer()
tables = typer.Typer(help="无线与规划参数表。 Radio and planning tables.")
patterns = typer.Typer(help="天线方向图。 Antenna patterns.")
app.add_typer(tables, name="table")
app.add_typer(patterns, name="pattern")
Reason = Annotated[str, typer.Option("--reason", help="修改原因，记入日志")]
Kind = Annotated[str, typer.Argument(help="networks、equipment、thresholds、costs、configurations、sharing 或 fibre")]


@tables.command(name="show")
def show_(kind: Kind, project: Project = None, account: Account = None, as_json: Json = False) -> None:
    """显示一张表：数值、依据、来源、修改人。 Show a table."""
    at = desk(project, account, writing=False)
    _rows(_family(kind).table(at.db, at.actor, kind), as_json=as_json)


@tables.command(name="set")
def set_(
    kind: Kind,
    name: Annotated[str, typer.Argument(help="行的名称；没有的名称即新增一行")],
    cells: Annotated[list[str], typer.Argument(help="列=值，如 load_factor=0.3 mark=2nd")],
    reason: Reason,
    project: Project = None,
    account: Account = None,
    as_json: Json = False,
) -> None:
    """修改或新增一行；停用用 active=0。 Change or add a row; active=0 switches it off."""
    given = pairs(cells, "CELLS")
    at = desk(project, account, writing=True)
    _done(_family(kind).edit(at.db, at.actor, kind, {name: given}, reason=reason, now=now()), as_json=as_json)


@tables.command()
def restore(
    kind: Kind,
    names: Annotated[list[str], typer.Argument(help="行的名称")],
    reason: Reason,
    project: Project = None,
    account: Account = None,
    as_json: Json = False,
) -> None:
    """恢复随软件提供的数值。 Go back to what is shipped."""
    at = desk(project, account, writing=True)
    _done(_family(kind).restore(at.db, at.actor, kind, names, reason=reason, now=now()), as_json=as_json)


@patterns.command()
def add(
    file: Annotated[Path, typer.Argument(help="方向图文件 .msi 或 .pln")],
    reason: Reason,
    name: Annotated[str, typer.Option("--name", help="方向图名称；默认取文件中的名称")] = "",
    flip: Annotated[bool | None, typer.Option("--flip/--no-flip", help="垂直面翻转，或按原样使用")] = None,
    mark: Annotated[str, typer.Option("--mark", help="依据 std、2nd 或 unverified")] = "unverified",
    project: Project = None,
    account: Account = None,
    as_json: Json = False,
) -> None:
    """导入实测方向图。 Import a measured antenna pattern."""
    data = file.read_bytes()
    at = desk(project, account, writing=True)
    done = radiopatterns.add(
        at.db, at.actor, data, file=file.name, name=name, flip=flip, mark=mark, reason=reason, now=now()
    )
    _done(done, as_json=as_json)


@patterns.command(name="list")
def list_(project: Project = None, account: Account = None, as_json: Json = False) -> None:
    """列出方向图。 List the patterns."""
    at = desk(project, account, writing=False)
    _rows(radiopatterns.listing(at.db, at.actor), as_json=as_json)


@patterns.command()
def drop(
    name: Annotated[str, typer.Argument(help="方向图名称")],
    reason: Reason,
    project: Project = None,
    account: Account = None,
    as_json: Json = False,
) -> None:
    """停用方向图。 Take a pattern out of use."""
    at = desk(project, account, writing=True)
    _done(radiopatterns.drop(at.db, at.actor, name, reason=reason, now=now()), as_json=as_json)


def _family(kind: str) -> Any:
    """The actions of the family that a table belongs to."""
    families = {name: module for module in (radiotables, plantables) for name in module.TABLES}
    if kind not in families:
        raise BadInput("radiotable.unknown", kind=kind, known=", ".join(families))
    return families[kind]


def _rows(found: pd.DataFrame, *, as_json: bool) -> None:
    if as_json:
        show({"rows": found.to_dict("records")}, as_json=True)
        return
    if len(found):
        typer.echo(found.to_csv(index=False, sep="\t").rstrip("\n"))


def _done(outcome: Outcome, *, as_json: bool) -> None:
    """What came of an edit; what is refused leaves with all that was wrong."""
    findings = outcome.findings.rows(lang=language())
    if outcome.findings.of("error"):
        raise BadInput("radiotable.refused", why=" ".join(f"{row['message']}{row['remedy']}" for row in findings))
    if as_json:
        show({"changed": list(outcome.changed), "revision": outcome.revision, "findings": findings}, as_json=True)
        return
    for row in findings:
        typer.echo(f"{row['message']}{row['remedy']}", err=True)
    for name in outcome.changed:
        typer.echo(name)
