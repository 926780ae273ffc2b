"""Commands about problem points: report one, move it, hand in evidence, look."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from siting import words
from siting.actions import cases
from siting.cli.desk import Account, Json, Project, desk, language, now, pairs, show
from siting.errors import BadInput
from siting.ledger import fields, files
from siting.ledger.model import Case, Command
from siting.ledger.moves import MOVES, Move
from siting.ledger.state import state_of

app = typer.Typer(help="问题点位。 Problem points.")
SOURCE = "cli"
SHOWN = ("title", "street_office", "lead_unit", "responsible_person")
LISTED = ("pp_no", "state", "kind", "street_office", "operators", "lead_unit", "title")
WORDED = {"state": "case.state.{}", "kind": "case.kind.{}"}
FILE_TYPE, PHOTO, OTHER = "file", "photo", "document"
Set = Annotated[list[str] | None, typer.Option("--set", help="字段=值，可多次；多项以 | 分隔")]


@app.command()
def report(
    kind: Annotated[str, typer.Option("--kind", help="类型，如 new_blocked")],
    title: Annotated[str, typer.Option("--title", help="标题")],
    at_: Annotated[str | None, typer.Option("--at", help="经度,纬度")] = None,
    datum: Annotated[str, typer.Option("--datum", help="坐标基准")] = "wgs84",
    site: Annotated[str | None, typer.Option("--site", help="设施、候选点或站点的编号")] = None,
    need: Annotated[list[str] | None, typer.Option("--need", help="运营企业:需求号，可多次")] = None,
    set_: Set = None,
    draft: Annotated[bool, typer.Option("--draft", help="只存草稿")] = False,
    project: Project = None,
    account: Account = None,
    as_json: Json = False,
) -> None:
    """上报问题点位。 Report a problem point."""
    given = {**_values(set_, ""), "kind": kind, "title": title, **_place(at_, datum)}
    if site is not None:
        given["site_ref"] = site
    if need:
        given["needs"] = [_need(text) for text in need]
    at = desk(project, account, writing=True)
    _say(cases.report(at.db, at.actor, given, draft=draft, source=SOURCE, now=now()), as_json=as_json)


@app.command(name="list")
def list_(
    state: Annotated[list[str] | None, typer.Option("--state", help="状态，可多次")] = None,
    kind: Annotated[list[str] | None, typer.Option("--kind", help="类型，可多次")] = None,
    text: Annotated[str | None, typer.Option("--text", help="搜索编号、标题、需求号、单位")] = None,
    open_: Annotated[bool, typer.Option("--open", help="只列办理中的")] = False,
    project: Project = None,
    account: Account = None,
    as_json: Json = False,
) -> None:
    """列出问题点位。 List problem points."""
    at = desk(project, account, writing=False)
    found = cases.list_cases(at.db, at.actor, state=state or None, kind=kind or None, text=text, open_only=open_)
    rows = found.to_dict("records")
    if as_json:
        show({"cases": rows}, as_json=True)
        return
    for row in rows:
        typer.echo("  ".join(_cell(name, row[name]) for name in LISTED))
    if not rows:
        typer.echo(words.say("cli.case.none", lang=language()))


@app.command(name="show")
def show_(case: str, project: Project = None, account: Account = None, as_json: Json = False) -> None:
    """查看一个问题点位。 Show a problem point and what happened to it."""
    at = desk(project, account, writing=False)
    found = cases.get(at.db, at.actor, case)
    told = cases.history(at.db, at.actor, case)
    moves = cases.allowed(at.db, at.actor, case, now=now())
    if as_json:
        entries = [{**vars(entry), "facts": [vars(fact) for fact in entry.facts]} for entry in told]
        needs = [vars(one) for one in found.needs]
        more = {"record": dict(found.record), "needs": needs, "history": entries, "moves": list(moves)}
        show({**_figures(found), **more}, as_json=True)
        return
    titles = [MOVES[name].title(lang=language()) for name in moves]
    show({**_figures(found), "moves": titles}, as_json=False)
    for entry in told:
        title = words.say(f"move.{entry.move}", lang=language())
        typer.echo(f"{entry.revision:>4}  {entry.at:%Y-%m-%d %H:%M}  {title}  {entry.org}")


@app.command()
def move(
    case: str,
    move: str,
    set_: Set = None,
    file: Annotated[list[Path] | None, typer.Option("--file", help="附件，先上传再填入，可多次")] = None,
    revision: Annotated[int | None, typer.Option("--revision", help="所见版次；默认当前")] = None,
    project: Project = None,
    account: Account = None,
    as_json: Json = False,
) -> None:
    """办理问题点位。 Make a move on a problem point."""
    if move not in MOVES:
        raise BadInput("cli.case.move", move=move, known=", ".join(MOVES))
    given = _values(set_, move)
    at = desk(project, account, writing=True)
    found = cases.get(at.db, at.actor, case)
    seen = found.revision if revision is None else revision
    for path in file or []:
        name, data = _slot(MOVES[move], path, given), path.read_bytes()
        found, given[name] = cases.attach(
            at.db, at.actor, found.id, data, name=path.name, kind=name if name == PHOTO else OTHER, revision=seen,
            source=SOURCE, now=now(),
        )  # fmt: skip
        seen = found.revision
        given = {**_taken(found, MOVES[move]), **given}
    command = Command(
        id=uuid.uuid4().hex, move=move, case_id=found.id, revision=seen, data=given, source=SOURCE, sent_at=now()
    )
    _say(cases.do(at.db, at.actor, command, now=now()), as_json=as_json)


@app.command()
def attach(
    case: str,
    file: Path,
    kind: Annotated[str, typer.Option("--kind", help="photo、document、record 或 measurement")] = PHOTO,
    project: Project = None,
    account: Account = None,
    as_json: Json = False,
) -> None:
    """上传附件。 Hand in a file as evidence."""
    at = desk(project, account, writing=True)
    found, sha256 = cases.attach(
        at.db, at.actor, case, file.read_bytes(), name=file.name, kind=kind, source=SOURCE, now=now()
    )
    show({**_figures(found), "sha256": sha256}, as_json=as_json)


def _say(case: Case, *, as_json: bool) -> None:
    show(_figures(case), as_json=as_json)


def _figures(case: Case) -> dict[str, object]:
    return {
        "case_id": case.id,
        "pp_no": case.record["pp_no"],
        "kind": case.kind,
        "state": state_of(case.facts),
        "revision": case.revision,
        "operators": list(dict.fromkeys(need.operator for need in case.needs)),
        **{name: case.record.get(name) or None for name in SHOWN},
    }


def _place(text: str | None, datum: str) -> dict[str, object]:
    if text is None:
        return {}
    lon, sign, lat = text.partition(",")
    if not sign:
        raise BadInput("cli.case.place", value=text)
    return {"lon_deg": lon.strip(), "lat_deg": lat.strip(), "datum": datum}


def _need(text: str) -> dict[str, object]:
    operator, sign, number = text.partition(":")
    if not sign:
        raise BadInput("cli.case.need", value=text)
    return {"operator": operator, "need_no": number}


def _values(items: Sequence[str] | None, move: str) -> dict[str, object]:
    """What was given, in the form of its field: lists are parted, mappings are JSON."""
    given: dict[str, object] = {}
    for name, text in pairs(list(items or []), "--set").items():
        kind = _type(move, name)
        if kind in {"mapping", "needs"}:
            given[name] = _json(text)
        else:
            given[name] = text.split("|") if kind == "list" else text
    return given


def _type(move: str, name: str) -> str:
    """Type of what a move means by a name; an unknown one is text, and the rules say so."""
    field = fields.FIELDS.get(f"{move}.{name}") or fields.FIELDS.get(name)
    return field.type if field else "text"


def _json(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError as error:
        raise BadInput("cli.pair", option="--set", value=text) from error


def _slot(move: Move, path: Path, given: Mapping[str, object]) -> str:
    """Which field of a move takes a file: a picture its photo, else the first free one."""
    free = [name for name in move.asked if name not in given and _takes_file(name, move)]
    picture = path.suffix.lower().lstrip(".") in {*files.PHOTOS, "jpeg"}
    fitting = [name for name in free if (name == PHOTO) == picture] or free
    if not fitting:
        raise BadInput("cli.case.file", move=move.name, file=path.name)
    return fitting[0]


def _takes_file(name: str, move: Move) -> bool:
    return _type(move.name, name) == FILE_TYPE


def _taken(case: Case, move: Move) -> dict[str, object]:
    """Where the photo just handed in was taken, for a move that asks for it."""
    place = cases.attached(case)[-1].data.get("gps")
    return {"gps": place} if place and "gps" in move.asked else {}


def _cell(name: str, cell: object) -> str:
    if isinstance(cell, list):
        return ",".join(map(str, cell))
    if cell is None:
        return "—"
    return words.say(WORDED[name].format(cell), lang=language()) if name in WORDED else str(cell)
