"""What the map asks the server for: tiles and features by layer name, from the same actions as the pages."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import shapely

from siting.access import Actor, view
from siting.actions import candidates, coverage, effects, plans, runs
from siting.actions import coverage_files as view_files
from siting.actions import layers as layer_actions
from siting.errors import NotFound
from siting.geo import crs as datums
from siting.geo.grid import Grid
from siting.maps import basemap, layers, styles, tiles
from siting.maps.layers import Box
from siting.maps.mercator import Tile
from siting.store.database import Database
from siting.store.rows import NAMED

BASEMAP_LAYERS = ("landcover", "buildings", "roads")
RASTERS: Mapping[str, str] = MappingProxyType(
    {
        "gap": "gap",
        "rsrp": "rsrp_dbm",
        "server": "server",
        "sinr": "sinr_db",
        "probability": "probability",
        "indoor": "indoor",
        "state": "state",
        "unknown": "unknown",
    }
)
CODED = ("server", "state")
RUN_LAYERS = ("candidates", "plan")
CROWDS: Mapping[str, str] = MappingProxyType({"assets": "class", "assets-status": "open_status"})
SOURCES: Mapping[str, str] = MappingProxyType({"assets-status": "assets", "proposals": "candidates"})
BANDS: Mapping[str, str] = MappingProxyType({"nr2600": "n41", "nr3500": "n78"})


class Memory:
    """What was prepared for drawing: the basemap, the points, the last rasters; shared by all who see the same.

    Parameters
    ----------
    most : int
        How many things are kept.
    """

    def __init__(self, most: int = 16) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[str, ...], Any] = OrderedDict()
        self._most = most

    def get(self, key: tuple[str, ...], make: Callable[[], Any]) -> Any:
        """The thing under a key; made if it is not there, by one at a time."""
        with self._lock:
            if key not in self._kept:
                self._kept[key] = make()
            self._kept.move_to_end(key)
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
            return self._kept[key]


class Drawer:
    """Draws for one person of one district; permission is asked at every call, what was prepared is shared.

    Parameters
    ----------
    db : Database
        The district.
    actor : Actor
        On whose behalf; the actions ask for permission.
    memory : Memory, optional
        What is prepared already.
    """

    def __init__(self, db: Database, actor: Actor, memory: Memory | None = None) -> None:
        self.db = db
        self.actor = actor
        self.memory = memory or Memory()

    def version(self, layer: str, *, run_id: str | None = None) -> str:
        """State of what this person sees of a layer; candidates of a run change with the problem points."""
        if run_id:
            return f"{run_id}.{effects.version(self.db, self.actor)}" if layer == "candidates" else run_id
        sources = BASEMAP_LAYERS if layer == "basemap" else (SOURCES.get(layer, layer),)
        revisions = "-".join(str(layer_actions.revision(self.db, self.actor, name)) for name in sources)
        seen = view(self.actor, sources[0] if sources[0] in NAMED else "ground")
        return revisions if seen == "all" else f"{revisions}-{hashlib.sha256(seen.encode()).hexdigest()[:12]}"

    def tile(self, layer: str, tile: Tile, *, run_id: str | None = None) -> bytes:
        """One tile as PNG, from the folder of drawn tiles if it is there.

        Raises
        ------
        NotFound
            If there are no tiles of this name, or no such run that the person sees.
        """
        draw, version = self._painter(layer, run_id)
        return tiles.cached(self.db.settings.cache_folder, layer=layer, version=version, tile=tile, draw=draw)

    def features(self, layer: str, *, box: Box | None = None, run_id: str | None = None) -> dict[str, Any]:
        """A layer as GeoJSON, by box [deg] or whole.

        Raises
        ------
        NotFound
            If there is no such layer, or no such run that the person sees.
        """
        spec = layers.specs().get(layer)
        if spec is None:
            raise NotFound("maps.layer", layer=layer, known=", ".join(layers.specs()))
        if layer in RUN_LAYERS:
            frame = self._run_frame(layer, run_id)
            return layers.geojson(frame if box is None else frame.cx[box[0] : box[2], box[1] : box[3]], spec)
        return layers.geojson(layers.to_lonlat(self._layer_frame(layer, box)), spec)

    def _painter(self, layer: str, run_id: str | None) -> tuple[Callable[[Tile], bytes], str]:
        version = self.version(layer) if layer == "basemap" or layer in CROWDS else ""
        if layer == "basemap":
            ready = partial(self.memory.get, (layer, version), self._prepare_basemap)
            return lambda tile: basemap.draw(ready(), tile), version
        if layer in CROWDS:
            return lambda tile: self._dots(layer, version, tile), version
        if layer in RASTERS and run_id:
            named, _, _ = view_files.parsed(run_id)
            runs.get(self.db, self.actor, named)  # hidden is not found, drawn or not
            return lambda tile: self._cells(layer, run_id, tile), _name(run_id)
        raise NotFound("maps.layer", layer=layer, known=", ".join(("basemap", *CROWDS, *RASTERS)))

    def _prepare_basemap(self) -> basemap.Basemap:
        columns = {"landcover": ("kind",), "buildings": (), "roads": ("class",)}
        frames = {
            name: layers.to_lonlat(layer_actions.read(self.db, self.actor, name, columns=columns[name]))
            for name in BASEMAP_LAYERS
        }
        return basemap.prepare(frames)

    def _read_crowd(self, layer: str) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.object_]]:
        column = CROWDS[layer]
        frame = layer_actions.read(self.db, self.actor, SOURCES.get(layer, layer), columns=(column,))
        points = frame.set_geometry(gpd.GeoSeries(shapely.point_on_surface(frame.geometry.array), crs=frame.crs))
        return shapely.get_coordinates(layers.to_lonlat(points).geometry.array), frame[column].to_numpy(dtype=object)

    def _read_raster(self, layer: str, run_id: str) -> tuple[Grid, npt.NDArray[np.floating], str]:
        named, network, profile = view_files.parsed(run_id)
        grid, values = coverage.raster(self.db, self.actor, named, RASTERS[layer], network=network, profile=profile)
        run = runs.finished(self.db, self.actor, "coverage", named)
        if layer == "server":
            values = self._sites(named, network, values)
        return grid, values, raster_family(layer, str(run.result["measure"]))

    def _sites(self, run_id: str, network: str, values: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
        """Colours of the sites in place of the numbers of their sectors."""
        most = len(styles.family("server"))
        colours = coverage.colours(self.db, self.actor, run_id, network=network, most=most).astype(np.float32)
        known = np.isfinite(values)
        return np.where(known, np.append(colours, 0.0)[np.where(known, values, -1).astype(np.int64)], np.nan)

    def _dots(self, layer: str, version: str, tile: Tile) -> bytes:
        places, kinds = self.memory.get((layer, version), partial(self._read_crowd, layer))
        spec = layers.specs()[layer]
        return tiles.dots(places[:, 0], places[:, 1], kinds, tile, family=spec.family)

    def _cells(self, layer: str, run_id: str, tile: Tile) -> bytes:
        grid, values, family = self.memory.get((layer, run_id), partial(self._read_raster, layer, run_id))
        return tiles.raster(grid, values, tile, family=family, blend=layer not in CODED)

    def _layer_frame(self, layer: str, box: Box | None) -> gpd.GeoDataFrame:
        bounds = None if box is None else project_bounds(box, self.db.settings.crs)
        frame = layer_actions.read(self.db, self.actor, SOURCES.get(layer, layer), bounds=bounds)
        return PREPARED.get(layer, _as_it_is)(frame)

    def _run_frame(self, layer: str, run_id: str | None) -> gpd.GeoDataFrame:
        """Candidates (best first) or the sites of a plan, in longitude and latitude; kept by organisation and role."""
        if not run_id:
            raise NotFound("maps.run", layer=layer)
        runs.get(self.db, self.actor, run_id)
        own = (self.actor.role, self.actor.org, self.actor.operator, *self.actor.streets)
        version = self.version(layer, run_id=run_id)
        return self.memory.get((layer, version, *own), partial(self._read_run_frame, layer, run_id))

    def _read_run_frame(self, layer: str, run_id: str) -> gpd.GeoDataFrame:
        if layer == "candidates":
            return layers.to_lonlat(candidates.candidates(self.db, self.actor, run_id))
        sites = plans.plan(self.db, self.actor, run_id)["sites"]
        agreed = sites["standing"] if "standing" in sites else np.zeros(len(sites), bool)
        return layers.to_lonlat(sites.assign(mark=np.where(agreed, "agreed", "chosen")))


def raster_family(layer: str, measure: str) -> str:
    """Family of styles of a raster of a run."""
    return styles.gap_family(measure) if layer == "gap" else {"indoor": "probability"}.get(layer, layer)


def project_bounds(box: Box, crs: str) -> tuple[float, float, float, float]:
    """A box in degrees as the smallest box around it in the project CRS [m]."""
    west, south, east, north = box
    frame = gpd.GeoDataFrame(
        geometry=[shapely.segmentize(shapely.box(west, south, east, north), max(east - west, 1e-6) / 4)]
    )
    return tuple(float(v) for v in datums.to_project(frame, datum="wgs84", crs=crs).total_bounds)  # type: ignore[return-value]


def _as_it_is(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    return frame


def _by_network(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Sites with the network that decides their colour."""
    kinds = [next((BANDS[t] for t in found or () if t in BANDS), "other") for found in frame["technologies"]]
    return frame.assign(network=kinds)


def _edges(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """District and sub-districts without the many communities; only sub-districts carry their names on the map."""
    shown = frame[frame["level"] != "community"]
    return shown.assign(name=shown["name"].where(shown["level"] == "street_office", ""))


PREPARED: Mapping[str, Callable[[gpd.GeoDataFrame], gpd.GeoDataFrame]] = MappingProxyType(
    {"sites": _by_network, "districts": _edges}
)


def _name(run_id: str) -> str:
    """A run's address as a folder name: whatever comes in an address stays inside the folder of tiles."""
    plain = "".join(sign for sign in run_id if sign.isalnum() or sign in "-_")[:80]
    return plain if plain == run_id else f"{plain}-{hashlib.sha256(run_id.encode()).hexdigest()[:12]}"
