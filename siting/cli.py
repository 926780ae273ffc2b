"""The command line: one command per action.

Exit codes: 0 done, 1 unexpected, 2 bad input or not found, 3 not allowed, 4 conflict, 5 not solved.
The language is the one of ``SITING_APP_LANGUAGE``, else Chinese.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import typer

from siting import words
from siting.access import Actor
from siting.actions import assets, candidates, coverage, plans, projects, runs, worker
from siting.errors import BadInput, NotFound, SitingError, exit_code
from siting.reports import figures
from siting.store.database import Database

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
Project = Annotated[Path | None, typer.Option("--project", help="区县目录；默认当前目录，只读命令默认样例")]
Account = Annotated[str | None, typer.Option("--as", help="以哪个账号执行；默认本机数据管理员")]
Json = Annotated[bool, typer.Option("--json", help="结果以 JSON 输出")]


BAD_INPUT = 2
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


@app.command()
def init(
    folder: Path,
    name: Annotated[str, typer.Option("--name", help="区县名称")],
    datum: Annotated[str, typer.Option("--datum", help="文件坐标基准：wgs84 cgcs2000 gcj02 bd09 epsg:N")],
    boundary: Annotated[Path | None, typer.Option("--boundary", help="边界文件")] = None,
    feature: Annotated[str | None, typer.Option("--feature", help="在多个要素中选定边界：列=值")] = None,
    around: Annotated[Path | None, typer.Option("--around", help="没有边界时，取这些要素周围为范围")] = None,
    as_json: Json = False,
) -> None:
    """新建区县目录。 Make a district folder."""
    source = _one("--boundary, --around", boundary, around)
    if around is not None and feature is not None:
        raise BadInput("cli.feature_around")
    db = projects.init(
        folder,
        name=name,
        data=source.read_bytes(),
        file_name=source.name,
        datum=datum,
        feature=feature,
        around=around is not None,
        now=now(),
    )
    show({"folder": folder, "name": name, "crs": db.settings.crs}, as_json=as_json)


@app.command()
def sample(
    folder: Path,
    size: Annotated[str, typer.Option("--size", help="full 或 small（1 km²）")] = "full",
    as_of: Annotated[str | None, typer.Option("--as-of", help="样例基准日期 YYYY-MM-DD")] = None,
    as_json: Json = False,
) -> None:
    """生成样例区（合成数据）。 Make the synthetic sample district."""
    day = _day(as_of) if as_of else None
    db = projects.build_sample(folder, size=size, as_of=day, now=now())
    show({"folder": folder, "name": db.settings.name, "crs": db.settings.crs}, as_json=as_json)


def _one(options: str, *given: T | None) -> T:
    """The one option that was given of those that exclude each other."""
    found = [value for value in given if value is not None]
    if len(found) != 1:
        raise BadInput("cli.one_of", options=options)
    return found[0]


def _target(path: Path) -> None:
    """Refuse a file in a folder that is not there before long work begins."""
    if not path.resolve().parent.is_dir():
        raise NotFound("cli.no_folder", folder=path.parent)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise BadInput("cli.date", value=text) from error


def _pairs(items: list[str], option: str) -> dict[str, str]:
    parts = [item.partition("=") for item in items]
    bad = [item for item, (_, sign, _) in zip(items, parts, strict=True) if not sign]
    if bad:
        raise BadInput("cli.pair", option=option, value=", ".join(bad))
    return {key: value for key, _, value in parts}


@app.command(name="import")
def import_(
    layer: str,
    file: Path,
    datum: Annotated[str | None, typer.Option("--datum", help="坐标基准，必须声明")] = None,
    asset_class: Annotated[str | None, typer.Option("--class", help="设施类别")] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", help="字段=值，整列填入")] = None,
    map_: Annotated[list[str] | None, typer.Option("--map", help="表头=字段")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="只检查，不写入")] = False,
    findings: Annotated[Path | None, typer.Option("--findings", help="问题清单 CSV")] = None,
    rejected: Annotated[Path | None, typer.Option("--rejected", help="被搁置的行 XLSX")] = None,
    reason: Annotated[str | None, typer.Option("--reason", help="坐标基准存疑时仍要导入的理由")] = None,
    project: Project = None,
    account: Account = None,
    as_json: Json = False,
) -> None:
    """导入图层文件。 Import a file into a layer."""
    at = desk(project, account, writing=True)
    plan = assets.dry_run(
        at.db,
        at.actor,
        file.read_bytes(),
        name=file.name,
        layer=layer,
        datum=datum,
        mapping=_pairs(map_ or [], "--map"),
        set_values=_pairs(set_ or [], "--set"),
        asset_class=asset_class,
        now=now(),
    )
    if findings is not None:
        findings.write_bytes(assets.findings_csv(plan))
    if rejected is not None:
        rejected.write_bytes(assets.rejected_rows(plan))
    if not dry_run:
        assets.commit(at.db, at.actor, plan.id, now=now(), reason=reason)
    show({**assets.summary(plan), "written": not dry_run}, as_json=as_json)


@app.command(name="coverage")
def coverage_(
    out: Annotated[Path, typer.Option("--out", help="GeoTIFF 文件")],
    network: Annotated[str | None, typer.Option("--network", help="网络，如 ctcu-n78-a")] = None,
    profile: Annotated[str | None, typer.Option("--profile", help="门限口径，如 weak-110")] = None,
    mix: Annotated[str | None, typer.Option("--mix", help="人口时段 night 或 day")] = None,
    cell_m: Annotated[float | None, typer.Option("--cell-m", help="格网边长 [m]")] = None,
    project: Project = None,
    account: Account = None,
    as_json: Json = False,
) -> None:
    """计算覆盖与缺口。 Compute coverage and gap."""
    _target(out)
    at = desk(project, account, writing=False)
    given = {"network": network, "profile": profile, "mix": mix, "cell_m": cell_m}
    run = worker.run_now(at.db, at.actor, "coverage", coverage.params(at.db.settings, given), clock=now)
    coverage.write_geotiff(at.db, at.actor, run.id, out)
    show({"run": run.id, **run.result, "out": out}, as_json=as_json)


@app.command()
def score(
    out: Annotated[Path, typer.Option("--out", help="GeoPackage 文件")],
    admit: Annotated[str | None, typer.Option("--admit", help="unknown：纳入情况不明的设施，仅供研究")] = None,
    coverage_run: Annotated[str | None, typer.Option("--coverage", help="覆盖任务编号；默认按设置中的网络与口径取最近一次")] = None,
    project: Project = None,
    account: Account = None,
    as_json: Json = False,
) -> None:
    """给候选点评分。 Score the candidates."""
    _target(out)
    unknown = bool(_admitted(admit))
    at = desk(project, account, writing=False)
    wanted = candidates.params(_coverage(at, coverage_run), admit_unknown=unknown)
    standing = candidates.standing(at.db, at.actor, wanted)
    run = standing or worker.run_now(at.db, at.actor, "score", wanted, clock=now)
    candidates.write(at.db, at.actor, run.id, out)
    show({"run": run.id, **run.result, "out": out}, as_json=as_json)


@app.command()
def plan(
    out: Annotated[Path, typer.Option("--out", help="输出：.gpkg、.geojson、.xlsx 或 .html")],
    count: Annotated[int | None, typer.Option("--count", help="选点个数")] = None,
    budget: Annotated[float | None, typer.Option("--budget", help="预算 [元]")] = None,
    admit: Annotated[str | None, typer.Option("--admit", help="unknown：纳入情况不明的设施，仅供研究")] = None,
    coverage_run: Annotated[str | None, typer.Option("--coverage", help="覆盖任务编号；默认按设置中的网络与口径取最近一次")] = None,
    project: Project = None,
    account: Account = None,
    as_json: Json = False,
) -> None:
    """求解选址方案。 Choose the best set of sites."""
    _one("--count, --budget", count, budget)
    plans.require_kind(out)
    _target(out)
    at = desk(project, account, writing=False)
    asked = {"coverage": "", "admit": _admitted(admit), "count": count, "budget_yuan": budget}
    wanted = plans.params(at.db.settings, asked)
    wanted["coverage"] = _coverage(at, coverage_run)
    run = worker.run_now(at.db, at.actor, "plan", wanted, clock=now)
    paths = plans.write(at.db, at.actor, run.id, out)
    shown = {k: v for k, v in run.result.items() if k != "steps"}
    show({"run": run.id, **shown, "out": ", ".join(map(str, paths))}, as_json=as_json)


def _admitted(admit: str | None) -> list[str]:
    if admit not in {None, candidates.STUDY}:
        raise BadInput("cli.admit", value=admit)
    return [] if admit is None else [admit]


def _coverage(at: Desk, run_id: str | None) -> str:
    """The coverage run that candidates are measured against; computed by the settings unless one stands."""
    if run_id is not None:
        return runs.finished(at.db, at.actor, "coverage", run_id).id
    wanted = coverage.params(at.db.settings, {})
    standing = coverage.standing(at.db, at.actor, wanted)
    return (standing or worker.run_now(at.db, at.actor, "coverage", wanted, clock=now)).id


@app.command()
def verify(project: Project = None, account: Account = None, as_json: Json = False) -> None:
    """校验日志链。 Check the journal's chains."""
    at = desk(project, account, writing=False)
    broken = {stream: report for stream, report in assets.journal_report(at.db, at.actor).items() if not report.ok}
    show({"broken": {s: f"{r.why} @ {r.seq}" for s, r in broken.items()}}, as_json=as_json)
    if broken:
        raise typer.Exit(4)


