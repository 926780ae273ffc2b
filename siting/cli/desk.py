"""What every command needs: the district, who acts, the language, how results are shown."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from siting import words
from siting.access import Actor
from siting.actions import projects
from siting.errors import BadInput, NotFound
from siting.reports import figures
from siting.store.database import Database

Project = Annotated[Path | None, typer.Option("--project", help="区县目录；默认当前目录，只读命令默认样例")]
Account = Annotated[str | None, typer.Option("--as", help="以哪个账号执行；默认本机数据管理员")]
Json = Annotated[bool, typer.Option("--json", help="结果以 JSON 输出")]
T = TypeVar("T")


@dataclass(frozen=True)
class Desk:
    """What a command works with: the open district and who acts."""

    db: Database
    actor: Actor


def now() -> datetime:
    """The time at this machine, with its zone."""
    return datetime.now(UTC).astimezone()


def desk(project: Path | None, account: str | None, *, writing: bool) -> Desk:
    """Open the district for a command."""
    db = projects.open_project(project, writing=writing, now=now())
    return Desk(db, projects.account(db, account, source="cli"))


def language() -> str:
    """The language in which this command speaks."""
    wanted = os.environ.get("SITING_APP_LANGUAGE", words.DEFAULT_LANGUAGE)
    return wanted if wanted in words.LANGUAGES else words.DEFAULT_LANGUAGE


def show(result: Mapping[str, Any], *, as_json: bool) -> None:
    """Print a result: a line per figure for people, or all of it as JSON for machines."""
    if as_json:
        typer.echo(json.dumps(result, ensure_ascii=False, default=str, indent=1))
        return
    for line in figures.lines(result, lang=language()):
        typer.echo(line)


def one(options: str, *given: T | None) -> T:
    """The one option that was given of those that exclude each other."""
    found = [value for value in given if value is not None]
    if len(found) != 1:
        raise BadInput("cli.one_of", options=options)
    return found[0]


def target(path: Path) -> None:
    """Refuse a file in a folder that is not there before long work begins."""
    if not path.resolve().parent.is_dir():
        raise NotFound("cli.no_folder", folder=path.parent)


def day_of(text: str) -> date:
    """A day as ``YYYY-MM-DD``; BadInput for anything else."""
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise BadInput("cli.date", value=text) from error


def pairs(items: list[str], option: str) -> dict[str, str]:
    """``key=value`` options as a mapping; BadInput names those without a sign of equality."""
    parts = [item.partition("=") for item in items]
    bad = [item for item, (_, sign, _) in zip(items, parts, strict=True) if not sign]
    if bad:
        raise BadInput("cli.pair", option=option, value=", ".join(bad))
    return {key: value for key, _, value in parts}
