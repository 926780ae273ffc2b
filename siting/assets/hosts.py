"""Which public asset a point means: the nearest one that its owner has not refused, a pole before the park it stands in."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

# An asset in one of these states is no host; one that nobody has surveyed yet may become one by asking its owner.
CLOSED = ("refused", "withdrawn")
# An area or a line is meant only where it is nearer than any pole by more than places are accurate.
ACCURACY_M = 1.0
COLUMNS = ("asset_id", "asset_no", "name", "class", "open_status", "owner_org", "height_m", "mount_height_m")


def nearest(points: gpd.GeoSeries, assets: gpd.GeoDataFrame, *, within_m: float) -> pd.Series:
    """Id of the asset that each point means, on the index of the points; None where none is near enough.

    Parameters
    ----------
    points : GeoSeries
        In the project CRS; an empty one means nothing.
    assets : GeoDataFrame
        With `COLUMNS`, in the same CRS.
    within_m : float
        Greatest distance [m].
    """
    free = assets[~assets["open_status"].isin(CLOSED)]
    standing = (free.geom_type == "Point").to_numpy()
    to_pole_m, poles = _nearest(points, free[standing], within_m)
    to_area_m, areas = _nearest(points, free[~standing], within_m)
    return pd.Series(np.where(to_pole_m <= to_area_m + ACCURACY_M, poles, areas), index=points.index, dtype=object)


def facts(assets: gpd.GeoDataFrame, ids: pd.Series, column: str) -> pd.Series:
    """A column of the named assets, on the index of the ids; None where there is no such asset."""
    known = dict(zip(assets["asset_id"], assets[column], strict=True))
    return pd.Series([known.get(name) for name in ids], index=ids.index, dtype=object)


def _nearest(
    points: gpd.GeoSeries, assets: gpd.GeoDataFrame, within_m: float
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.object_]]:
    """Distance [m] and id of the nearest of some assets to each point; inf and None where none is near."""
    far, found = np.full(len(points), np.inf), np.full(len(points), None, dtype=object)
    if len(assets) and len(points):
        tree = shapely.STRtree(assets.geometry.to_numpy())
        (at, hit), metres = tree.query_nearest(
            points.to_numpy(), max_distance=within_m, all_matches=False, return_distance=True
        )
        far[at], found[at] = metres, assets["asset_id"].to_numpy(dtype=object)[hit]
    return far, found
