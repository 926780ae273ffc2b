"""Where people are: residents, workers and visitors put into buildings and onto outdoor cells, totals conserved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely
from affine import Affine

from siting.errors import NotFound
from siting.geo import crs as datums
from siting.radio.network import DATA, defaults, read_rows

Floats = npt.NDArray[np.float64]
Layers = Mapping[str, gpd.GeoDataFrame]
LEVELS = ("community", "street_office", "district")
KINDS = ("resident", "worker", "visitor")


@dataclass(frozen=True)
class Buildings:
    """Facts of every building, in the order of its layer.

    Parameters
    ----------
    floor_area_m2 : ndarray
        Footprint times floors [m2]; unknown floors count as one.
    residential : ndarray of bool
        Whether people live there.
    use : ndarray of str
        Use, ``other`` where unknown.
    point : GeoSeries
        A point inside each footprint.
    """

    floor_area_m2: Floats
    residential: npt.NDArray[np.bool_]
    use: npt.NDArray[np.str_]
    point: gpd.GeoSeries


@dataclass(frozen=True)
class People:
    """People by building, and at open places.

    Parameters
    ----------
    in_building : ndarray
        Persons of every building, indoors and around it.
    open_persons : ndarray
        Persons at open places.
    open_place : GeoSeries
        Those places.
    known : bool
        Whether there was any layer with people.
    """

    in_building: Floats
    open_persons: Floats
    open_place: gpd.GeoSeries
    known: bool


def mixes() -> tuple[str, ...]:
    """Names of the mixes, in the order of the table."""
    return tuple(dict.fromkeys(row["mix"] for row in read_rows(DATA / "mixes.csv")))


def mix_shares(mix: str) -> dict[str, float]:
    """Share of residents, workers and visitors present in a named mix.

    Raises
    ------
    NotFound
        If there is no such mix.
    """
    rows = read_rows(DATA / "mixes.csv")
    names = sorted({row["mix"] for row in rows})
    if mix not in names:
        raise NotFound("radio.mix.unknown", value=mix, known=", ".join(names))
    return {row["kind"]: float(row["share"]) for row in rows if row["mix"] == mix}


def people(layers: Layers, buildings: Buildings, *, mix: str) -> People:
    """Put the people of a mix into buildings and onto open places.

    Parameters
    ----------
    layers : mapping of GeoDataFrame
        ``buildings`` and optionally ``demand``, ``districts``; one project CRS.
    buildings : Buildings
        Facts of the buildings, in the order of the layer.
    mix : str
        Row of ``data/mixes.csv``.

    Returns
    -------
    People
        Residents per building if known, else demand rows, else totals of the finest districts spread
        over residential floor area: where an area has none over all its floor area, and where it has no
        building they stand at a place in it, so that no total loses anybody.  Workers and visitors from
        demand rows; without any, workers by floor area and use.
    """
    shares = mix_shares(mix)
    inside = np.zeros(len(buildings.use))
    places, persons = [], []
    demand = _demand(layers)
    residents, totals = _residents(layers, demand)
    if residents is not None:
        inside += shares["resident"] * residents
    for kind in KINDS:
        rows = totals if kind == "resident" else demand[demand["kind"] == kind].reset_index(drop=True)
        if shares[kind] == 0.0 or not len(rows):
            continue
        housed, outdoors = _allot(rows, buildings, residential=kind == "resident")
        inside += shares[kind] * housed
        places.append(rows.geometry[outdoors])
        persons.append(shares[kind] * rows["persons"].to_numpy(float)[outdoors])
    known = _anybody(residents, totals, demand, buildings)
    if known and shares["worker"] > 0.0 and not (demand["kind"] == "worker").any():
        inside += shares["worker"] * _workers(buildings)
    place = (
        gpd.GeoSeries(pd.concat(places, ignore_index=True)) if places else gpd.GeoSeries([], crs=buildings.point.crs)
    )
    return People(inside, np.concatenate(persons) if persons else np.zeros(0), place, known)


def _demand(layers: Layers) -> gpd.GeoDataFrame:
    frame = layers.get("demand")
    if frame is None or not len(frame):
        return gpd.GeoDataFrame({"persons": np.zeros(0), "kind": pd.Series(dtype=str)}, geometry=gpd.GeoSeries([]))
    return frame[frame["persons"].fillna(0) > 0].reset_index(drop=True)


def _residents(layers: Layers, demand: gpd.GeoDataFrame) -> tuple[Floats | None, gpd.GeoDataFrame]:
    """Residents of every building where those are known, else None and areas or points with their totals."""
    frame = layers["buildings"]
    nothing = demand.iloc[:0]
    if "residents" in frame and frame["residents"].fillna(0).sum() > 0:
        return np.asarray(frame["residents"].fillna(0).to_numpy(float)), nothing
    if (demand["kind"] == "resident").any():
        return None, demand[demand["kind"] == "resident"].reset_index(drop=True)
    districts = layers.get("districts")
    if districts is None or "population" not in districts:
        return None, nothing
    for level in LEVELS:
        rows = districts[(districts["level"] == level) & (districts["population"].fillna(0) > 0)]
        if len(rows):
            return None, rows.rename(columns={"population": "persons"}).reset_index(drop=True)
    return None, nothing


def _anybody(
    residents: Floats | None, totals: gpd.GeoDataFrame, demand: gpd.GeoDataFrame, buildings: Buildings
) -> bool:
    """Whether people are known: a total of a district without any building says where nobody in particular lives."""
    counted = len(totals) > 0 and len(buildings.use) > 0
    return (residents is not None and residents.sum() > 0) or counted or len(demand) > 0


def _allot(rows: gpd.GeoDataFrame, buildings: Buildings, *, residential: bool) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Spread each row over the floor area of the buildings in it (a point: of the building it lies in).

    Residents go where people live, but for rows without any such building.  Returns persons by building, and which
    rows hold no building.
    """
    pairs = _pairs(rows, buildings)
    weight = pd.Series(buildings.floor_area_m2[pairs["building"]], index=pairs.index)
    if residential:
        lived = weight.where(pd.Series(buildings.residential[pairs["building"]], index=pairs.index), 0.0)
        weight = lived.where(lived.groupby(pairs["row"]).transform("sum") > 0, weight)
    pairs, weight = pairs[weight > 0.0], weight[weight > 0.0]
    share = weight / weight.groupby(pairs["row"]).transform("sum")
    housed = np.zeros(len(buildings.use))
    np.add.at(housed, pairs["building"].to_numpy(), share.to_numpy() * rows["persons"].to_numpy(float)[pairs["row"]])
    return housed, ~np.isin(np.arange(len(rows)), pairs["row"])


