"""The public asset that a point hangs on: the nearest one, and what is known of it."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

COLUMNS = ("asset_no", "class", "name", "owner_org", "street_office", "height_m", "mount_height_m")


def nearest(points: gpd.GeoSeries, assets: gpd.GeoDataFrame, *, within_m: float) -> pd.Series:
    """Id of the asset nearest to each point within a distance [m]; None where there is none.

    Parameters
    ----------
    points : GeoSeries
        Places in the project CRS; an empty one has no asset.
    assets : GeoDataFrame
        ``asset_id`` and geometry in the same CRS.
    within_m : float
        Farthest distance [m].
    """
    found = np.full(len(points), None, dtype=object)
    usable = np.flatnonzero(~(points.is_empty | points.isna()).to_numpy())
    if len(usable) and len(assets):
        tree = shapely.STRtree(assets.geometry.to_numpy())
        own = points.to_numpy()[usable]
        pairs = tree.query_nearest(own, max_distance=max(within_m, 1e-9), all_matches=False)
        found[usable[pairs[0]]] = assets["asset_id"].to_numpy(dtype=object)[pairs[1]]
    return pd.Series(found, index=points.index, dtype=object)


def facts(assets: gpd.GeoDataFrame, ids: pd.Series, column: str) -> pd.Series:
    """One column of the assets that are named; None where none is named or known."""
    known = dict(zip(assets["asset_id"], assets[column], strict=True))
    return pd.Series([known.get(name) for name in ids], index=ids.index, dtype=object)
