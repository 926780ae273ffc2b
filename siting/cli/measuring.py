"""Commands of measuring: import samples and calibrate, list the sets there are."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from siting import words
from siting.actions import calibrating, calibrations, measurements, worker
from siting.actions.measurements import SamplePlan
from siting.cli.desk import Account, Desk, Json, Project, desk, language, now, pairs, show
from siting.errors import BadInput
from siting.store.samples import SampleSet

app = typer.Typer()
SHOWN: Mapping[str, int] = {"rmse_db": 1, "bias_db": 1, "f1": 2}


@app.command()
def calibrate(
    samples: Annotated[Path, typer.Argument(help="测量数据文件：CSV、XLSX、GeoJSON、GeoPackage")],
    network: Annotated[str, typer.Option("--network", help="网络，如 ctcu-n78-a")],
    datum: Annotated[str | None, typer.Option("--datum", help="坐标基准，如 wgs84、gcj02；必须声明")] = None,
    mapping: Annotated[list[str] | None, typer.Option("--map", help="列对应：表头=字段，可重复")] = None,
    sheet: Annotated[str | None, typer.Option("--sheet", help="工作表")] = None,
    profile: Annotated[str | None, typer.Option("--profile", help="门限口径，如 weak-110")] = None,
    diffraction: Annotated[bool, typer.Option("--diffraction", help="考虑屋顶绕射")] = False,
    learned: Annotated[bool, typer.Option("--learned", help="检验学习型修正；达到条件的随校准一并采用")] = False,
    seed: Annotated[int | None, typer.Option("--seed", help="划分方块的随机种子")] = None,
    adopt: Annotated[bool, typer.Option("--adopt", help="比常数准即采用；须写明理由")] = False,
    findings: Annotated[Path | None, typer.Option("--findings", help="问题清单 CSV")] = None,
    rejected: Annotated[Path | None, typer.Option("--rejected", help="被搁置的行 XLSX")] = None,
    reason: Annotated[str | None, typer.Option("--reason", help="理由：采用，或坐标基准存疑仍要导入")] = None,
    override: Annotated[str, typer.Option("--override", help="不比常数准仍要采用：强制采用")] = "",
    project: Project = None,
    account: Account = None,
    as_json: Json = False,
) -> None:
    """导入测量样本并校准。 Import samples and calibrate."""
    if adopt and not (reason or "").strip():
        raise BadInput("calibration.reason")
    at = desk(project, account, writing=True)
    plan = measurements.dry_run(
        at.db,
        at.actor,
        samples.read_bytes(),
        name=samples.name,
        datum=datum,
        network=network,
        mapping=pairs(mapping or [], "--map"),
        sheet=sheet,
        now=now(),
    )
    if findings is not None:
        findings.write_bytes(measurements.findings_csv(plan))
    if rejected is not None:
        rejected.write_bytes(measurements.rejected_rows(plan))
    if not as_json:
        _warned(plan)
    made = _landed(at, plan, reason=reason)
    given = {"network": network, "profile": profile, "sets": [made.id], "seed": seed}
    given |= {"diffraction": diffraction, "learned": learned}
    run = worker.run_now(at.db, at.actor, "calibrate", calibrating.params(at.db, at.actor, given), clock=now)
    if adopt:
        calibrations.adopt(at.db, at.actor, run.id, network, reason=str(reason), override=override, now=now())
    told = {"set": made.id, "read": plan.read, "landed": plan.landed, "rejected": plan.rejected, "adopted": adopt}
    _tell(at, {"run": run.id, **told, **run.result}, run.id, as_json=as_json)


@app.command(name="samples")
def samples_(project: Project = None, account: Account = None, as_json: Json = False) -> None:
    """列出测量数据集。 List the sets of samples."""
    at = desk(project, account, writing=False)
    found = measurements.sets(at.db, at.actor, retired=True)
    if as_json:
        show({"sets": [vars(one) for one in found]}, as_json=True)
        return
    for one in found:
        days = f"{one.first_day}..{one.last_day}" if one.first_day else "—"
        state = words.say("ui.samples.retired" if one.retired_at else "ui.samples.used", lang=language())
        typer.echo("\t".join([one.id, one.name, " ".join(one.networks), str(one.rows), days, one.org, state]))


def _warned(plan: SamplePlan) -> None:
    """What was found in the file, one line per kind, the first row standing for the rest."""
    counts = plan.findings.counts()
    told = {row["code"]: row for row in reversed(plan.findings.rows(lang=language()))}
    for code in counts:
        typer.echo(f"{code} {counts[code]:,}：{told[code]['message']}{told[code]['remedy']}", err=True)


def _landed(at: Desk, plan: SamplePlan, *, reason: str | None) -> SampleSet:
    """The set of this file; a file that is in use under the same datum and networks does not come in twice."""
    for one in measurements.sets(at.db, at.actor):
        if (one.sha256, one.datum, one.networks) == (plan.sha256, plan.datum, plan.networks):
            return one
    return measurements.commit(at.db, at.actor, plan.id, now=now(), reason=reason)


def _tell(at: Desk, result: Mapping[str, Any], run_id: str, *, as_json: bool) -> None:
    show(result, as_json=as_json)
    if as_json:
        return
    table = calibrating.compared(calibrations.calibration(at.db, at.actor, run_id), result)
    head = [words.say(f"ui.calibration.{name}", lang=language()) for name in ("predictor", *SHOWN)]
    typer.echo("\t".join(head))
    for name in table.index:
        cells = [_figure(table.at[name, column], digits) for column, digits in SHOWN.items()]
        typer.echo("\t".join([words.say(f"ui.calibration.predictor.{name}", lang=language()), *cells]))


def _figure(value: object, digits: int) -> str:
    number = float(str(value))
    return "—" if number != number else f"{number:.{digits}f}"  # noqa: PLR0124 - NaN
