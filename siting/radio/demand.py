"""Units: the outdoor cells and the floors of building cells at which people are counted."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
from rasterio.features import rasterize
from rasterio.transform import from_origin

from siting.errors import BadInput
from siting.geo.grid import Grid
from siting.radio.gap import Gap, gap
from siting.radio.network import defaults
from siting.radio.o2i import floor_height_m
from siting.radio.people import Buildings, Layers, indoor_share, people
from siting.radio.scene import UNDERGROUND, Terrain
from siting.radio.terrain import heights_m

__all__ = ["Gap", "gap", "units"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
RESIDENTIAL = "residential"
PERSONS, AREA = "persons", "area_m2"


@dataclass(frozen=True)
class _Cells:
    """Receivers: obstacle cell, map cell, and the building (row of the layer, -1 outdoors) they belong to."""

    terrain_row: Ints
    terrain_col: Ints
    row: Ints
    col: Ints
    building: Ints


def units(grid: Grid, terrain: Terrain, layers: Layers, *, mix: str = "night") -> pd.DataFrame:
    """All units of a district with the people of a mix.

    Parameters
    ----------
    grid : Grid
        Cells of the map; a whole number of obstacle cells wide and inside the terrain.
    terrain : Terrain
        Obstacles, made from the same buildings in the same order.
    layers : mapping of GeoDataFrame
        ``buildings``, optionally ``demand``, ``districts``, ``venues``; project CRS.  With districts
        only cells in them are units.
    mix : str
        ``night`` or ``day`` (rows of ``data/mixes.csv``).

    Returns
    -------
    DataFrame
        One row per unit, ordered by place: ``unit_id, row, col, building_id, building_class, floor``
        (0 = outdoors), ``persons, street_office, venue, easting_m, northing_m, height_m,
        cell_unknown, measure``.  Without any people layer ``persons`` holds m2 and ``measure`` says
        ``area_m2``: of ground outdoors, of floor indoors.

    Raises
    ------
    BadInput
        If the grids do not nest or the terrain was made from other buildings.
    NotFound
        If the mix is unknown.
    """
    frame = layers["buildings"].reset_index(drop=True)
    if len(frame) != len(terrain.building_ids):
        raise BadInput("radio.units.buildings", value=len(frame), rule=len(terrain.building_ids))
    inside = _inside(grid, layers)
    cells = _cells(grid, terrain, frame, inside)
    floors = _floors(frame)
    table = _table(cells, floors, terrain)
    table = _labelled(table, grid, {**layers, "buildings": frame})
    facts = _facts(frame, floors)
    return _with_people(table, grid, {**layers, "buildings": frame}, facts, mix)


def _inside(grid: Grid, layers: Layers) -> npt.NDArray[np.bool_]:
    districts = layers.get("districts")
    if districts is None or not len(districts):
        return np.ones(grid.shape, bool)
    return np.asarray(_burn(grid, districts.geometry, np.ones(len(districts), np.int32)) > 0)


def _burn(grid: Grid, shapes: gpd.GeoSeries, values: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    pairs = [(s, int(v)) for s, v in zip(shapes, values, strict=True) if s is not None and not s.is_empty]
    if not pairs:
        return np.zeros(grid.shape, np.int32)
    transform = from_origin(grid.west_m, grid.north_m, grid.cell_m, grid.cell_m)
    return np.asarray(rasterize(pairs, out_shape=grid.shape, transform=transform, fill=0, dtype="int32"))


def _nesting(grid: Grid, terrain: Terrain) -> tuple[int, int, int]:
    """Obstacle cells per map cell, and the obstacle row and column of the map's corner."""
    fine = terrain.grid
    exact = np.array([grid.cell_m, fine.north_m - grid.north_m, grid.west_m - fine.west_m]) / fine.cell_m
    whole = np.round(exact).astype(int)
    per, top, left = (int(v) for v in whole)
    fits = top >= 0 and left >= 0 and top + per * grid.rows <= fine.rows and left + per * grid.cols <= fine.cols
    if per < 1 or not fits or not np.allclose(exact, whole, rtol=0.0, atol=1e-6) or grid.crs != fine.crs:
        raise BadInput("radio.units.nesting", value=grid.cell_m, rule=fine.cell_m)
    return per, top, left


def _cells(grid: Grid, terrain: Terrain, frame: gpd.GeoDataFrame, inside: npt.NDArray[np.bool_]) -> _Cells:
    """A receiver at the middle of every cell; buildings that hold no middle get one of their own."""
    per, top, left = _nesting(grid, terrain)
    row, col = np.nonzero(inside)
    fine_row, fine_col = top + row * per + per // 2, left + col * per + per // 2
    building = np.maximum(terrain.building[fine_row, fine_col], 0).astype(np.int64) - 1
    own_row, own_col, extra = _own_places(terrain, frame, building)
    map_row, map_col = (own_row - top) // per, (own_col - left) // per
    keep = grid.inside(map_row, map_col)
    keep[keep] = inside[map_row[keep], map_col[keep]]
    parts = (
        np.concatenate([fine_row, own_row[keep]]),
        np.concatenate([fine_col, own_col[keep]]),
        np.concatenate([row, map_row[keep]]),
        np.concatenate([col, map_col[keep]]),
        np.concatenate([building, extra[keep]]),
    )
    order = np.lexsort((parts[4], parts[1], parts[0]))
    return _Cells(*(part[order] for part in parts))


