"""What the district holds: counts, lists and cards of assets and sites, and what came in lately."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import geopandas as gpd
import pandas as pd

from siting.actions import layers as layer_actions
from siting.maps import styles
from siting.ui import fields
from siting.ui.cached import kept
from siting.ui.parts import Card
from siting.ui.session import Desk
from siting.ui.text import UNKNOWN, number, t, term

LISTED = (
    "asset_no",
    "class",
    "name",
    "street_office",
    "owner_org",
    "height_m",
    "open_status",
    "structural_status",
    "power",
)
OPEN = ("open_free", "open_paid", "conditional")
MOST_ROWS = 3000


def cards(desk: Desk) -> list[Card]:
    """How many assets, how many of them open to sharing, how many existing sites."""
    found = layer_actions.counts_by(desk.db, desk.actor, "assets", "open_status")
    total = int(found["n"].sum())
    open_n = int(found.loc[found["open_status"].isin(OPEN), "n"].sum())
    sites = layer_actions.counts(desk.db, desk.actor)["sites"]
    return [
        Card(t("ui.holding.assets"), number(total), t("ui.holding.open", n=number(open_n))),
        Card(t("ui.holding.sites"), number(sites), t("ui.holding.sites_note")),
    ]


def sector(desk: Desk, sector_id: str | None) -> str:
    """A sector in words: its site's number and name, and where it looks; one that is gone is named by its id."""
    if not sector_id:
        return UNKNOWN
    version = "-".join(str(layer_actions.revision(desk.db, desk.actor, layer)) for layer in ("sectors", "sites"))
    known = kept(desk, "sector-names", version, lambda: _sectors(desk))
    if sector_id not in known:
        return sector_id
    site, azimuth_deg = known[sector_id]
    return t("ui.point.sector", site=site, azimuth_deg=number(azimuth_deg))


def _sectors(desk: Desk) -> dict[str, tuple[str, float]]:
    """Number and name of the site and azimuth [deg] of every sector by its id."""
    sectors = layer_actions.read(desk.db, desk.actor, "sectors", columns=("site_id", "azimuth_deg"))
    sites = layer_actions.read(desk.db, desk.actor, "sites", columns=("site_no", "name"))
    names = dict(zip(sites["site_id"], sites[["site_no", "name"]].itertuples(index=False), strict=True))
    columns = (sectors["sector_id"], sectors["site_id"], sectors["azimuth_deg"].astype(float))
    return {sector: (_joined(names.get(site, ())), azimuth) for sector, site, azimuth in zip(*columns, strict=True)}


def _joined(names: Iterable[object]) -> str:
    return " ".join(name for name in names if isinstance(name, str) and name) or UNKNOWN


def matrix(desk: Desk) -> pd.DataFrame:
    """Number of assets by class and sharing status, with totals, in words."""
    found = layer_actions.counts_by(desk.db, desk.actor, "assets", "class", "open_status")
    if found.empty:
        return pd.DataFrame()
    wide = found.pivot_table(index="class", columns="open_status", values="n", aggfunc="sum", fill_value=0)
    order = [name for name in styles.family("open_status") if name in wide.columns]
    wide = wide[order + [c for c in wide.columns if c not in order]]
    wide.insert(0, t("ui.table.total"), wide.sum(axis=1))
    wide = wide.sort_values(t("ui.table.total"), ascending=False).rename(columns=lambda name: term("open_status", name))
    wide.insert(0, t("style.asset_class"), [term("asset_class", name) for name in wide.index])
    return wide


def assets(desk: Desk) -> gpd.GeoDataFrame:
    """All assets with the columns that lists show and filter by."""
    version = str(layer_actions.revision(desk.db, desk.actor, "assets"))
    return kept(desk, "assets", version, lambda: layer_actions.read(desk.db, desk.actor, "assets", columns=LISTED))


def filtered(
    frame: gpd.GeoDataFrame, *, classes: Sequence[str], statuses: Sequence[str], search: str
) -> gpd.GeoDataFrame:
    """Rows of the chosen classes and statuses whose number, name, owner or sub-district contains the text."""
    kept_rows = pd.Series(data=True, index=frame.index)
    if classes:
        kept_rows &= frame["class"].isin(classes)
    if statuses:
        kept_rows &= frame["open_status"].isin(statuses)
    if search.strip():
        columns = ("asset_no", "name", "owner_org", "street_office")
        hits = [
            frame[c].astype("string").str.contains(search.strip(), case=False, regex=False).fillna(False)
            for c in columns
        ]
        kept_rows &= pd.concat(hits, axis=1).any(axis=1)
    return frame[kept_rows]


def listing(frame: gpd.GeoDataFrame) -> pd.DataFrame:
    """A list of assets in words, at most `MOST_ROWS` rows."""
    return fields.table("assets", frame.iloc[:MOST_ROWS], LISTED)


def asset(desk: Desk, asset_id: str, near: gpd.GeoDataFrame) -> Mapping[str, Any] | None:
    """All fields of one asset, read by its place in the list; None if it is not in the list."""
    found = near[near["asset_id"] == asset_id]
    if found.empty:
        return None
    whole = layer_actions.read(desk.db, desk.actor, "assets", bounds=tuple(found.total_bounds))
    return dict(whole[whole["asset_id"] == asset_id].iloc[0])


def imports(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """What came in lately, in words."""
    return pd.DataFrame(
        [
            {
                t("ui.imports.layer"): t(f"ui.layer.{row.get('layer')}"),
                t("ui.imports.name"): str(row.get("name") or row.get("source_name") or ""),
                t("ui.imports.new"): row.get("new"),
                t("ui.imports.changed"): row.get("changed"),
                t("ui.imports.rejected"): row.get("rejected"),
                t("ui.imports.at"): str(row.get("committed_at") or "")[:16].replace("T", " "),
            }
            for row in rows
        ]
    )
