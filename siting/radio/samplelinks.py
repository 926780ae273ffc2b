"""The links behind measurements: which sector a sample hears, and what the textbook says there.

State, height and depth come from the sweep of `coverage`, so that a sample's class is the class in which its
correction will be used.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from siting.findings import Findings
from siting.radio import kernels_samples as walk
from siting.radio import kernels_sight as sight
from siting.radio import o2i, pathloss
from siting.radio.antenna import Pattern, gain_dbi, wrap_deg
from siting.radio.decibel import power_per_re_dbm
from siting.radio.links import FREE_SPACE, Kinds, Places, kinds_at, masts_of, places_of
from siting.radio.network import Gear, Network, defaults, shipped_gear
from siting.radio.scene import LOS, NLOS, UNKNOWN, Antenna, Terrain
from siting.radio.terrain import field_of, start_of

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

LEAST_DISTANCE_M = 1.0
#: What `links` says of each sample beside its own columns.
COLUMNS = (
    "served_site", "served_sector", "model", "state", "kind", "distance_2d_m", "distance_3d_m", "rise_m", "height_m",
    "p_los", "depth_m", "gain_db", "phi_deg", "delta_deg", "power_dbm", "wall_db", "los_dbm", "nlos_dbm",
    "textbook_dbm", "free_space_dbm", "z_m", "antenna_z_m", "antenna_easting_m", "antenna_northing_m", "roof",
    "frequency_ghz",
)  # fmt: skip
_WORDS = ("served_site", "served_sector", "model", "kind")


@dataclass(frozen=True)
class _Scene:
    """Samples of one network as the sweep reads them, in their own order."""

    terrain: Terrain
    network: Network
    kinds: Kinds
    places: Places
    field: sight.Field
    receiver: Ints
    height_m: Floats
    kind: npt.NDArray[np.uint8]
    indoors: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class _Way:
    """Links of some samples to one mast: rows, directions, heights, state, losses; all per link."""

    rows: Ints
    bearing_deg: Floats
    d2_m: Floats
    d3_m: Floats
    rise_m: Floats
    ut_m: Floats
    state: npt.NDArray[np.int64]
    p_los: Floats
    los_db: Floats
    nlos_db: Floats
    depth_m: Floats

    @property
    def depression_deg(self) -> Floats:
        """Below the antenna's horizon [deg]."""
        return np.degrees(np.arctan2(self.rise_m - self.ut_m, self.d2_m))

    def loss_db(self) -> Floats:
        """Median over an unknown path: the mean in dB."""
        share = np.where(self.state == UNKNOWN, self.p_los, self.state == LOS)
        return np.asarray(share * self.los_db + (1.0 - share) * self.nlos_db)


def links(
    samples: pd.DataFrame,
    sites: pd.DataFrame,
    terrain: Terrain,
    networks: Mapping[str, Network],
    *,
    gear: Gear | None = None,
) -> tuple[pd.DataFrame, Findings]:
    """The link of every sample: to its named sector, else to its site's strongest, else to the predicted server.

    Parameters
    ----------
    samples : DataFrame
        ``easting_m, northing_m, floor, building_class, network, site_id, sector_id`` (the last two may be missing).
    sites : DataFrame
        One row per sector as `coverage` takes it; with a column ``network`` each network has its own sectors.
    terrain : Terrain
        Obstacles that hold all samples.
    networks : mapping
        Carriers by name; every sample's must be among them.
    gear : Gear, optional
        Units and measured patterns; default the shipped ones.

    Returns
    -------
    DataFrame
        The samples with `COLUMNS`; ``served_site`` missing and levels NaN where no sector reaches.
    Findings
        Sectors left out, and why.
    """
    parts, findings = [], Findings()
    for name, part in samples.groupby("network", sort=True):
        mine = sites[sites["network"] == name] if "network" in sites else sites
        found, more = _of_network(part, mine, terrain, networks[str(name)], gear or shipped_gear())
        parts.append(found)
        findings += more
    if not parts:
        return samples.assign(**dict.fromkeys(COLUMNS, np.nan)), findings
    return pd.concat(parts).loc[samples.index], findings