def _own_places(terrain: Terrain, frame: gpd.GeoDataFrame, building: Ints) -> tuple[Ints, Ints, Ints]:
    """An obstacle cell of every building that holds no middle of a map cell: its first one, else that of its inner point."""
    missing = np.setdiff1d(np.arange(len(frame)), building)
    points = frame.geometry.iloc[missing].representative_point()
    row, col = terrain.grid.cells_of(points.x.to_numpy(), points.y.to_numpy())
    owner = terrain.building_at(points.x.to_numpy(), points.y.to_numpy()) - 1
    numbers, first = np.unique(terrain.building, return_index=True)
    spot = np.minimum(np.searchsorted(numbers, missing + 1), len(numbers) - 1)
    other = (numbers[spot] == missing + 1) & (owner != missing)
    row[other], col[other] = np.divmod(first[spot[other]], terrain.grid.cols)
    return row, col, missing


def _floors(frame: gpd.GeoDataFrame) -> Ints:
    """Floors as given, else from the height at 3 m, else one."""
    by_height = np.round(heights_m(frame) / defaults()["storey_m"])
    given = pd.to_numeric(frame["floors"], errors="coerce").to_numpy(float) if "floors" in frame else by_height
    floors = np.where(np.isnan(given), by_height, given)
    return np.asarray(np.maximum(np.nan_to_num(floors, nan=1.0), 1.0), np.int64)


def _facts(frame: gpd.GeoDataFrame, floors: Ints) -> Buildings:
    use = frame["use"].fillna("other").to_numpy(str) if "use" in frame else np.full(len(frame), "other")
    return Buildings(
        frame.geometry.area.to_numpy() * floors, use == RESIDENTIAL, use, frame.geometry.representative_point()
    )


def _table(cells: _Cells, floors: Ints, terrain: Terrain) -> pd.DataFrame:
    """One row per outdoor cell and per floor of a building cell."""
    indoors = cells.building >= 0
    repeat = np.append(floors, 1)[cells.building]  # -1, outdoors: one
    at = np.repeat(np.arange(len(repeat)), repeat)
    floor = np.arange(len(at)) - np.repeat(np.cumsum(repeat) - repeat, repeat) + indoors[at]
    fine = terrain.grid
    return pd.DataFrame(
        {
            "unit_id": np.arange(len(at), dtype=np.int64),
            "row": cells.row[at].astype(np.int32),
            "col": cells.col[at].astype(np.int32),
            "building": cells.building[at].astype(np.int32),
            "floor": floor.astype(np.int16),
            "easting_m": fine.west_m + (cells.terrain_col[at] + 0.5) * fine.cell_m,
            "northing_m": fine.north_m - (cells.terrain_row[at] + 0.5) * fine.cell_m,
            "height_m": floor_height_m(floor).astype(np.float32),
            "cell_unknown": np.isnan(terrain.surface_m[cells.terrain_row, cells.terrain_col])[at],
        }
    )


def _labels(values: pd.Series, codes: npt.NDArray[np.integer]) -> pd.Categorical:
    """Text of a small table repeated by row number; -1 and empty become missing."""
    category = values.astype("category")
    own = category.cat.codes.to_numpy()
    picked = np.where(codes >= 0, own[np.maximum(codes, 0)], -1) if len(own) else np.full(len(codes), -1)
    return pd.Categorical.from_codes(picked.astype(np.int64), categories=category.cat.categories)


def _labelled(table: pd.DataFrame, grid: Grid, layers: Layers) -> pd.DataFrame:
    """Add building, class, sub-district and venue of every unit."""
    frame = layers["buildings"]
    building = table["building"].to_numpy()
    classes = (
        frame["building_class"].fillna("unknown") if "building_class" in frame else pd.Series(["unknown"] * len(frame))
    )
    hidden = np.append((classes == UNDERGROUND).to_numpy(), False)
    return table.assign(
        building_id=_labels(frame["building_id"].astype(str), building),
        building_class=_labels(classes.astype(str), building),
        street_office=_offices(table, grid, layers),
        venue=_venues(table, grid, layers),
        cell_unknown=table["cell_unknown"].to_numpy() | hidden[building],
    )


