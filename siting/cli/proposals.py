"""Commands about proposals of sites."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any

import pandas as pd
import typer

from siting import words
from siting.actions import assets, proposals
from siting.assets import schema
from siting.cli.desk import Account, Json, Project, desk, language, now, pairs, show

LISTED = ("proposal_no", "state", "name", "operators", "street_office", "proposer_org", "owner_attitude")
LAYER = "candidates"
_COLUMNS: Mapping[str, schema.Column] = MappingProxyType({c.name: c for c in schema.columns(LAYER)})
app = typer.Typer()
group = typer.Typer(help="建站建议。 Proposals of sites.")
app.add_typer(group, name="proposal")


@group.command(name="from-plan")
def from_plan(
    run: str,
    option: Annotated[list[str] | None, typer.Option("--option", help="入选点位的选项编号，可重复；默认全部")] = None,
    project: Project = None,
    account: Account = None,
    as_json: Json = False,
) -> None:
    """把方案的点位转为建议。 Propose the chosen sites of a plan."""
    at = desk(project, account, writing=True)
    before = len(proposals.proposable(at.db, at.actor, run, option).findings)
    found = proposals.from_plan(at.db, at.actor, run, option, now=now())
    _tell({"proposals": found, "n": len(found), "before": before}, as_json=as_json)


@group.command()
def add(
    lon: Annotated[float, typer.Option("--lon", help="经度，WGS 84")],
    lat: Annotated[float, typer.Option("--lat", help="纬度，WGS 84")],
    operator: Annotated[list[str], typer.Option("--operator", help="使用企业 cmcc ctc cucc cbn，可重复")],
    technology: Annotated[str, typer.Option("--technology", help="制式，如 nr3500")],
    purpose: Annotated[
        str, typer.Option("--purpose", help="目的 key_venue weak_area capacity relocation")
    ] = "weak_area",
    height: Annotated[float | None, typer.Option("--height", help="挂高 [m]；默认取挂载设施的高度")] = None,
    configuration: Annotated[str | None, typer.Option("--configuration", help="配置，如 micro_omni")] = None,
    name: Annotated[str | None, typer.Option("--name", help="名称")] = None,
    need: Annotated[str | None, typer.Option("--need", help="需求号")] = None,
    project: Project = None,
    account: Account = None,
    as_json: Json = False,
) -> None:
    """在一个位置提出建议。 Propose a site at a place."""
    at = desk(project, account, writing=True)
    given = {"height_m": height, "configuration": configuration, "name": name, "need_no": need}
    key = proposals.add(
        at.db,
        at.actor,
        lon_deg=lon,
        lat_deg=lat,
        operators=operator,
        technology=technology,
        purpose=purpose,
        now=now(),
        **given,  # type: ignore[arg-type]
    )
    _tell(_facts(proposals.get(at.db, at.actor, key)), as_json=as_json)


@group.command(name="list")
def list_(
    state: Annotated[
        list[str] | None, typer.Option("--state", help="状态 proposed released built withdrawn，可重复")
    ] = None,
    operator: Annotated[list[str] | None, typer.Option("--operator", help="使用企业，可重复")] = None,
    street: Annotated[list[str] | None, typer.Option("--street", help="街道，可重复")] = None,
    project: Project = None,
    account: Account = None,
    as_json: Json = False,
) -> None:
    """列出看得到的建议。 List the proposals that one sees."""
    at = desk(project, account, writing=False)
    frame = proposals.listing(at.db, at.actor, states=state or (), operators=operator or (), streets=street or ())
    rows = [_facts(dict(row)) for _, row in frame.iterrows()]
    if as_json:
        show({"proposals": rows}, as_json=True)
        return
    for row in rows:
        typer.echo("  ".join(_word(name, row.get(name)) for name in LISTED))
    typer.echo(words.say("cli.proposals.listed", lang=language(), n=len(rows)))


@group.command(name="show")
def show_(name: str, project: Project = None, account: Account = None, as_json: Json = False) -> None:
    """看一条建议。 Show one proposal."""
    at = desk(project, account, writing=False)
    row = proposals.get(at.db, at.actor, name)
    steps = proposals.allowed(at.actor, row)
    _tell({**_facts(row), "allowed": list(steps)}, as_json=as_json)


@group.command()
def request(
    names: list[str],
    text: Annotated[str, typer.Option("--text", help="征询内容")],
    project: Project = None,
    account: Account = None,
    as_json: Json = False,
) -> None:
    """征询权属单位。 Ask the owners of the hosts."""
    at = desk(project, account, writing=True)
    proposals.request_owner(at.db, at.actor, names, text=text, now=now())
    _tell({"proposals": names, "n": len(names)}, as_json=as_json)


@group.command()
def answer(
    name: str,
    attitude: Annotated[str, typer.Option("--attitude", help="agree unclear refuse")],
    note: Annotated[str, typer.Option("--note", help="说明")] = "",
    project: Project = None,
    account: Account = None,
    as_json: Json = False,
) -> None:
    """以权属单位身份答复。 Answer as the owner of the host."""
    at = desk(project, account, writing=True)
    proposals.answer(at.db, at.actor, name, attitude=attitude, note=note, now=now())
    _tell(_facts(proposals.get(at.db, at.actor, name)), as_json=as_json)


@group.command()
def release(names: list[str], project: Project = None, account: Account = None, as_json: Json = False) -> None:
    """向其他单位公开。 Release to the others."""
    at = desk(project, account, writing=True)
    proposals.release(at.db, at.actor, names, now=now())
    _tell({"proposals": names, "n": len(names)}, as_json=as_json)


@group.command()
def withdraw(
    name: str,
    reason: Annotated[str, typer.Option("--reason", help="撤回原因")],
    project: Project = None,
    account: Account = None,
    as_json: Json = False,
) -> None:
    """撤回。 Withdraw."""
    at = desk(project, account, writing=True)
    proposals.withdraw(at.db, at.actor, name, reason=reason, now=now())
    _tell({"proposals": [name], "n": 1}, as_json=as_json)


@group.command(name="import")
def import_(
    file: Path,
    datum: Annotated[str | None, typer.Option("--datum", help="坐标基准，必须声明")] = None,
    map_: Annotated[list[str] | None, typer.Option("--map", help="表头=字段")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="只检查，不写入")] = False,
    findings: Annotated[Path | None, typer.Option("--findings", help="问题清单 CSV")] = None,
    rejected: Annotated[Path | None, typer.Option("--rejected", help="被搁置的行 XLSX")] = None,
    reason: Annotated[str | None, typer.Option("--reason", help="坐标基准存疑时仍要导入的理由")] = None,
    project: Project = None,
    account: Account = None,
    as_json: Json = False,
) -> None:
    """导入本单位的建议。 Import one's own proposals."""
    at = desk(project, account, writing=True)
    plan = assets.dry_run(
        at.db,
        at.actor,
        file.read_bytes(),
        name=file.name,
        layer=LAYER,
        datum=datum,
        mapping=pairs(map_ or [], "--map"),
        now=now(),
    )
    if findings is not None:
        findings.write_bytes(assets.findings_csv(plan, lang=language()))
    if rejected is not None:
        rejected.write_bytes(assets.rejected_rows(plan, lang=language()))
    if not dry_run:
        assets.commit(at.db, at.actor, plan.id, now=now(), reason=reason)
    show({**assets.summary(plan), "written": not dry_run}, as_json=as_json)


