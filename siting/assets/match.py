"""What a newer list changes in what is stored: new, changed, unchanged, missing rows."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from siting.assets import schema

PLACE_M = 1e-3
# Columns that follow from the place; a moved row takes the new value even if no file brought it.
FOLLOW_PLACE = ("street_office",)
# What only the source that brought a row may change again: two lists that share a place do not overwrite each other.
FOLLOW_SOURCE = ("extra",)


@dataclass(frozen=True, kw_only=True)
class Change:
    """One field of one row that a newer list changes."""

    key: str
    row: int
    column: str
    before: str
    after: str


@dataclass(frozen=True, kw_only=True)
class Difference:
    """Two states of a layer compared.

    Parameters
    ----------
    new, changed, unchanged : Index
        Rows of the newer list, as the user sees them.
    missing : tuple of str
        Keys of stored rows of the same source that the newer list no longer has.
    merged : GeoDataFrame
        New and changed rows as they will be stored: what the list does not say stays as it was.
    changes : tuple of Change
        Field by field.
    """

    new: pd.Index
    changed: pd.Index
    unchanged: pd.Index
    missing: tuple[str, ...]
    merged: gpd.GeoDataFrame
    changes: tuple[Change, ...]


def difference(
    old: gpd.GeoDataFrame, new: gpd.GeoDataFrame, *, layer: str, brought: Sequence[str] | None = None
) -> Difference:
    """Compare stored rows with a newer list of the same layer.

    Parameters
    ----------
    old, new : GeoDataFrame
        In the project CRS; ``new`` has unique keys and index = row as the user sees it.
    layer : str
        Layer.
    brought : sequence of str, optional
        Columns that the newer list speaks of (default all); the others never change a stored row.

    Returns
    -------
    Difference
        The same list twice gives nothing new and nothing changed.
    """
    key = schema.key_column(layer)
    names = [c.name for c in schema.columns(layer) if c.type != "geometry"]
    spoken = [n for n in names if n != key and (brought is None or n in brought)]
    stored = old.set_index(key, drop=False)
    common = new[key].isin(stored.index)
    rows = new[common]
    before = stored.loc[rows[key]].set_axis(rows.index)
    moved = ~shapely.equals_exact(rows.geometry.to_numpy(), before.geometry.to_numpy(), tolerance=PLACE_M)
    differs = {n: _differs(before[n], rows[n]) for n in spoken}
    differs |= {n: moved & _differs(before[n], rows[n]) for n in FOLLOW_PLACE if n in names and n not in spoken}
    foreign = _differs(before["source"], rows["source"]) if "source" in names else np.zeros(len(rows), dtype=bool)
    differs |= {n: differs[n] & ~foreign for n in FOLLOW_SOURCE if n in differs}
    changes = tuple(_changes(before, rows, {**differs, "geometry": moved}, key))
    touched = moved | np.logical_or.reduce(list(differs.values()), axis=0, initial=False)
    overlaid = _overlaid(before, rows, differs, moved)
    merged = pd.concat([f for f in (new[~common], overlaid[touched]) if len(f)] or [new.iloc[:0]])
    return Difference(
        new=new.index[~common],
        changed=rows.index[touched],
        unchanged=rows.index[~touched],
        missing=_missing(old, new, key),
        merged=gpd.GeoDataFrame(merged[[*names, "geometry"]], crs=new.crs),
        changes=changes,
    )


def _overlaid(
    before: gpd.GeoDataFrame,
    rows: gpd.GeoDataFrame,
    differs: Mapping[str, npt.NDArray[np.bool_]],
    moved: npt.NDArray[np.bool_],
) -> gpd.GeoDataFrame:
    out = before.copy()
    for name, where in differs.items():
        out[name] = before[name].astype(rows[name].dtype).where(~where, rows[name])
    out["geometry"] = gpd.GeoSeries(
        np.where(moved, rows.geometry.to_numpy(), before.geometry.to_numpy()), index=rows.index, crs=rows.crs
    )
    return out


def _differs(before: pd.Series, after: pd.Series) -> npt.NDArray[np.bool_]:
    if pd.api.types.is_numeric_dtype(after.dtype):
        left, right = before.to_numpy(float), after.to_numpy(float)
        return ~((left == right) | (np.isnan(left) & np.isnan(right)))
    return np.array([_plain(a) != _plain(b) for a, b in zip(before, after, strict=True)], dtype=bool)


def _changes(
    before: gpd.GeoDataFrame, rows: gpd.GeoDataFrame, differs: Mapping[str, npt.NDArray[np.bool_]], key: str
) -> Iterable[Change]:
    for name, where in differs.items():
        for row in rows.index[where]:
            left, right = before[name].loc[row], rows[name].loc[row]
            yield Change(
                key=str(rows[key].loc[row]), row=int(row), column=name, before=_shown(left), after=_shown(right)
            )


def _shown(value: object) -> str:
    if isinstance(value, shapely.Geometry):
        return shapely.to_wkt(value, rounding_precision=1)[:80]
    return "" if _plain(value) is None else str(_plain(value))


def _missing(old: gpd.GeoDataFrame, new: gpd.GeoDataFrame, key: str) -> tuple[str, ...]:
    if "source" not in old.columns or "source" not in new.columns:
        return ()
    same = old["source"].isin(new["source"].dropna().unique())
    return tuple(old.loc[same & ~old[key].isin(new[key]), key].astype(str))


def row_hash(row: Mapping[str, object]) -> str:
    """Digest of a typed row without its provenance, for "has anything changed".

    Parameters
    ----------
    row : mapping
        Column -> value; geometry counts to the millimetre.

    Examples
    --------
    >>> row_hash({"a": 1.0, "b": None}) == row_hash({"b": None, "a": 1.0})
    True
    """
    canonical = {name: _plain(value) for name, value in row.items()}
    text = json.dumps(canonical, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def row_hashes(frame: gpd.GeoDataFrame) -> list[str]:
    """`row_hash` of every row of a frame."""
    flat = pd.DataFrame(frame.drop(columns="geometry"))
    flat["geometry"] = shapely.to_wkb(
        shapely.set_precision(frame.geometry.to_numpy(), PLACE_M, mode="pointwise"), hex=True
    )
    names = list(flat.columns)
    return [row_hash(dict(zip(names, cells, strict=True))) for cells in flat.itertuples(index=False, name=None)]


def _plain(value: object) -> object:
    """A value as JSON knows it; unknown is None, empty lists too."""
    if isinstance(value, list | tuple | np.ndarray):
        return [_plain(v) for v in value] or None
    if isinstance(value, shapely.Geometry):
        return shapely.to_wkb(shapely.set_precision(value, PLACE_M, mode="pointwise"), hex=True)
    if value is None or value is pd.NaT or value is pd.NA or (isinstance(value, float) and np.isnan(value)):
        return None
    if isinstance(value, date):
        return value.isoformat()
    return value.item() if isinstance(value, np.generic) else value
