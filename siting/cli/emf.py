"""The command of fields: the pre-check of a site, and its public sheet."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from siting import words
from siting.actions import emf
from siting.actions.emf import Checked
from siting.cli.desk import Account, Json, Project, desk, language, now, show, target
from siting.reports import emfsheet

app = typer.Typer()
LISTED = 20


@app.command(name="emf")
def precheck(
    site: str,
    out: Annotated[Path | None, typer.Option("--out", help="出具公示单并写入此 docx 文件")] = None,
    roof_closed: Annotated[bool, typer.Option("--roof-closed", help="确认天线所在楼顶不对公众开放")] = False,
    project: Project = None,
    account: Account = None,
    as_json: Json = False,
) -> None:
    """按 GB 8702-2014 预评估一个站址或建议，可出具公示单。 Pre-check the fields of a site or proposal; give out its sheet."""
    if out is not None:
        target(out)
    at = desk(project, account, writing=out is not None)
    done = emf.check(at.db, at.actor, site, roof_closed=roof_closed)
    number = ""
    if out is not None:
        made = emf.issue(at.db, at.actor, site, roof_closed=roof_closed, now=now())
        number = made.number
        out.write_bytes(emf.sheet(at.db, at.actor, number))
    if as_json:
        show({**_record(done), "sheet": number or None, "out": out}, as_json=True)
        return
    for line in _lines(done):
        typer.echo(line)
    if number:
        typer.echo(words.say("emf.cli.written", lang=language(), number=number, file=out))


def _lines(done: Checked) -> list[str]:
    """The pre-check in words."""
    lang, report = language(), done.report
    lines = [
        words.say("emf.cli.name", lang=lang, title=done.subject.title, no=done.subject.no),
        emfsheet.conclusion(report.verdict, done.excess, lang=lang),
        words.say(
            "emf.cli.limits",
            lang=lang,
            compliance_m=f"{report.compliance_m:.1f}",
            power_w=f"{report.equivalent_power_w:,.0f}",
        ),
    ]
    facts = emf.worst_of(done)
    if facts:
        lines.append(emfsheet.highest(facts, report.factored, others=not report.new_only, lang=lang))
    lines += [words.say(f"emf.why.{reason.code}", lang=lang) for reason in report.reasons]
    lines += [emfsheet.advice(given, lang=lang) for given in emf.advisories_of(done)]
    return [*lines, words.say("emf.sheet.new_only" if report.new_only else "emf.sheet.others", lang=lang)]


def _record(done: Checked) -> dict[str, Any]:
    """The pre-check for machines; what is not known is null."""
    report, faces = done.report, done.report.faces.head(LISTED).astype(object)
    spot = report.worst
    return {
        "id": done.subject.id,
        "kind": done.subject.kind,
        "verdict": report.verdict,
        "reasons": [{"code": r.code, **r.given} for r in report.reasons],
        "advisories": [{"code": r.code, **r.given} for r in report.advisories],
        "worst": None if spot is None else {**vars(spot), "q": spot.q},
        "own": None if spot is None else done.own,
        "excess": done.excess or None,
        "factored": None if spot is None else report.factored,
        "older": None if spot is None else report.older,
        "compliance_m": report.compliance_m,
        "equivalent_power_w": report.equivalent_power_w,
        "others": not report.new_only,
        "roof_closed": done.roof_closed,
        "along": done.along.astype(object).where(done.along.notna(), None).to_dict("records"),
        "faces": faces.where(faces.notna(), None).to_dict("records"),
    }