def _facts(row: dict[str, Any]) -> dict[str, Any]:
    """What is known of a proposal, as machines read it."""
    known = {name: value for name, value in row.items() if name != "geometry" and not _nothing(value)}
    return {name: _plain(value) for name, value in known.items()}


def _nothing(value: Any) -> bool:
    return len(value) == 0 if isinstance(value, list) else bool(pd.isna(value))


def _plain(value: Any) -> Any:
    if isinstance(value, date):
        return value.isoformat()
    return value.item() if hasattr(value, "item") else value


def _tell(result: Mapping[str, Any], *, as_json: bool) -> None:
    """One line per value in words, or all of it as JSON; the technology is that of every network."""
    if as_json:
        show(result, as_json=True)
        return
    every = {"technology": result["technologies"]} if "technologies" in result else {}
    for name, value in {**{n: v for n, v in result.items() if n != "technologies"}, **every}.items():
        typer.echo(words.say("cli.proposals.line", lang=language(), title=_title(name), value=_word(name, value)))


def _title(name: str) -> str:
    column = _COLUMNS.get(name)
    if column is None:
        return words.say(f"cli.proposals.{name}", lang=language())
    return column.title_zh if language() == words.DEFAULT_LANGUAGE else column.title_en


def _word(name: str, value: object) -> str:
    """A value in words and on one line."""
    if isinstance(value, list):
        return ", ".join(_word(name, item) for item in value) or "—"
    column = _COLUMNS.get(name)
    terms = schema.vocabulary(column.vocab) if column is not None and column.vocab else ()
    zh = language() == words.DEFAULT_LANGUAGE
    found = next((term.title_zh if zh else term.title_en for term in terms if term.code == value), value)
    return "—" if found is None else " ".join(str(found).split())
