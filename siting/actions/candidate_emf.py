"""Field pre-check of candidates: by distance for all, by the fields on façades, roofs and streets where that cannot decide."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd

from siting.access import Actor
from siting.actions import candidate_near, radiotables
from siting.plan import options, tables, verdicts
from siting.radio import emf
from siting.radio.emf import EmfReport, Sources
from siting.radio.emf_faces import heights_m
from siting.radio.emf_lower import Lower, lower
from siting.radio.network import sectors_of
from siting.store import layers
from siting.store.database import Database

Floats = npt.NDArray[np.float64]
BUILDINGS = ("name", "height_m", "floors", "use", "building_class")
COLUMNS = ("emf", "emf_share", "emf_factored", "emf_building", "emf_face", "emf_distance_m", "emf_reasons")
OPEN, EXCEEDS = "needs_assessment", "exceeds_precheck"
NOTHING = Lower(0.0, 0.0, -1, np.nan)


def screened(db: Database, made: pd.DataFrame) -> dict[str, Any]:
    """First words of the field pre-check, by power and by the distance to the nearest other building.

    Returns
    -------
    dict
        ``emf_quotient`` (compliance distance over that distance), ``emf``, and ``advisory_30m`` where a sensitive building
        within 30 m is higher than the antenna.  A verdict by distance alone never excludes.
    """
    buildings = layers.read(db, "buildings", columns=BUILDINGS)
    first, place = candidate_near.hosts_of(made)
    near_m = verdicts.nearest_building_m(first, np.asarray(buildings.geometry.array))[place]
    safe_m, power_w = _strength(db, made)
    quotient = emf.distance_quotient(safe_m, near_m)
    exempt = emf.is_exempt(power_w)
    return {
        "emf_quotient": quotient,
        "emf": verdicts.emf(quotient, exempt),
        "advisory_30m": ~exempt & _advised(first, buildings)[place],
    }


def _strength(db: Database, made: pd.DataFrame) -> tuple[Floats, Floats]:
    """Compliance distance [m] of one sector of all networks of an option, and the equivalent power of all sectors [W]."""
    units, carriers = radiotables.equipment(db), radiotables.networks(db)
    kinds = made["equipment"] + "|" + made["networks"].map("+".join)
    square, power = {}, {}
    for kind in kinds.unique():
        name, _, networks = kind.partition("|")
        unit, mhz = units.get(name), [carriers[n].frequency_ghz * 1e3 for n in networks.split("+") if n]
        own = [] if unit is None else [(unit.power_w, unit.envelope_gain_dbi, f) for f in mhz]
        square[kind] = sum(float(emf.compliance_distance_m(*one)) ** 2 for one in own)
        power[kind] = sum(float(emf.equivalent_power_w(*one)) for one in own)
    sectors = made["azimuths"].map(len).to_numpy(float)
    return np.sqrt(kinds.map(square).to_numpy(float)), kinds.map(power).to_numpy(float) * sectors


def _advised(made: pd.DataFrame, buildings: gpd.GeoDataFrame) -> npt.NDArray[np.bool_]:
    of_class = np.zeros(len(buildings), bool)
    for column, code in emf.sensitive():
        of_class |= (buildings[column] == code).to_numpy(bool)
    tops_m = np.asarray(heights_m(pd.DataFrame(buildings)))
    return candidate_near.sensitive_within(
        made, buildings[of_class], tops_m[of_class], radius_m=emf.numbers()["advisory_m"]
    )


def estimated(db: Database, tried: pd.DataFrame) -> pd.DataFrame:
    """Options whose fields exceed the limit at some façade nearby even at actual maximum power, found from few points.

    Parameters
    ----------
    tried : DataFrame
        Options with ``emf``, at all start azimuths.

    Returns
    -------
    DataFrame
        The options with `COLUMNS`; where the word was open and a point exceeds, it is ``exceeds_precheck`` and the figures
        are those of that point, a lower estimate of the worst.
    """
    made = tried.assign(**_blank(len(tried)))
    rows = np.flatnonzero((made["emf"] == OPEN).to_numpy())
    if not len(rows):
        return made
    buildings = layers.read(db, "buildings", columns=BUILDINGS)
    shapes, tops_m = np.asarray(buildings.geometry.array, object), np.asarray(heights_m(pd.DataFrame(buildings)))
    whole = emf.sources_of(_sectors(made.iloc[rows]), networks=radiotables.networks(db), gear=radiotables.gear(db))
    found = dict(_lowest(whole, buildings, shapes, tops_m))
    low = [found.get(name, NOTHING) for name in made["option_id"].iloc[rows]]
    over = np.array([one.factored > 1.0 for one in low], bool)
    at, those = made.index[rows[over]], [one for one, chosen in zip(low, over, strict=True) if chosen]
    made.loc[at, "emf"] = EXCEEDS
    made.loc[at, "emf_share"] = [one.q for one in those]
    made.loc[at, "emf_factored"] = [one.factored for one in those]
    made.loc[at, "emf_distance_m"] = [one.distance_m for one in those]
    made.loc[at, "emf_building"] = [str(buildings["building_id"].iloc[one.building]) for one in those]
    return made


def _lowest(
    whole: Sources, buildings: gpd.GeoDataFrame, shapes: npt.NDArray[np.object_], tops_m: Floats
) -> Iterator[tuple[str, Lower]]:
    """Every option by id with the highest share that is found around it."""
    for name, rows in whole.frame.groupby("site_id", sort=False).indices.items():
        part = Sources(whole.frame.iloc[rows].reset_index(drop=True), tuple(whole.beams[at] for at in rows))
        reach_m = emf.reach_m(part)
        near = _near(buildings, part.frame, reach_m)
        found = lower(part, shapes[near], tops_m[near], radius_m=reach_m, factors=emf.usual_factors())
        yield str(name), replace(found, building=int(near[found.building])) if found.building >= 0 else found


def precheck(
    db: Database, actor: Actor, sites: pd.DataFrame, *, progress: Callable[[float], None] | None = None
) -> pd.DataFrame:
    """Pre-check the fields that each option alone makes where people can be, with the transmitters there already.

    Parameters
    ----------
    db : Database
        The district.
    actor : Actor
        Whose sites count as transmitters there already.
    sites : DataFrame
        Options in the columns of `siting.plan.options`.
    progress : callable, optional
        Called with the finished share.

    Returns
    -------
    DataFrame
        `COLUMNS` on the index of the options: the verdict; the highest share of the limit at full power and with the
        factors of actual maximum power; building (empty: the street), face and distance [m] of the highest; codes of what
        leaves the outcome open.

    Notes
    -----
    ``exceeds_precheck`` only where the limit is exceeded with the factors too; above it at full power alone, a
    measurement has to decide: ``needs_assessment``.
    """
    if sites.empty:
        return pd.DataFrame(columns=list(COLUMNS), index=sites.index)
    tables_of: dict[str, Any] = {"networks": radiotables.networks(db), "gear": radiotables.gear(db)}
    buildings = layers.read(db, "buildings", columns=BUILDINGS)
    known = _on_air(db, actor)
    rows = []
    reach_m: dict[tuple[object, ...], float] = {}
    for done, sectors in enumerate(_each(sites), start=1):
        kind = tuple(sectors[["equipment", "network", "azimuth_deg"]].itertuples(index=False, name=None))
        if kind not in reach_m:
            reach_m[kind] = emf.reach_m(emf.sources_of(sectors, **tables_of))
        report = emf.precheck(
            sectors,
            _around(buildings, sectors, reach_m[kind]),
            existing=known,
            factors=emf.usual_factors(),
            spacing_m=tables.numbers()["emf_spacing_m"],
            surveyed=len(buildings) > 0,
            **tables_of,
        )
        rows.append(_row(report))
        if progress is not None:
            progress(done / len(sites))
    return pd.DataFrame(rows, columns=list(COLUMNS), index=sites.index)


def _sectors(sites: pd.DataFrame) -> pd.DataFrame:
    """Sectors of options, one line per network and sector."""
    names = sorted({name for own in sites["networks"] for name in own})
    if not names:
        return options.sectors_of(sites.iloc[:0])
    return pd.concat([options.sectors_of(sites, network=name) for name in names], ignore_index=True)


def _each(sites: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """Sectors of every option in turn, all its networks together."""
    parts = dict(tuple(_sectors(sites).groupby("option_id", sort=False)))
    yield from (parts[name].reset_index(drop=True) for name in sites["option_id"])


def _on_air(db: Database, actor: Actor) -> pd.DataFrame:
    """Sectors on air of all networks that the actor sees."""
    sites = layers.read(db, "sites", columns=["retired_on"], viewer=actor)
    sectors = layers.read(db, "sectors", viewer=actor)
    parts = [sectors_of(sites, sectors, carrier) for carrier in radiotables.networks(db).values()]
    found = [part for part in parts if len(part)]
    return pd.concat(found, ignore_index=True) if found else parts[0]


def _around(buildings: gpd.GeoDataFrame, sectors: pd.DataFrame, reach_m: float) -> gpd.GeoDataFrame:
    return buildings.iloc[_near(buildings, sectors, reach_m)]


def _near(buildings: gpd.GeoDataFrame, sectors: pd.DataFrame, reach_m: float) -> npt.NDArray[np.int64]:
    """Rows of the buildings that any point can lie on."""
    numbers = emf.numbers()
    radius_m = max(numbers["reach_factor"] * reach_m, numbers["least_reach_m"], numbers["advisory_m"]) + 1.0
    east, north = float(sectors["easting_m"].iloc[0]), float(sectors["northing_m"].iloc[0])
    rows = buildings.sindex.intersection((east - radius_m, north - radius_m, east + radius_m, north + radius_m))
    return np.asarray(np.sort(rows), np.int64)


def _row(report: EmfReport) -> dict[str, object]:
    spot = report.worst
    verdict = report.verdict
    if verdict == EXCEEDS and report.factored <= 1.0:
        verdict = OPEN
    return {
        "emf": verdict,
        "emf_share": np.nan if spot is None else spot.q,
        "emf_factored": report.factored,
        "emf_building": "" if spot is None else spot.building_id,
        "emf_face": "" if spot is None else spot.face,
        "emf_distance_m": np.nan if spot is None else spot.distance_m,
        "emf_reasons": ",".join(reason.code for reason in report.reasons),
    }


def decided(
    db: Database, actor: Actor, found: pd.DataFrame, value: npt.ArrayLike, *, progress: Callable[[float], None]
) -> pd.DataFrame:
    """Options with the pre-check of fields where the distance could not decide.

    Of every host the option of highest value comes first, the next only where that one exceeds the limit; no more than
    ``emf_checked`` options in all, the most valuable hosts first.  What is not checked keeps its word by distance.

    Parameters
    ----------
    found : DataFrame
        Options from `estimated`.
    value : array_like
        Single value of each.
    progress : callable
        Called with the finished share.

    Returns
    -------
    DataFrame
        The options with what the pre-check says.
    """
    made = found.copy()
    open_ = pd.DataFrame({"host": found["candidate_id"], "value": np.asarray(value, float)})[found["emf"] == OPEN]
    ranked = open_.sort_values("value", ascending=False, kind="stable")
    turn = ranked.groupby("host", sort=False).cumcount()
    left = int(tables.numbers()["emf_checked"])
    for at in range(int(turn.max()) + 1 if len(turn) else 0):
        rows = ranked.index[turn == at]
        if at:
            rows = rows[found.loc[rows, "candidate_id"].isin(_refused(made)).to_numpy()]
        rows = rows[:left]
        if not len(rows):
            break
        left -= len(rows)
        checked = precheck(db, actor, made.loc[rows], progress=progress)
        for name in COLUMNS:
            made.loc[rows, name] = checked[name]
    return made


def _blank(rows: int) -> dict[str, Any]:
    nothing = np.full(rows, np.nan)
    numbers = dict.fromkeys(("emf_share", "emf_factored", "emf_distance_m"), nothing)
    return {**numbers, **{name: np.full(rows, "", object) for name in ("emf_building", "emf_face", "emf_reasons")}}


def _refused(made: pd.DataFrame) -> pd.Series:
    """Hosts with an option that exceeds the limit and none that keeps it or may."""
    checked = made[made["emf_share"].notna()]
    kept = checked.loc[checked["emf"] != EXCEEDS, "candidate_id"]
    return checked.loc[~checked["candidate_id"].isin(kept), "candidate_id"]
