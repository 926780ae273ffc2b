"""Commands about the district as a whole: make one, bring data in, check the journal, start the app."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Annotated

import typer

from siting.actions import assets, journal, projects
from siting.cli.desk import Account, Json, Project, day_of, desk, language, now, one, pairs, show, target
from siting.errors import BadInput
from siting.ledger.anchor import from_json, to_json

app = typer.Typer()


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
    source = one("--boundary, --around", boundary, around)
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
    day = day_of(as_of) if as_of else None
    db = projects.build_sample(folder, size=size, as_of=day, now=now())
    show({"folder": folder, "name": db.settings.name, "crs": db.settings.crs}, as_json=as_json)


@app.command(name="import")
def import_(
    layer: str,
    file: Path,
    datum: Annotated[str | None, typer.Option("--datum", help="坐标基准；文件有坐标时必须声明")] = None,
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
        mapping=pairs(map_ or [], "--map"),
        set_values=pairs(set_ or [], "--set"),
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


@app.command()
def verify(
    anchored: Annotated[Path | None, typer.Option("--anchor", help="此前另存的锚点文件，核对有无链尾被删")] = None,
    project: Project = None,
    account: Account = None,
    as_json: Json = False,
) -> None:
    """校验日志链与问题点位台账。 Check the journal's chains and every problem point."""
    at = desk(project, account, writing=False)
    seen = None if anchored is None else from_json(anchored.read_bytes())
    found = journal.report(at.db, at.actor, anchored=seen)
    flaws = [journal.said(flaw, lang=language()) for flaw in found.flaws]
    show({"streams": found.streams, "cases": found.cases, "events": found.events, "flaws": flaws}, as_json=as_json)
    if flaws:
        raise typer.Exit(4)


@app.command()
def anchor(
    out: Annotated[Path, typer.Option("--out", help="锚点文件 JSON，请存到别的机器")],
    project: Project = None,
    account: Account = None,
    as_json: Json = False,
) -> None:
    """生成当日锚点。 Write the day's anchor over all chains."""
    target(out)
    at = desk(project, account, writing=False)
    made = journal.anchor(at.db, at.actor, now=now())
    out.write_bytes(to_json(made))
    show({"at": made.at, "streams": made.count, "root": made.root, "out": out}, as_json=as_json)


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