def _pairs(rows: gpd.GeoDataFrame, buildings: Buildings) -> pd.DataFrame:
    """(row, building) pairs: buildings whose inner point lies in an area, or the nearest within 50 m of a point."""
    tree = buildings.point.sindex
    areas = rows.geometry.geom_type.isin(["Polygon", "MultiPolygon"]).to_numpy()
    row, building = tree.query(rows.geometry[areas], predicate="contains")
    spot, near = tree.nearest(rows.geometry[~areas], return_all=False, max_distance=50.0)
    return pd.DataFrame(
        {
            "row": np.concatenate([np.flatnonzero(areas)[row], np.flatnonzero(~areas)[spot]]),
            "building": np.concatenate([building, near]),
        }
    )


def from_raster(
    values: npt.ArrayLike, transform: Affine, *, datum: str, crs: str, kind: str = "resident"
) -> gpd.GeoDataFrame:
    """A population raster as demand rows: one area per cell that holds anybody, totals conserved.

    Parameters
    ----------
    values : array_like, shape (rows, cols)
        People per cell; NaN and negative values (no data) hold nobody.
    transform : Affine
        From column and row to the raster's coordinates.
    datum : str
        Declared datum of those coordinates, see `siting.geo.crs.datum_of`.
    crs : str
        Metric CRS of the district.
    kind : str
        ``resident``, ``worker`` or ``visitor``.

    Returns
    -------
    GeoDataFrame
        ``demand_id, persons, kind`` and the cell's outline; the persons are those of the raster, unchanged.
    """
    counts = np.nan_to_num(np.asarray(values, np.float64), nan=0.0)
    row, col = np.nonzero(counts > 0)
    x, y = np.stack([col, col + 1, col + 1, col], axis=1), np.stack([row, row, row + 1, row + 1], axis=1)
    rings = np.stack(
        [transform.a * x + transform.b * y + transform.c, transform.d * x + transform.e * y + transform.f], axis=-1
    )
    names = [f"r{r}c{c}" for r, c in zip(row, col, strict=True)]
    columns = {"demand_id": names, "persons": counts[row, col], "kind": kind}
    return datums.to_project(gpd.GeoDataFrame(columns, geometry=list(shapely.polygons(rings))), datum=datum, crs=crs)


def _workers(buildings: Buildings) -> Floats:
    """People by day from floor area and use."""
    density = {
        row["use"]: 1.0 / float(row["day_m2_per_person"])
        for row in read_rows(DATA / "uses.csv")
        if row["day_m2_per_person"]
    }
    return np.asarray(buildings.floor_area_m2 * np.array([density.get(str(use), 0.0) for use in buildings.use]))


def indoor_share() -> float:
    """Share of people indoors where the data do not say."""
    return defaults()["indoor_share"]
