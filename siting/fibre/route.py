"""Metres along streets from each place to the nearest usable access point."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from siting.fibre.network import SNAP_M, Network, attach


def marginal_cost(network: Network, sites: gpd.GeoDataFrame, *, snap_m: float = SNAP_M) -> pd.DataFrame:
    """Length of new route that one place alone would need.

    Parameters
    ----------
    network : Network
        Streets and access points.
    sites : GeoDataFrame
        Places (points, or areas reached at their edge) in the project CRS.
    snap_m : float
        Longest lead-in from a street [m].

    Returns
    -------
    DataFrame
        On the index of the sites: ``fibre_m`` (lead-ins and streets [m], NaN if unreachable), ``lead_in_m``,
        ``access_ref`` (the access point reached, empty if none), ``reason`` (catalogue key, empty if reached).

    Notes
    -----
    Exact for one place alone; for a set it is an upper bound, because routes are shared.
    """
    places = sites.geometry.array
    piece, along, off = attach(network.pieces, places, snap_m=snap_m)
    reached, names = network.distances()
    fibre, ref = np.full(len(sites), np.nan), np.full(len(sites), "", dtype=object)
    near = np.flatnonzero(piece >= 0)
    if near.size:
        ends = network.edge_node[piece[near]]
        length = shapely.length(network.pieces[piece[near]])
        by_end = np.column_stack([reached[ends[:, 0]] + along[near], reached[ends[:, 1]] + length - along[near]])
        best = by_end.argmin(axis=1)
        metres = by_end[np.arange(near.size), best]
        ref[near] = names[ends[np.arange(near.size), best]]
        metres, ref[near] = _on_the_same_piece(network, piece[near], along[near], metres, ref[near])
        fibre[near] = np.where(np.isfinite(metres), metres + off[near], np.nan)
    reason = np.where(np.isfinite(fibre), "", _reasons(network, off, snap_m))
    return pd.DataFrame({"fibre_m": fibre, "lead_in_m": off, "access_ref": ref, "reason": reason}, index=sites.index)


def _on_the_same_piece(
    network: Network, piece: np.ndarray, along: np.ndarray, metres: np.ndarray, ref: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """An access point on the very piece of street is reached without passing a node."""
    metres, ref = metres.copy(), ref.copy()
    order = np.argsort(piece, kind="stable")
    for at in np.flatnonzero(network.access_piece >= 0):
        left, right = np.searchsorted(piece[order], [network.access_piece[at], network.access_piece[at] + 1])
        here = order[left:right]
        direct = np.abs(along[here] - network.access_along[at]) + network.access_off[at]
        closer = direct < metres[here]
        shorter = here[closer]
        metres[shorter] = direct[closer]
        ref[shorter] = network.access_id[at]
    return metres, ref


def _reasons(network: Network, off: np.ndarray, snap_m: float) -> np.ndarray:
    if len(network.pieces) == 0:
        return np.full(off.size, "fibre.reason.no_streets", dtype=object)
    if not (network.access_piece >= 0).any():
        return np.full(off.size, "fibre.reason.no_access", dtype=object)
    return np.where(off > snap_m, "fibre.reason.too_far", "fibre.reason.no_route").astype(object)