@app.command()
def serve(
    project: Project = None,
    host: Annotated[str | None, typer.Option("--host", help="监听地址，默认本机")] = None,
    port: Annotated[int | None, typer.Option("--port", help="端口")] = None,
) -> None:
    """启动网页。 Start the app."""
    db = projects.open_project(project, writing=False, now=now())
    server = importlib.import_module("siting.serve")  # by name: the server stands above the commands
    server.run(db.settings, host=host, port=port)


def main(argv: list[str] | None = None, *, run: Callable[..., Any] = app) -> None:
    """Entry point of the console script: an error becomes one line and an exit code; what is unexpected shows itself."""
    given = sys.argv[1:] if argv is None else argv
    try:
        code = run(given or ["--help"], standalone_mode=False)
    except SitingError as error:
        _leave(error.message(language()), exit_code(error))
    except typer.TyperException as error:
        _leave(words.say("cli.usage", lang=language(), why=error.format_message()), BAD_INPUT)
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError, PermissionError) as error:
        _leave(words.say("cli.file", lang=language(), file=error.filename, why=error.strerror), BAD_INPUT)
    except typer.Abort:
        sys.exit(1)
    if isinstance(code, int) and code:
        sys.exit(code)


def _leave(message: str, code: int) -> NoReturn:
    typer.echo(" ".join(message.split()), err=True)
    sys.exit(code)
