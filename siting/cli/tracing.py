"""Commands about what stands between: follow one path, and the ground under all of them."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Any

import typer

from siting.actions import sights, terrain
from siting.actions.sights import Sight
from siting.actions.terrain import GroundFile
from siting.cli.desk import Account, Desk, Json, Project, day_of, desk, language, now, show, target
from siting.errors import BadInput
from siting.radio.diffraction import bullington_db
from siting.radio.o2i import floor_height_m
from siting.radio.scene import MOUNTS, Antenna, Receiver
from siting.reports import tracepicture

app = typer.Typer()
ground = typer.Typer(help="地面高程。 The ground.")
STATES = ("nlos", "los", "unknown")
OUTDOOR_M = 1.5
POLE_DEG = 90.0
FROM_PARTS, TO_PARTS = (3, 4), (2, 3)


@app.command()
def trace(
    to: Annotated[str, typer.Option("--to", help="经度,纬度[,楼层]；与 --from 同用时为 东,北,离地高度")],
    site: Annotated[str | None, typer.Argument(help="站址ID、站号或站名")] = None,
    from_: Annotated[str | None, typer.Option("--from", help="东,北,离地高度[,安装方式]，本区坐标系，米")] = None,
    datum: Annotated[str, typer.Option("--datum", help="--to 经纬度的坐标基准")] = "wgs84",
    frequency_ghz: Annotated[float | None, typer.Option("--frequency", help="频率 [GHz]，用于菲涅耳区与绕射")] = None,
    out: Annotated[Path | None, typer.Option("--out", help="路径图 SVG 文件")] = None,
    project: Project = None,
    account: Account = None,
    as_json: Json = False,
) -> None:
    """查看一条路径的视距与遮挡。 Follow the line of sight from a site or a point to a place."""
    if (site is None) == (from_ is None):
        raise BadInput("cli.one_of", options="SITE, --from")
    if out is not None:
        target(out)
    at = desk(project, account, writing=False)
    if from_ is not None:
        antenna, receiver = _antenna(from_), _receiver(to)
        found = sights.between(at.db, at.actor, antenna, receiver, frequency_ghz=frequency_ghz, called=from_)
    else:
        found = sights.of_site(at.db, at.actor, str(site), _place(at, to, datum))
    if out is not None:
        names, ghz = found.names, found.frequency_ghz
        out.write_bytes(
            tracepicture.svg(found.profile, title=found.title, names=names, frequency_ghz=ghz, lang=language())
        )
    show({**_told(found), **({"out": out} if out is not None else {})}, as_json=as_json)


@ground.command()
def load(
    file: Path,
    source: Annotated[str, typer.Option("--source", help="来源：单位、产品名称")],
    as_of: Annotated[str | None, typer.Option("--as-of", help="测绘日期 YYYY-MM-DD")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="只检查，不启用")] = False,
    project: Project = None,
    account: Account = None,
    as_json: Json = False,
) -> None:
    """导入地面高程（DEM GeoTIFF，米）。 Put an elevation raster in force."""
    at = desk(project, account, writing=True)
    day = day_of(as_of) if as_of else None
    if dry_run:
        found = terrain.check(at.db, at.actor, file, name=file.name, source=source, as_of=day)
    else:
        found = terrain.load(at.db, at.actor, file, name=file.name, source=source, as_of=day, now=now())
    told = [row["message"] for row in found.findings.rows(lang=language())]
    show({**_ground(found), "findings_told": told, "written": not dry_run}, as_json=as_json)


@ground.command(name="show")
def show_(project: Project = None, account: Account = None, as_json: Json = False) -> None:
    """显示在用的地面高程。 Show the ground in force."""
    at = desk(project, account, writing=False)
    found = terrain.current(at.db, at.actor)
    show({"ground": "flat"} if found is None else {"ground": "raster", **_ground(found)}, as_json=as_json)


@ground.command()
def clear(
    reason: Annotated[str, typer.Option("--reason", help="理由")],
    project: Project = None,
    account: Account = None,
    as_json: Json = False,
) -> None:
    """恢复为平地。 Go back to flat ground."""
    at = desk(project, account, writing=True)
    terrain.clear(at.db, at.actor, reason=reason, now=now())
    show({"ground": "flat"}, as_json=as_json)


def _ground(found: GroundFile) -> dict[str, Any]:
    return {
        "name": found.name,
        "source": found.source,
        "as_of": found.as_of or None,
        "crs": f"{found.crs} ({found.datum})",
        "ground_cell": found.cell,
        "lowest_m": found.lowest_m,
        "highest_m": found.highest_m,
        "covered_share": found.covered,
    }


def _told(found: Sight) -> dict[str, Any]:
    """A path in figures; obstacles as lines ``name +height m @ distance m``."""
    profile, ghz = found.profile, found.frequency_ghz
    rises = [f"{b.over_m:+.1f} m" if b.known else "? m" for b in profile.blockers]
    names = [found.name(b.building_id) or "—" for b in profile.blockers]
    obstacles = [f"{n} {r} @ {b.near_m:.0f} m" for n, r, b in zip(names, rises, profile.blockers, strict=True)]
    return {
        "sight": STATES[profile.state],
        "path_m": profile.length_m,
        "clearance_m": profile.clearance_m if math.isfinite(profile.clearance_m) else None,
        "depth_m": profile.depth_m or None,
        "fresnel": found.fresnel,
        "diffraction_db": None if ghz is None else bullington_db(profile, ghz),
        "obstacles": obstacles,
    }


def _antenna(text: str) -> Antenna:
    numbers, mount = _numbers(text, "--from", FROM_PARTS)
    if mount and mount not in MOUNTS:
        raise BadInput("cli.trace.mount", value=mount, known=", ".join(MOUNTS))
    return Antenna(numbers[0], numbers[1], numbers[2], mount or "pole")


def _receiver(text: str) -> Receiver:
    numbers, rest = _numbers(text, "--to", (3, 3))
    if rest:
        raise BadInput("cli.trace.place", option="--to", value=text)
    return Receiver(*numbers[:3])


def _place(at: Desk, text: str, datum: str) -> Receiver:
    numbers, floor = _numbers(text, "--to", TO_PARTS, numeric=2)
    if floor and not floor.isdigit():
        raise BadInput("cli.trace.place", option="--to", value=text)
    if abs(numbers[1]) > POLE_DEG:
        raise BadInput("cli.trace.latitude", value=text)
    easting_m, northing_m = sights.point_of(at.db, lon=numbers[0], lat=numbers[1], datum=datum)
    storey = int(floor or 0)
    return Receiver(easting_m, northing_m, float(floor_height_m(storey)) if storey else OUTDOOR_M)


def _numbers(text: str, option: str, sizes: tuple[int, int], *, numeric: int = 3) -> tuple[list[float], str]:
    """The numbers of a place and what follows them as text."""
    parts = [part.strip() for part in text.split(",")]
    try:
        numbers = [float(part) for part in parts[:numeric]]
    except ValueError as error:
        raise BadInput("cli.trace.place", option=option, value=text) from error
    if not sizes[0] <= len(parts) <= sizes[1] or not all(map(math.isfinite, numbers)):
        raise BadInput("cli.trace.place", option=option, value=text)
    return numbers, parts[numeric] if len(parts) > numeric else ""
