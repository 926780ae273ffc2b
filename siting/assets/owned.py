"""Rows that belong to who brings them: the bringer's own or nobody's, and nothing said of what others hold."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from siting.assets import hosts, schema
from siting.findings import Finding

# The only state in which a file may change what stands.
OPEN_STATE = "proposed"
GROUND = "ground"


@dataclass(frozen=True, kw_only=True)
class Bringer:
    """Who brings a file, and what its points may hang on.

    Parameters
    ----------
    org, operator : str
        Organisation and, for an operator, its code.
    assets : GeoDataFrame
        The district's assets with `hosts.COLUMNS`.
    snap_m : float
        How near an asset must be to be meant by a point [m].
    """

    org: str
    operator: str
    assets: gpd.GeoDataFrame
    snap_m: float


def owned(
    frame: gpd.GeoDataFrame, *, layer: str, bringer: Bringer, old: gpd.GeoDataFrame, titles: Mapping[str, str]
) -> tuple[gpd.GeoDataFrame, list[Finding]]:
    """Rows as the bringer's own, and what speaks against it.

    Parameters
    ----------
    frame : GeoDataFrame
        Typed and placed rows.
    layer : str
        Layer; its rows name a ``proposer_org``.
    bringer : Bringer
        Whose rows they become.
    old : GeoDataFrame
        The bringer's stored rows, and no other's.
    titles : mapping
        Column -> heading of the file.

    Returns
    -------
    tuple of (GeoDataFrame, list of Finding)
        A key that is not the bringer's own is refused in the same words whether somebody else has it or nobody.
    """
    found = [
        *_others(frame, bringer),
        *_without(frame, bringer),
        *_foreign(frame, layer, old),
        *_hostless(frame, bringer),
    ]
    findings = [
        Finding(code=f.code, row=f.row, column=titles.get(f.column, f.column), value=f.value, values=f.values)
        for f in found
    ]
    near = hosts.nearest(frame.geometry, bringer.assets, within_m=bringer.snap_m)
    host = frame["host_asset_id"].where(frame["host_asset_id"].notna(), near)
    kind = hosts.facts(bringer.assets, host, "class").fillna(GROUND)
    kinds = frame["host_class"].where(frame["host_class"].notna(), kind)
    out = frame.assign(proposer_org=bringer.org, host_asset_id=host, host_class=kinds)
    key = schema.key_column(layer)
    out[key] = out[key].where(
        out[key].notna(), pd.Series(_own_keys(out, layer, bringer), index=out.index, dtype=object)
    )
    return out, findings


def frozen(old: gpd.GeoDataFrame, changed: gpd.GeoDataFrame, *, layer: str) -> list[Finding]:
    """Changed rows whose stored state no longer admits a change by file."""
    key = schema.key_column(layer)
    states = dict(zip(old[key], old["state"], strict=True))
    words = {term.code: term.title_zh for term in schema.vocabulary(schema.column(layer, "state").vocab)}
    return [
        Finding(code="ROW_FIXED", row=int(str(row)), column=key, value=str(name), values={"state": words[states[name]]})
        for row, name in changed[key].items()
        if states.get(name, OPEN_STATE) != OPEN_STATE
    ]


def _others(frame: gpd.GeoDataFrame, bringer: Bringer) -> Iterator[Finding]:
    given = frame["proposer_org"].dropna()
    for row, name in given[given != bringer.org].items():
        yield Finding(
            code="ORG_OTHER", row=int(str(row)), column="proposer_org", value=str(name), values={"own": bringer.org}
        )


def _without(frame: gpd.GeoDataFrame, bringer: Bringer) -> Iterator[Finding]:
    """Rows of an operator that leave the operator itself out."""
    if not bringer.operator:
        return
    for row, codes in frame["operators"].dropna().items():
        if bringer.operator not in codes:
            text = "、".join(map(str, codes))
            yield Finding(
                code="OPERATOR_LEFT_OUT",
                row=int(str(row)),
                column="operators",
                value=text,
                values={"own": bringer.operator},
            )


def _foreign(frame: gpd.GeoDataFrame, layer: str, old: gpd.GeoDataFrame) -> Iterator[Finding]:
    key = schema.key_column(layer)
    given = frame[key].dropna()
    for row, name in given[~given.isin(old[key])].items():
        yield Finding(code="KEY_NOT_OWN", row=int(str(row)), column=key, value=str(name))


def _hostless(frame: gpd.GeoDataFrame, bringer: Bringer) -> Iterator[Finding]:
    given = frame["host_asset_id"].dropna()
    for row, name in given[~given.isin(bringer.assets["asset_id"])].items():
        yield Finding(code="HOST_UNKNOWN", row=int(str(row)), column="host_asset_id", value=str(name))


def _own_keys(frame: gpd.GeoDataFrame, layer: str, bringer: Bringer) -> list[str]:
    """Keys from organisation, operators and place: the same file twice is the same rows."""
    xy = np.round(shapely.get_coordinates(shapely.centroid(frame.geometry.to_numpy())), 1)
    codes = ["+".join(sorted(v)) if isinstance(v, list) else "" for v in frame["operators"]]
    marks = [f"siting|{layer}|{bringer.org}|{c}|{x:.1f}|{y:.1f}" for c, (x, y) in zip(codes, xy, strict=True)]
    turn = pd.Series(marks).groupby(marks).cumcount()
    return [str(uuid.uuid5(uuid.NAMESPACE_OID, f"{mark}|{n}")) for mark, n in zip(marks, turn, strict=True)]
