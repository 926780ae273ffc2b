"""What an option does to the signal quality of people who are covered already: a quick estimate from formulas."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.spatial import cKDTree

from siting.radio import antenna, gearing, losprob, pathloss
from siting.radio.antenna import Pattern
from siting.radio.decibel import dbm_to_mw, mw_to_dbm
from siting.radio.links import kinds_at
from siting.radio.network import Equipment as Unit
from siting.radio.network import Gear, Network, defaults

Floats = npt.NDArray[np.float64]
COVERED = ["easting_m", "northing_m", "height_m", "persons", "rsrp_dbm", "sinr_db", "wall_db"]
SIDE_M = 50.0
CHUNK = 1000
MICRO = "micro"
BEAM = [
    "width_h_deg",
    "width_v_deg",
    "max_loss_db",
    "sidelobe_db",
    "mechanical_tilt_deg",
    "electrical_tilt_deg",
    "pattern",
]


def covered_groups(units: pd.DataFrame, network: Network, *, cell_m: float, cell_probability: float) -> pd.DataFrame:
    """Covered people of a network, put together by squares of about 50 m, indoors and outdoors apart.

    Parameters
    ----------
    units : DataFrame
        Units of a coverage: ``row, col, floor, building_class, easting_m, northing_m, height_m, persons, present,
        rsrp_dbm, sinr_db``.
    network : Network
        Its frequency decides the walls.
    cell_m : float
        Cell of the map [m].
    cell_probability : float
        From which probability a unit is covered.

    Returns
    -------
    DataFrame
        `COVERED`: people, and means weighted by them.
    """
    known = units["rsrp_dbm"].notna() & units["sinr_db"].notna() & (units["persons"] > 0)
    mine = units[known & (units["present"] >= cell_probability)]
    kinds = kinds_at(network.frequency_ghz)
    wall = dict(zip(kinds.names, np.nan_to_num(kinds.mean_wall_db), strict=True))
    indoor = mine["floor"] > 0
    walls = mine["building_class"].astype(object).map(wall).astype(float).fillna(wall["unknown"])
    step = max(1, round(SIDE_M / cell_m))
    keys = [(mine["row"] // step).to_numpy(), (mine["col"] // step).to_numpy(), indoor.to_numpy()]
    values = mine.assign(wall_db=np.where(indoor, walls, 0.0))[COVERED].astype(np.float64)
    weight = values["persons"].to_numpy()
    summed = values.mul(weight, axis=0).assign(persons=weight).groupby(keys).sum()
    means = summed.div(summed["persons"], axis=0)
    return means.assign(persons=summed["persons"])[COVERED].reset_index(drop=True)


def change_db(sectors: pd.DataFrame, people: pd.DataFrame, network: Network, gear: Gear) -> pd.DataFrame:
    """Change of the SINR of covered people by each option alone.

    Parameters
    ----------
    sectors : DataFrame
        From `siting.plan.options.sectors_of`; sectors of an option stand together at one place.
    people : DataFrame
        From `covered_groups`.
    network : Network
        The carrier; its load factor weighs what interferes.
    gear : Gear
        Radio units and patterns.

    Returns
    -------
    DataFrame
        By ``option_id``: ``persons`` covered within the option's reach and ``person_db``, their sum of changes [dB],
        negative where interference prevails.

    Notes
    -----
    Levels are means in mW over the line-of-sight states of TR 38.901 (UMi for poles, UMa else), walls by building class;
    single buildings do not count.  Where the option becomes the stronger server, the old one interferes.
    """
    frame = gearing.equipped(sectors.reset_index(drop=True), network, gear)
    names = pd.Index(frame["option_id"]).unique()
    number = names.get_indexer(pd.Index(frame["option_id"]))
    weighed, total = np.zeros(len(names)), np.zeros(len(names))
    if len(people):
        tree = cKDTree(people[["easting_m", "northing_m"]].to_numpy())
        for part, near in _chunks(frame, number, tree, gear):
            option, change = _changes(part, near, people, network, gear)
            persons = people["persons"].to_numpy()[near[1]]
            weighed += np.bincount(option, weights=change * persons, minlength=len(names))
            total += np.bincount(option, weights=persons, minlength=len(names))
    return pd.DataFrame({"persons": total, "person_db": weighed}, index=names)


Pairs = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]


def _chunks(
    frame: pd.DataFrame, number: npt.NDArray[np.int64], tree: cKDTree, gear: Gear
) -> Iterator[tuple[pd.DataFrame, Pairs]]:
    """Sectors in parts, each with its pairs of option (row in the part's heads) and people within reach."""
    frame = frame.assign(option=number)
    reach_m = {
        name: defaults()["reach_micro_m" if _micro(unit) else "reach_macro_m"] for name, unit in gear.equipment.items()
    }
    heads = frame.drop_duplicates("option")
    for first in range(0, len(heads), CHUNK):
        some = heads.iloc[first : first + CHUNK]
        radius = some["equipment"].map(reach_m).to_numpy(float)
        found = tree.query_ball_point(some[["easting_m", "northing_m"]].to_numpy(float), radius, return_sorted=True)
        size = np.array([len(own) for own in found], np.int64)
        people = np.concatenate([np.asarray(own, np.int64) for own in found]) if size.sum() else np.zeros(0, np.int64)
        yield frame[frame["option"].isin(some["option"])], (np.repeat(some["option"].to_numpy(np.int64), size), people)


def _changes(
    part: pd.DataFrame, near: Pairs, people: pd.DataFrame, network: Network, gear: Gear
) -> tuple[npt.NDArray[np.int64], Floats]:
    """Change [dB] of every pair."""
    option, row = near
    at = {name: people[name].to_numpy()[row] for name in COVERED}
    strongest, total = np.zeros(len(option)), np.zeros(len(option))
    order = part.groupby("option", sort=False).cumcount().to_numpy()
    for turn in range(int(order.max()) + 1 if len(order) else 0):
        mine = part[order == turn]
        place = pd.Index(mine["option"]).get_indexer(pd.Index(option))
        has = place >= 0
        level = np.zeros(len(option))
        level[has] = _received_mw(mine, place[has], {k: v[has] for k, v in at.items()}, network, gear)
        strongest, total = np.maximum(strongest, level), total + level
    signal, clear = dbm_to_mw(at["rsrp_dbm"]), dbm_to_mw(at["rsrp_dbm"] - at["sinr_db"])
    stays = signal >= strongest
    served = np.where(stays, signal, strongest)
    other = np.where(stays, total, signal + total - strongest)
    after = mw_to_dbm(served) - mw_to_dbm(clear + network.load_factor * other)
    return option, np.asarray(after - at["sinr_db"], np.float64)


def _received_mw(
    sectors: pd.DataFrame, place: npt.NDArray[np.int64], at: dict[str, Floats], network: Network, gear: Gear
) -> Floats:
    """Mean level of one sector per pair behind the wall [mW]; `place` is the pair's row of the sectors."""
    east_m, north_m, height_m, azimuth, eirp = (
        sectors[name].to_numpy(float)[place]
        for name in ("easting_m", "northing_m", "antenna_height_m", "azimuth_deg", "eirp_dbm")
    )
    east, north = at["easting_m"] - east_m, at["northing_m"] - north_m
    flat = np.maximum(np.hypot(east, north), 1.0)
    offset = np.degrees(np.arctan2(east, north)) - azimuth
    depression = np.degrees(np.arctan2(height_m - at["height_m"], flat))
    micro = np.array([_micro(gear.equipment[str(name)]) for name in sectors["equipment"]], bool)[place]
    loss = np.empty(len(place))
    for model, rows in (("umi", micro), ("uma", ~micro)):
        loss[rows] = _loss_db(model, flat[rows], height_m[rows], at["height_m"][rows], network)
    gain = _gain_db(sectors, place, offset, depression, gear)
    return np.asarray(dbm_to_mw(eirp + gain - loss - at["wall_db"]), np.float64)


def _micro(unit: Unit) -> bool:
    return unit.site_type == MICRO


def _loss_db(model: str, flat: Floats, height: Floats, receiver: Floats, network: Network) -> Floats:
    """Loss whose received power is the mean over the line-of-sight states [dB]."""
    given = {"bs_height_m": height, "ut_height_m": receiver, "out_of_range": "clamp"}
    los = getattr(pathloss, f"{model}_los_db")(flat, network.frequency_ghz, **given)
    nlos = getattr(pathloss, f"{model}_nlos_db")(flat, network.frequency_ghz, **given)
    clear = (
        losprob.umi_los_probability(flat) if model == "umi" else losprob.uma_los_probability(flat, ut_height_m=receiver)
    )
    clear = np.minimum(clear, 1.0)
    return np.asarray(-mw_to_dbm(clear * dbm_to_mw(-los) + (1.0 - clear) * dbm_to_mw(-nlos)), np.float64)


def _gain_db(
    sectors: pd.DataFrame, place: npt.NDArray[np.int64], offset: Floats, depression: Floats, gear: Gear
) -> Floats:
    """Gain below the peak towards each pair [dB]."""
    found = np.zeros(len(place))
    kind = sectors.groupby(BEAM, sort=False, dropna=False).ngroup().to_numpy()
    for number in range(int(kind.max()) + 1 if len(kind) else 0):
        one, rows = sectors.iloc[int(np.argmax(kind == number))], kind[place] == number
        measured = gear.patterns.get(str(one["pattern"]))
        widths = [float(one[name]) for name in BEAM[:4]]
        own = Pattern("sector", 0.0, widths[0], widths[1], widths[2], widths[3])
        pattern = own if measured is None else measured
        tilts = {side: float(one[side]) for side in ("mechanical_tilt_deg", "electrical_tilt_deg")}
        gain = antenna.gain_dbi(pattern, offset[rows], depression[rows], **tilts)
        found[rows] = gain - pattern.peak_dbi
    return found