def _of_network(
    samples: pd.DataFrame, sites: pd.DataFrame, terrain: Terrain, network: Network, gear: Gear
) -> tuple[pd.DataFrame, Findings]:
    masts = masts_of(sites, terrain, network, gear=gear)
    scene = _scene(samples, terrain, network)
    best = {
        name: np.full(len(samples), None if name in _WORDS else np.nan, object if name in _WORDS else float)
        for name in COLUMNS
    }
    level = np.full(len(samples), -np.inf)
    wanted = _wanted(samples)
    for part in masts:
        rows = _reached(scene, part, wanted)
        if rows.size:
            _add(scene, part, _way(scene, part, rows), (wanted, gear), level, best)
    best["kind"] = np.array(scene.kinds.names, object)[scene.kind]
    best["height_m"], best["wall_db"] = scene.height_m, scene.kinds.mean_wall_db[scene.kind]
    best["frequency_ghz"] = np.full(len(samples), network.frequency_ghz)
    return samples.assign(**best), masts.findings


def _scene(samples: pd.DataFrame, terrain: Terrain, network: Network) -> _Scene:
    kinds = kinds_at(network.frequency_ghz)
    height = o2i.floor_height_m(samples["floor"].to_numpy(float))
    places = places_of(samples.assign(height_m=height), terrain, kinds)
    receiver, kind = np.empty(len(samples), np.int64), np.empty(len(samples), np.uint8)
    receiver[places.order] = np.repeat(np.arange(len(places.row)), np.diff(places.receivers.units))
    kind[places.order] = places.kind
    field = field_of(terrain, places.row, places.col)
    indoors = samples["floor"].to_numpy(float) > 0
    return _Scene(terrain, network, kinds, places, field, receiver, np.asarray(height), kind, indoors)


@dataclass(frozen=True)
class _Wanted:
    """Site and sector each sample names, empty text where it names none; both ways of asking for rows."""

    site: npt.NDArray[np.object_]
    sector: npt.NDArray[np.object_]
    by_site: Mapping[str, Ints]


def _wanted(samples: pd.DataFrame) -> _Wanted:
    site, sector = (
        samples[name].astype(object).fillna("").astype(str).to_numpy(object) for name in ("site_id", "sector_id")
    )
    by_site = {str(name): np.asarray(rows) for name, rows in pd.Series(site).groupby(site).indices.items()}
    return _Wanted(site, sector, by_site)


def _reached(scene: _Scene, part: pd.DataFrame, wanted: _Wanted) -> Ints:
    """Samples that name the mast's site, and those that name none and lie in its reach."""
    named = wanted.by_site.get(str(part["site_id"].iloc[0]), np.empty(0, np.int64))
    free = wanted.by_site.get("", np.empty(0, np.int64))
    receivers, at = scene.places.receivers, scene.receiver[free]
    away = np.hypot(
        receivers.easting_m[at] - float(part["easting_m"].iloc[0]),
        receivers.northing_m[at] - float(part["northing_m"].iloc[0]),
    )
    return np.concatenate([named, free[away <= defaults()["max_range_m"]]])


