"""The real facts the sample stands on: boundary, sub-district and community names."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import pandas as pd

from siting.errors import NotFound
from siting.geo import crs
from siting.sample.tables import CRS

HOME = Path(__file__).parents[2] / "data"
FACTS = Path("district") / "facts"
DATUM = "wgs84"


@dataclass(frozen=True)
class Facts:
    """What `make` needs to know of a real district, EPSG:4548."""

    boundary: gpd.GeoDataFrame
    offices: gpd.GeoDataFrame
    communities: gpd.GeoDataFrame

    def frames(self) -> dict[str, gpd.GeoDataFrame]:
        """Keyword arguments of `make`."""
        return {"boundary": self.boundary, "offices": self.offices, "communities": self.communities}


def facts(home: Path = HOME) -> Facts:
    """Read boundary and names of the sample district.

    Parameters
    ----------
    home : Path
        The shipped data; its ``district/facts`` holds ``boundary.geojson``, ``offices.csv`` and ``communities.csv``, all WGS-84.

    Raises
    ------
    NotFound
        If a file is missing.
    """
    folder = home / FACTS
    missing = [name for name in ("boundary.geojson", "offices.csv", "communities.csv") if not (folder / name).is_file()]
    if missing:
        raise NotFound("sample.facts", folder=folder.name, missing=", ".join(missing))
    boundary = gpd.read_file(folder / "boundary.geojson", engine="pyogrio")[["code", "name", "geometry"]]
    return Facts(_project(boundary), _points(folder / "offices.csv"), _points(folder / "communities.csv"))


def _points(path: Path) -> gpd.GeoDataFrame:
    table = pd.read_csv(path, dtype={"code": str, "street_code": str})
    points = gpd.points_from_xy(table["lon_deg"], table["lat_deg"])
    known = table["lon_deg"].notna()
    frame = gpd.GeoDataFrame(
        table.drop(columns=["lon_deg", "lat_deg"]), geometry=gpd.GeoSeries(points).where(known, None)
    )
    return _project(frame)


def _project(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    return crs.to_project(frame.set_crs(None, allow_override=True), datum=DATUM, crs=CRS)
