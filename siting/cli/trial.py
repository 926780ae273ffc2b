"""Command of thinking aloud: what changes of a network would do to the gap."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from siting.actions import runs, whatif, worker
from siting.cli.desk import Account, Json, Project, desk, now, show
from siting.errors import BadInput

app = typer.Typer()


@app.command(name="whatif")
def whatif_(
    changes: Annotated[Path, typer.Argument(help="改动清单 JSON：op 为 add、move、tune 或 remove")],
    coverage_run: Annotated[str | None, typer.Option("--coverage", help="覆盖任务编号；默认最近一次")] = None,
    project: Project = None,
    account: Account = None,
    as_json: Json = False,
) -> None:
    """试算改动对缺口的影响。 Try changes of a network."""
    asked = _read(changes)
    at = desk(project, account, writing=False)
    base = runs.finished(at.db, at.actor, "coverage", coverage_run)
    wanted = whatif.params(at.db, at.actor, base.id, asked)
    run = worker.run_now(at.db, at.actor, whatif.KIND, wanted, clock=now)
    before, after = run.result["before"], run.result["after"]
    told = {"measure": run.result["measure"], "calibrated": run.result["calibrated"]}
    figures = {"uncovered_before": before["uncovered"], "uncovered": after["uncovered"]}
    show(
        {"run": run.id, **told, **figures, "uncovered_change": after["uncovered"] - before["uncovered"]},
        as_json=as_json,
    )


def _read(path: Path) -> list[dict[str, Any]]:
    """The list of changes; BadInput for anything that is not a list of mappings."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise BadInput("whatif.file", file=path.name, why=str(error)) from error
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise BadInput("whatif.file", file=path.name, why="[{…}, …]")
    return found