def _way(scene: _Scene, part: pd.DataFrame, rows: Ints) -> _Way:
    first = part.iloc[0]
    antenna = _antenna(first)
    receivers, at = scene.places.receivers, scene.receiver[rows]
    east, north = receivers.easting_m[at] - antenna.easting_m, receivers.northing_m[at] - antenna.northing_m
    d2 = np.hypot(east, north)
    z0 = scene.terrain.antenna_z_m(antenna)
    rise, ut = z0 - receivers.ground_m[at], scene.height_m[rows]
    state = _states(scene, antenna, rows)
    los, nlos = _losses(str(first.model), (d2, rise, ut), scene.network.frequency_ghz)
    depth = np.zeros(len(rows))
    building = np.where(scene.indoors[rows], receivers.building[at], 0).astype(np.int32)
    across, down = -east / np.maximum(d2, 1e-9), north / np.maximum(d2, 1e-9)
    walk.depths(scene.field, receivers.row[at], receivers.col[at], across, down, building, d2, depth)
    p_los = _los_probability(str(first.model), np.maximum(d2 - depth, 0.0), ut)
    bearing = np.degrees(np.arctan2(east, north))
    d3 = np.maximum(np.hypot(d2, rise - ut), LEAST_DISTANCE_M)
    return _Way(rows, bearing, d2, d3, rise, ut, state, p_los, los, nlos, depth)


def _antenna(first: pd.Series) -> Antenna:
    return Antenna(float(first.easting_m), float(first.northing_m), float(first.antenna_height_m), str(first["mount"]))


def _states(scene: _Scene, antenna: Antenna, rows: Ints) -> npt.NDArray[np.int64]:
    """States by the sweep of coverage, ray by ray the same; what no ray reaches is hidden."""
    terrain, places = scene.terrain, scene.places
    found = sight.Sight(*(np.full(len(places.row), np.inf, np.float32) for _ in range(2)))
    start = start_of(terrain, antenna, radius_m=defaults()["max_range_m"], stop_m=places.highest_m)
    sight.sweep(scene.field, start, found)
    at = scene.receiver[rows]
    clear, cap = found.clear_m[at], found.cap_m[at]
    z = places.receivers.ground_m[at] + scene.height_m[rows]
    state = np.where(z < clear, NLOS, np.where(z >= np.maximum(clear, cap), LOS, UNKNOWN))
    own = (start.roof > 0) & (places.receivers.building[at] == start.roof)
    return np.where(own, UNKNOWN, state)


def _losses(model: str, way: tuple[Floats, Floats, Floats], frequency_ghz: float) -> tuple[Floats, Floats]:
    """Medians with and without line of sight [dB] over (plan distance, antenna and receiver over the ground) [m]."""
    d2, rise, ut = way
    if model == FREE_SPACE:
        loss = pathloss.free_space_db(np.maximum(np.hypot(d2, rise - ut), LEAST_DISTANCE_M), frequency_ghz)
        return loss, loss
    los, nlos = (
        (pathloss.uma_los_db, pathloss.uma_nlos_db) if model == "uma" else (pathloss.umi_los_db, pathloss.umi_nlos_db)
    )
    seen = los(d2, frequency_ghz, bs_height_m=rise, ut_height_m=ut, out_of_range="clamp")
    return seen, nlos(d2, frequency_ghz, bs_height_m=rise, ut_height_m=ut, out_of_range="clamp")


def _los_probability(model: str, distance_m: Floats, ut_m: Floats) -> Floats:
    if model == "uma":
        return pathloss.uma_los_probability(distance_m, ut_height_m=ut_m)
    return pathloss.umi_los_probability(distance_m)


def _add(
    scene: _Scene,
    part: pd.DataFrame,
    way: _Way,
    asked: tuple[_Wanted, Gear],
    level: Floats,
    best: Mapping[str, npt.NDArray],
) -> None:
    """Write the strongest allowed sector of a mast where it beats what a sample heard so far."""
    wanted, gear = asked
    gains, angles = _gains(part, way, gear)
    strength = part["eirp_dbm"].to_numpy(float)[:, None] + gains - way.loss_db() - o2i.indoor_loss_db(way.depth_m)
    names = part["sector_id"].astype(str).to_numpy(object)
    asking = wanted.sector[way.rows]
    strength[(names[:, None] != asking[None, :]) & (asking != "")[None, :]] = -np.inf
    top = strength.argmax(axis=0)
    better = strength[top, np.arange(len(top))] > level[way.rows]
    level[way.rows[better]] = strength[top, np.arange(len(top))][better]
    for name, values in _columns(scene, part, way, top, (gains, *angles)).items():
        best[name][way.rows[better]] = values[better]