def _offices(table: pd.DataFrame, grid: Grid, layers: Layers) -> pd.Categorical:
    """Sub-district: the building's own where given, else the polygon that holds the cell."""
    frame, districts = layers["buildings"], layers.get("districts")
    number = np.full(len(table), -1, np.int64)
    names = pd.Series(dtype=object)
    if districts is not None and "level" in districts:
        offices = districts[districts["level"] == "street_office"]
        names = offices["name"].reset_index(drop=True)
        burnt = _burn(grid, offices.geometry, np.arange(1, len(offices) + 1, dtype=np.int32))
        number = burnt[table["row"].to_numpy(), table["col"].to_numpy()].astype(np.int64) - 1
    if "street_office" not in frame:
        return _labels(names.astype(str), number)
    given = frame["street_office"]
    both = pd.concat([names, given], ignore_index=True)
    building = table["building"].to_numpy()
    has = np.append(given.notna().to_numpy(), False)[building]
    return _labels(both, np.where(has, building + len(names), number))


def _venues(table: pd.DataFrame, grid: Grid, layers: Layers) -> pd.Categorical:
    """Venue: the area that holds a cell, or for a point the building (else the cell) it lies in."""
    venues = layers.get("venues")
    if venues is None or not len(venues):
        return _labels(pd.Series(dtype=str), np.full(len(table), -1))
    kinds = venues.geometry.geom_type
    burnt = _burn(grid, venues.geometry, np.where(kinds == "Point", 0, np.arange(1, len(venues) + 1)).astype(np.int32))
    row, col = table["row"].to_numpy(), table["col"].to_numpy()
    number = burnt[row, col].astype(np.int64) - 1
    points = np.flatnonzero(kinds == "Point")
    pairs = layers["buildings"].sindex.query(venues.geometry.iloc[points], predicate="intersects")
    by_building = np.full(len(layers["buildings"]) + 1, -1)
    by_building[pairs[1]] = points[pairs[0]]
    alone = np.setdiff1d(points, points[pairs[0]])
    at_row, at_col = grid.cells_of(venues.geometry.iloc[alone].x, venues.geometry.iloc[alone].y)
    keep = grid.inside(at_row, at_col)
    by_cell = np.full(grid.shape, -1)
    by_cell[at_row[keep], at_col[keep]] = alone[keep]
    building = table["building"].to_numpy()
    housed = by_building[building]
    number = np.where(
        building >= 0,
        np.where(housed >= 0, housed, number),
        np.where(by_cell[row, col] >= 0, by_cell[row, col], number),
    )
    return _labels(venues["venue_id"].astype(str), number)


def _with_people(table: pd.DataFrame, grid: Grid, layers: Layers, facts: Buildings, mix: str) -> pd.DataFrame:
    """Add persons (or area) to every unit."""
    crowd = people(layers, facts, mix=mix)
    building = table["building"].to_numpy()
    indoors = building >= 0
    if not crowd.known:
        spread = facts.floor_area_m2
        persons = _indoors(building, spread) + np.where(indoors, 0.0, grid.cell_m**2)
    else:
        share = indoor_share()
        persons = _indoors(building, crowd.in_building * share)
        persons = persons + _outdoors(table, building, crowd.in_building * (1.0 - share))
        persons = persons + _at_places(table, grid, crowd.open_place, crowd.open_persons)
    done = table.drop(columns="building").assign(
        persons=persons, measure=pd.Categorical([PERSONS if crowd.known else AREA]).repeat(len(table))
    )
    done.attrs.update({"measure": PERSONS if crowd.known else AREA, "mix": mix})
    return done


def _indoors(building: npt.NDArray[np.integer], total: Floats) -> Floats:
    """A building's total shared evenly by its units."""
    indoors = building >= 0
    count = np.bincount(building[indoors], minlength=len(total))
    return np.where(indoors, (total / np.maximum(count, 1))[building] if len(total) else 0.0, 0.0)


def _outdoors(table: pd.DataFrame, building: npt.NDArray[np.integer], total: Floats) -> Floats:
    """The buildings' outdoor people shared evenly by the outdoor cells of their sub-district, indoors where it has none."""
    indoors = building >= 0
    share = _indoors(building, total)
    office = table["street_office"].cat.codes.to_numpy().astype(np.int64) + 1
    size = int(office.max(initial=0)) + 1
    wanted = np.bincount(office, weights=share, minlength=size)
    cells = np.bincount(office[~indoors], minlength=size)
    even = np.where(cells > 0, wanted / np.maximum(cells, 1), 0.0)
    return np.where(indoors, np.where(cells[office] > 0, 0.0, share), even[office])


def _at_places(table: pd.DataFrame, grid: Grid, place: gpd.GeoSeries, persons: Floats) -> Floats:
    """People of open places on the first unit of their cell; places outside the units are not counted."""
    total = np.zeros(len(table))
    if not len(place):
        return total
    points = place.representative_point()
    row, col = grid.cells_of(points.x.to_numpy(), points.y.to_numpy())
    first = np.full(grid.shape, -1, np.int64)
    order = np.arange(len(table))[::-1]
    first[table["row"].to_numpy()[order], table["col"].to_numpy()[order]] = order
    keep = grid.inside(row, col)
    unit = first[row[keep], col[keep]]
    np.add.at(total, unit[unit >= 0], persons[keep][unit >= 0])
    return total
