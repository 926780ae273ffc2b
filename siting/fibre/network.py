"""Streets and access points as a network of nodes and edges in the project CRS."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import shapely
from scipy import sparse
from scipy.sparse import csgraph

from siting.errors import BadInput

JOIN_M = 0.5
SNAP_M = 60.0
USABLE = ("existing", "planned")
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Network:
    """Pieces of streets between nodes, nodes sorted by easting and northing.

    Parameters
    ----------
    node_xy : array [nodes, 2]
        Easting and northing [m].
    edge_node : array [edges, 2]
        Ends of each straight piece.
    pieces : array of shapely LineString [edges]
        The pieces themselves.
    access_id : array of str
        Usable access points.
    access_piece, access_along, access_off : arrays
        Piece each access point attaches to (-1: too far), metres from its first end, metres off it.
    crs : str
        The project CRS.
    """

    node_xy: Floats
    edge_node: Ints
    pieces: npt.NDArray[np.object_]
    access_id: npt.NDArray[np.str_]
    access_piece: Ints
    access_along: Floats
    access_off: Floats
    crs: str

    def distances(self) -> tuple[Floats, npt.NDArray[np.str_]]:
        """Metres from every node to its nearest access point along streets (infinite if none), and which one it is.

        One multi-source Dijkstra (scipy.sparse.csgraph) from the access points' feet.
        """
        count = len(self.node_xy)
        near = np.flatnonzero(self.access_piece >= 0)
        if near.size == 0 or count == 0:
            return np.full(count, np.inf), np.full(count, "", dtype=np.str_)
        ends = self.edge_node[self.access_piece[near]]
        length = shapely.length(self.pieces[self.access_piece[near]])
        along, off = self.access_along[near], self.access_off[near]
        sources = count + np.arange(near.size)
        graph = _graph(
            np.concatenate([self.edge_node[:, 0], sources, sources]),
            np.concatenate([self.edge_node[:, 1], ends[:, 0], ends[:, 1]]),
            np.concatenate([shapely.length(self.pieces), off + along, off + length - along]),
            count + near.size,
        )
        reached, _, source = csgraph.dijkstra(graph, indices=sources, min_only=True, return_predecessors=True)
        names = np.full(count, "", dtype=self.access_id.dtype)
        found = np.isfinite(reached[:count])
        names[found] = self.access_id[near[source[:count][found] - count]]
        return reached[:count], names


def _graph(first: Ints, second: Ints, length_m: Floats, nodes: int) -> sparse.csr_matrix:
    """Undirected graph keeping the shortest of parallel edges; zero lengths stay edges."""
    low, high = np.minimum(first, second), np.maximum(first, second)
    order = np.lexsort((length_m, high, low))
    low, high, length_m = low[order], high[order], length_m[order]
    keep = np.ones(low.size, dtype=np.bool_)
    keep[1:] = (low[1:] != low[:-1]) | (high[1:] != high[:-1])
    keep &= low != high
    low, high, length_m = low[keep], high[keep], np.maximum(length_m[keep], 1e-9)
    return sparse.csr_matrix((np.r_[length_m, length_m], (np.r_[low, high], np.r_[high, low])), shape=(nodes, nodes))


def build(
    streets: gpd.GeoDataFrame, access: gpd.GeoDataFrame, *, join_m: float = JOIN_M, snap_m: float = SNAP_M
) -> Network:
    """Node the streets and attach the access points.

    Parameters
    ----------
    streets : GeoDataFrame
        Centrelines in the project CRS [m]; crossings on the same level are joined, bridges and tunnels only at their ends.
    access : GeoDataFrame
        ``access_id``, ``status``; only existing and planned ones count.
    join_m : float
        Ends nearer than this are one node [m].
    snap_m : float
        Longest lead-in [m].

    Raises
    ------
    BadInput
        If the two layers are in different CRS.
    """
    if len(access) and len(streets) and access.crs != streets.crs:
        raise BadInput("fibre.network.crs", layer="access", given=str(access.crs), expected=str(streets.crs))
    pieces = _pieces(streets, join_m)
    node_xy, edge_node = _nodes(pieces, join_m)
    usable = access[access["status"].isin(USABLE)] if "status" in access else access
    usable = usable.sort_values("access_id")
    piece, along, off = attach(pieces, usable.geometry.array, snap_m=snap_m)
    names = usable["access_id"].to_numpy(dtype=np.str_)
    return Network(node_xy, edge_node, pieces, names, piece, along, off, str(streets.crs))


def _pieces(streets: gpd.GeoDataFrame, join_m: float) -> npt.NDArray[np.object_]:
    """Lines cut at crossings on the ground; elevated and sunken ones keep their middles free."""
    apart = np.zeros(len(streets), dtype=np.bool_)
    for column in ("bridge", "tunnel"):
        if column in streets:
            apart |= streets[column].fillna(value=False).to_numpy(dtype=np.bool_)
    lines = shapely.set_precision(shapely.force_2d(streets.geometry.array), join_m / 5)
    ground = shapely.node(shapely.multilinestrings(shapely.get_parts(lines[~apart])))
    parts = np.concatenate([shapely.get_parts(ground), shapely.get_parts(lines[apart])])
    parts = parts[~shapely.is_empty(parts) & (shapely.length(parts) > 0)]
    ends = np.column_stack(
        [shapely.get_coordinates(shapely.get_point(parts, 0)), shapely.get_coordinates(shapely.get_point(parts, -1))]
    )
    order = np.lexsort((shapely.length(parts), *ends.T[::-1]))
    return parts[order]


def _nodes(pieces: npt.NDArray[np.object_], join_m: float) -> tuple[Floats, Ints]:
    """Ends of pieces, joined where they fall into one cell of the joining distance."""
    if pieces.size == 0:
        return np.zeros((0, 2)), np.zeros((0, 2), dtype=np.int64)
    ends = shapely.get_coordinates(np.concatenate([shapely.get_point(pieces, 0), shapely.get_point(pieces, -1)]))
    near = shapely.STRtree(shapely.points(ends)).query(shapely.points(ends), predicate="dwithin", distance=join_m)
    links = sparse.csr_matrix((np.ones(near.shape[1]), near), shape=(len(ends), len(ends)))
    _, label = csgraph.connected_components(links, directed=False)
    first = np.full(label.max() + 1, len(ends), dtype=np.int64)
    order = np.lexsort((ends[:, 1], ends[:, 0]))
    np.minimum.at(first, label[order], np.arange(len(ends)))
    rank = np.empty(first.size, dtype=np.int64)
    rank[np.argsort(first)] = np.arange(first.size)
    node = rank[label]
    xy = np.empty((first.size, 2))
    xy[rank] = ends[order[first]]
    return xy, np.column_stack([node[: pieces.size], node[pieces.size :]])


def attach(
    pieces: npt.NDArray[np.object_], points: npt.NDArray[np.object_], *, snap_m: float
) -> tuple[Ints, Floats, Floats]:
    """Nearest piece within the lead-in of each place (-1: none), metres along it, metres off it (NaN without pieces)."""
    count = len(points)
    piece, along, off = np.full(count, -1, dtype=np.int64), np.full(count, np.nan), np.full(count, np.nan)
    if len(pieces) == 0 or count == 0:
        return piece, along, off
    tree = shapely.STRtree(pieces)
    (source, nearest), distance = tree.query_nearest(points, return_distance=True, all_matches=True)
    order = np.lexsort((nearest, source))
    source, nearest, distance = source[order], nearest[order], distance[order]
    source, first = np.unique(source, return_index=True)
    nearest, distance = nearest[first], distance[first]
    foot = shapely.get_point(shapely.shortest_line(pieces[nearest], np.asarray(points)[source]), 0)
    off[source] = distance
    along[source] = shapely.line_locate_point(pieces[nearest], foot)
    piece[source[distance <= snap_m]] = nearest[distance <= snap_m]
    return piece, along, off
