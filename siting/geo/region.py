"""A district: its boundary and the sub-districts a place belongs to."""

from dataclasses import dataclass, field

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from siting.errors import BadInput
from siting.geo.crs import require_metric


def _no_areas() -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame({"name": []}, geometry=[])


@dataclass(frozen=True)
class Region:
    """A district and its parts, all in the project CRS.

    Parameters
    ----------
    name : str
        Name of the district.
    boundary : Polygon or MultiPolygon
        Outline in the project CRS [m].
    crs : str
        The project CRS.
    streets, communities : GeoDataFrame
        Areas with a column ``name``; may be empty.  ``approximate`` marks outlines that nobody surveyed.
    """

    name: str
    boundary: shapely.Geometry
    crs: str
    streets: gpd.GeoDataFrame = field(default_factory=_no_areas)
    communities: gpd.GeoDataFrame = field(default_factory=_no_areas)

    def __post_init__(self) -> None:
        if self.boundary.is_empty or self.boundary.area <= 0:
            raise BadInput("geo.region.empty", name=self.name)


def street_of(points: gpd.GeoDataFrame | gpd.GeoSeries, region: Region) -> pd.Series:
    """Name of the sub-district each feature lies in, by a point inside the feature.

    Parameters
    ----------
    points : GeoDataFrame or GeoSeries
        In the project CRS; lines and areas are taken by a point on them.
    region : Region
        Its ``streets`` may be empty: then nobody knows.

    Returns
    -------
    Series
        On the caller's index, ``None`` outside every sub-district; on a shared edge the first of the table.

    Raises
    ------
    BadInput
        If the frame is not in a metric CRS.
    """
    require_metric(points)
    out = pd.Series([None] * len(points), index=points.index, dtype=object)
    if region.streets.empty or not len(points):
        return out
    spots = shapely.point_on_surface(points.geometry.to_numpy())
    at, area = shapely.STRtree(region.streets.geometry.to_numpy()).query(spots, predicate="intersects")
    order = np.lexsort((area, at))
    first = np.unique(at[order], return_index=True)
    out.iloc[first[0]] = region.streets["name"].to_numpy()[area[order][first[1]]]
    return out


def outside_m(frame: gpd.GeoDataFrame | gpd.GeoSeries, boundary: shapely.Geometry) -> pd.Series:
    """How far each feature lies outside a boundary [m], 0 where any part of it is inside."""
    require_metric(frame)
    shapely.prepare(boundary)
    shapes = frame.geometry.to_numpy()
    inside = shapely.intersects(boundary, shapes)
    away = np.zeros(len(shapes))
    away[~inside] = shapely.distance(boundary, shapes[~inside])
    return pd.Series(away, index=frame.index)