def _columns(
    scene: _Scene, part: pd.DataFrame, way: _Way, top: Ints, seen: tuple[Floats, ...]
) -> dict[str, npt.NDArray]:
    """What `COLUMNS` say of links to the sectors `top` of a mast; seen: gain, phi and delta [sector, link]."""
    first, at = part.iloc[0], scene.receiver[way.rows]
    gain, phi, delta = (values[top, np.arange(len(top))] for values in seen)
    ground = scene.places.receivers.ground_m[at]
    power = power_per_re_dbm(part["power_w"].to_numpy(float), part["n_rb"].to_numpy(float))[top]
    fixed_db = part["eirp_dbm"].to_numpy(float)[top] + gain - scene.kinds.mean_wall_db[scene.kind[way.rows]]
    fixed_db = fixed_db - o2i.indoor_loss_db(way.depth_m)
    free_db = pathloss.free_space_db(way.d3_m, scene.network.frequency_ghz)
    return {
        "served_site": np.full(len(top), str(first.site_id), object),
        "served_sector": part["sector_id"].astype(str).to_numpy(object)[top],
        "model": np.full(len(top), str(first.model), object),
        "state": way.state,
        "distance_2d_m": way.d2_m,
        "distance_3d_m": way.d3_m,
        "rise_m": way.rise_m,
        "p_los": np.where(way.state == UNKNOWN, way.p_los, way.state),
        "depth_m": way.depth_m,
        "gain_db": gain,
        "phi_deg": np.abs(phi),
        "delta_deg": delta,
        "power_dbm": power,
        "los_dbm": fixed_db - way.los_db,
        "nlos_dbm": fixed_db - way.nlos_db,
        "textbook_dbm": fixed_db - way.loss_db(),
        "free_space_dbm": fixed_db - gain - free_db,
        "z_m": ground + way.ut_m,
        "antenna_z_m": ground + way.rise_m,
        "antenna_easting_m": np.full(len(top), float(first.easting_m)),
        "antenna_northing_m": np.full(len(top), float(first.northing_m)),
        "roof": np.full(len(top), scene.terrain.own_roof(_antenna(first))),
    }


def _gains(part: pd.DataFrame, way: _Way, gear: Gear) -> tuple[Floats, tuple[Floats, Floats]]:
    """Gain relative to the highest [dB], azimuth offset and depression below the tilted beam [deg]; [sector, link]."""
    size = (len(part), len(way.rows))
    gains, phi, delta = np.empty(size), np.empty(size), np.empty(size)
    for k in range(len(part)):
        sector = part.iloc[k]
        pattern = _pattern(sector, gear)
        phi[k] = wrap_deg(way.bearing_deg - float(sector["azimuth_deg"]))
        tilts = float(sector["mechanical_tilt_deg"]), float(sector["electrical_tilt_deg"])
        delta[k] = way.depression_deg - sum(tilts)
        towards = gain_dbi(
            pattern, phi[k], way.depression_deg, mechanical_tilt_deg=tilts[0], electrical_tilt_deg=tilts[1]
        )
        gains[k] = towards - pattern.peak_dbi
    return gains, (phi, delta)


def _pattern(sector: pd.Series, gear: Gear) -> Pattern:
    """The measured pattern a sector or its unit names, else the beam its widths make."""
    own = sector.get("pattern")
    name = own if isinstance(own, str) and own else gear.equipment[str(sector["equipment"])].pattern
    if name in gear.patterns:
        return gear.patterns[name]
    names = ("width_h_deg", "width_v_deg", "max_loss_db", "sidelobe_db")
    wide, high, most, side = (float(sector[name]) for name in names)
    return Pattern("sector", 0.0, wide, high, most, side)
