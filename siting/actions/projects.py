"""Make districts: a folder with settings, store and key; and the sample district."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path

import geopandas as gpd
import shapely

from siting import sample, settings
from siting.access import LOCAL, Actor, local_admin
from siting.actions import people
from siting.assets import read
from siting.errors import BadInput
from siting.geo import crs
from siting.settings import KEY_NAME, Value
from siting.store import journal, layers
from siting.store.database import Database, open_database

CHECKOUT = Path(__file__).resolve().parents[2]
SAMPLE_FOLDER = CHECKOUT / ".siting" / "sample"
# Land around the features that stand for a district without a boundary file [m].
AROUND_M = 200.0
KEY_BYTES = 32


def init(
    folder: Path,
    *,
    name: str,
    data: bytes,
    file_name: str,
    datum: str,
    feature: str | None = None,
    around: bool = False,
    now: datetime,
) -> Database:
    """Make a district from a boundary file, or from the land around a file's features.

    Parameters
    ----------
    folder : Path
        New district folder.
    name : str
        Name of the district.
    data, file_name : bytes, str
        The file.
    datum : str
        Declared datum of the file.
    feature : str, optional
        ``column=value`` that chooses the boundary among the features.
    around : bool
        Take the convex hull of all features, widened by `AROUND_M`, as the boundary.
    now : datetime
        Time of the act.

    Raises
    ------
    BadInput
        If the folder is a district already, the datum is not declared, the file holds no usable area,
        or the chosen feature is not exactly one.
    """
    if (folder / settings.FILE_NAME).exists():
        raise BadInput("settings.exists", folder=folder)
    shapes = read.read_layer(data, name=file_name, datum=datum, layer="districts").frame
    lonlat = crs.to_lonlat(shapes, datum=datum)
    metric = crs.metric_crs_for(lonlat)
    placed = crs.to_project(shapes, datum=datum, crs=metric)
    outline = _around(placed) if around else _area(_chosen(placed, feature))
    row = {"code": "district", "name": name, "level": "district", "approximate": around, "source": file_name}
    boundary = gpd.GeoDataFrame([row], geometry=[outline], crs=metric)
    values: dict[str, Value] = {"district.name": name, "district.crs": metric}
    return _create(folder, values, {"districts": boundary}, datum=datum, now=now)


def build_sample(
    folder: Path, *, size: str = "full", seed: int = sample.SEED, as_of: date | None = None, now: datetime
) -> Database:
    """Make the sample district: the shipped one, or one generated from another seed, size or date.

    Raises
    ------
    BadInput
        If the folder is a district already.
    """
    if (folder / settings.FILE_NAME).exists():
        raise BadInput("settings.exists", folder=folder)
    day = as_of or sample.AS_OF
    if (size, seed, day) == ("full", sample.SEED, sample.AS_OF):
        frames = sample.read()
    else:
        frames = sample.make(seed=seed, size=size, as_of=day, **sample.facts().frames())
    values: dict[str, Value] = {
        "district.name": "南开区",
        "district.crs": "EPSG:4548",
        "district.synthetic": True,
        "district.as_of": day.isoformat(),
        "cases.prefix": "NK",
    }
    return _create(folder, values, frames, datum="cgcs2000_117", now=now)


def sample_database(*, now: datetime) -> Database:
    """The working copy of the sample district, made on first use."""
    if not (SAMPLE_FOLDER / settings.FILE_NAME).is_file():
        return build_sample(SAMPLE_FOLDER, now=now)
    return open_database(settings.load(SAMPLE_FOLDER))


def open_project(folder: Path | None, *, writing: bool, now: datetime) -> Database:
    """The named district, else the one of the current folder, else the sample when only reading.

    Raises
    ------
    NotFound
        If the named folder is no district.
    BadInput
        If a writing command names no district.
    """
    if folder is not None:
        return open_database(settings.load(folder))
    if (Path.cwd() / settings.FILE_NAME).is_file():
        return open_database(settings.load(Path.cwd()))
    if writing:
        raise BadInput("project.needed")
    return sample_database(now=now)


def account(db: Database, name: str | None, *, source: str) -> Actor:
    """Who acts: ``NAME`` or ``NAME:ROLE``; without a name whoever holds the district's folder.

    Raises
    ------
    NotFound
        If there is no such account, or it is disabled.
    NotAllowed
        If the account lacks the role.
    BadInput
        If the account has several roles and none is named.
    """
    if name is None or name == LOCAL:
        return local_admin(source=source)
    who, _, role = name.partition(":")
    return people.acting(db, who, role=role or None, source=source)


def _create(
    folder: Path, values: Mapping[str, Value], frames: Mapping[str, gpd.GeoDataFrame], *, datum: str, now: datetime
) -> Database:
    """Build beside the target and swap in, so that a half-made district is never found."""
    making = folder.with_name(f".{folder.name}.making-{secrets.token_hex(4)}")
    made = False
    try:
        settings.write(making, values)
        _write_key(making / KEY_NAME)
        db = open_database(settings.load(making))
        try:
            _fill(db, frames, datum=datum, now=now)
        finally:
            db.engine.dispose()
        _put_in_place(making, folder)
        made = True
    finally:
        if not made:
            shutil.rmtree(making, ignore_errors=True)
    return open_database(settings.load(folder))


def _put_in_place(making: Path, folder: Path) -> None:
    """Move the district in; into a folder with other files part by part, what makes it a district last."""
    if folder.exists() and any(folder.iterdir()):
        parts = sorted(making.iterdir(), key=lambda part: part.name == settings.FILE_NAME)
        taken = [part.name for part in parts if (folder / part.name).exists()]
        if taken:
            raise BadInput("project.taken", folder=folder, names=", ".join(taken))
        for part in parts:
            part.rename(folder / part.name)
        making.rmdir()
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    making.rename(folder)


def _write_key(path: Path) -> None:
    path.touch(mode=0o600)
    path.write_bytes(secrets.token_bytes(KEY_BYTES))


def _fill(db: Database, frames: Mapping[str, gpd.GeoDataFrame], *, datum: str, now: datetime) -> None:
    actor = local_admin(source="cli")
    stamp = now.isoformat(timespec="seconds")
    provenance = {"source_name": "init", "imported_by": actor.id, "imported_at": stamp, "datum_declared": datum}
    with db.write() as connection:
        payload = {"name": db.settings.name, "crs": db.settings.crs, "rows": {k: len(v) for k, v in frames.items()}}
        number = journal.append(
            connection, key=db.key(), stream="district", actor=actor, kind="district.made", payload=payload, now=now
        )
        if number != 1:
            raise BadInput("project.store_taken")
        for layer, frame in frames.items():
            layers.upsert(connection, layer, frame, provenance=provenance, now=now)


def _chosen(frame: gpd.GeoDataFrame, feature: str | None) -> gpd.GeoDataFrame:
    if feature is None:
        if len(frame) != 1:
            raise BadInput("project.many_features", n=len(frame), columns=", ".join(map(str, frame.columns[:12])))
        return frame
    column, _, value = feature.partition("=")
    if column not in frame.columns:
        raise BadInput("project.no_column", column=column, columns=", ".join(map(str, frame.columns[:12])))
    found = frame[frame[column].astype(str) == value]
    if len(found) != 1:
        raise BadInput("project.feature", column=column, value=value, n=len(found))
    return found


def _area(frame: gpd.GeoDataFrame) -> shapely.Geometry:
    outline = shapely.make_valid(frame.geometry.iloc[0])
    if outline is None or outline.area <= 0:
        raise BadInput("project.no_area", kind="" if outline is None else outline.geom_type)
    return outline


def _around(frame: gpd.GeoDataFrame) -> shapely.Geometry:
    if frame.geometry.isna().all():
        raise BadInput("project.no_area", kind="")
    return shapely.convex_hull(shapely.union_all(frame.geometry.array)).buffer(AROUND_M)
