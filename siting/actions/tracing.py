"""The paths to a place from the strongest sectors of a coverage run, and what limits it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
import pandas as pd

from siting.access import Actor
from siting.actions import calibrations, radiotables, runs, scene, sights
from siting.actions import coverage_files as files
from siting.actions.sights import Sight
from siting.errors import BadInput, Word
from siting.radio import budget as budgets
from siting.radio.antenna import Pattern
from siting.radio.budget import Budget, Place
from siting.radio.calibration import Calibration, ClassFit
from siting.radio.links import kinds_at
from siting.radio.network import Network, Thresholds, defaults
from siting.radio.scene import Antenna, Receiver
from siting.radio.terrain import Profile, trace
from siting.store import artefacts, layers
from siting.store.database import Database
from siting.store.runs import Run

OUTDOORS = 0
GROUND = "ground"
# Margin for hills and corrections when it is told which sectors may be strongest [dB].
SLACK_DB = 10.0


@dataclass(frozen=True, kw_only=True)
class Path:
    """How one sector reaches a place.

    Parameters
    ----------
    sector_id, site_id, site : str
        The sector; its site, by id and in words.
    azimuth_deg : float
        Where the sector looks.
    distance_m : float
        In plan [m].
    budget : Budget
        Level and the parts of its loss.
    sight : Sight
        The path itself: state, clearance, what is in the way.
    serves : bool
        Whether the run found it the best server there.
    wanted_dbm : float
        Level that is enough with the profile's probability [dBm].
    limit : str
        Code of `siting.radio.budget.limit`, or ``interference``.
    reason : Word
        What limits the place over this path, as one plain sentence.
    """

    sector_id: str
    site_id: str
    site: str
    azimuth_deg: float
    distance_m: float
    budget: Budget
    sight: Sight
    serves: bool
    wanted_dbm: float
    limit: str
    reason: Word


@dataclass(frozen=True)
class _Question:
    """A place of a run, and what its paths are judged by."""

    run: Run
    unit: pd.Series
    place: Place
    kind: str
    network: Network
    thresholds: Thresholds
    sectors: pd.DataFrame
    patterns: Mapping[str, Pattern]
    calibration: Calibration | None
    sites: pd.DataFrame

    def fit(self, state: int) -> ClassFit | None:
        """What measurements taught about paths of a state to this place."""
        return None if self.calibration is None else self.calibration.fit_of(self.network.name, state, self.kind)


def overtaken(db: Database, run: Run) -> bool:
    """Whether buildings, sites or ground have changed since a run: its paths are then followed over newer ones."""
    seen = {name: n for name, n in run.result["revisions"].items() if isinstance(n, int)}
    return bool(scene.revisions(db, [name for name in seen if name != GROUND]) != seen)


def floors(db: Database, actor: Actor, run_id: str, *, easting_m: float, northing_m: float) -> tuple[int, ...]:
    """Floors that a run knows at a place, 0 = outdoors; empty outside the district.

    Parameters
    ----------
    easting_m, northing_m : float
        Project CRS [m].
    """
    run = runs.finished(db, actor, "coverage", run_id)
    return tuple(sorted({int(f) for f in _units(db, run, easting_m, northing_m, "")["floor"]}))


def paths(
    db: Database,
    actor: Actor,
    run_id: str,
    *,
    easting_m: float,
    northing_m: float,
    floor: int = OUTDOORS,
    most: int = 3,
    network: str = "",
    profile: str = "",
) -> list[Path]:
    """The paths from the strongest sectors of a coverage run to a place, the strongest first, one per antenna position.

    Buildings and ground are those of now; sectors those of the run.  Sectors of sites that the actor does not see are left out.

    Parameters
    ----------
    run_id : str
        A finished coverage run.
    easting_m, northing_m : float
        Project CRS [m].
    floor : int
        0 outdoors; where a building stands there, its lowest floor.
    most : int
        How many paths.
    network, profile : str
        Of the run's networks, default the first; threshold profile by which it is judged, default the run's.

    Returns
    -------
    list of Path
        Empty where no sector reaches.

    Raises
    ------
    BadInput
        If the place lies outside the district, or the run knows no such floor there or no such network.
    """
    run = runs.finished(db, actor, "coverage", run_id)
    asked = _question(db, actor, run, (easting_m, northing_m), floor, (network, profile))
    near = budgets.reachable(
        asked.sectors,
        asked.place,
        asked.network.frequency_ghz,
        radius_m=defaults()["max_range_m"],
        most=most,
        slack_db=SLACK_DB,
        patterns=asked.patterns,
    )
    found = _traced(db, asked, near) if len(near) else []
    return sorted(found, key=_order)[:most]


def _units(db: Database, run: Run, easting_m: float, northing_m: float, end: str) -> pd.DataFrame:
    folder = runs.folder(db, run.id)
    row, col = (int(v) for v in files.load_grid(folder).cells_of(easting_m, northing_m))
    return artefacts.load_table(folder, f"units{end}", filters=[("row", "==", row), ("col", "==", col)])


def _question(
    db: Database, actor: Actor, run: Run, at: tuple[float, float], floor: int, view: tuple[str, str]
) -> _Question:
    known_networks = files.networks_of(run.params)
    chosen, profile = view[0] or known_networks[0], view[1] or str(run.params["profile"])
    if chosen not in known_networks:
        raise BadInput("trace.network", value=chosen, known=", ".join(known_networks))
    end = files.suffix(run.params, network=chosen, profile=str(run.params["profile"]))
    units = _units(db, run, *at, end)
    if units.empty:
        raise BadInput("trace.outside", easting_m=f"{at[0]:.1f}", northing_m=f"{at[1]:.1f}")
    known = sorted({int(f) for f in units["floor"]})
    wanted = known[0] if floor == OUTDOORS else floor
    if wanted not in known:
        raise BadInput("trace.floor", value=floor, known=", ".join(map(str, known)))
    there = units[units["floor"] == wanted]
    away = np.hypot(there["easting_m"].to_numpy(float) - at[0], there["northing_m"].to_numpy(float) - at[1])
    unit = there.iloc[int(np.argmin(away))]
    carrier = radiotables.networks(db)[chosen]
    kind, kinds = _kind(unit), kinds_at(carrier.frequency_ghz)
    wall = float(kinds.mean_wall_db[kinds.names.index(kind)])
    place = Place(
        float(unit["easting_m"]),
        float(unit["northing_m"]),
        float(unit["height_m"]),
        wall_db=wall if np.isfinite(wall) else 0.0,
    )
    sectors = artefacts.load_table(runs.folder(db, run.id), f"sectors{end}")
    sites = layers.read(db, "sites", columns=("site_no", "name"), viewer=actor).set_index("site_id")
    facts = run.result.get("networks", {}).get(chosen, run.result)
    force = calibrations.in_force(db, chosen) if facts.get("calibrated", False) else None
    return _Question(
        run=run,
        unit=unit,
        place=place,
        kind=kind,
        network=carrier,
        thresholds=radiotables.thresholds(db)[profile],
        sectors=sectors[sectors["site_id"].isin(sites.index)],
        patterns=radiotables.gear(db).patterns,
        calibration=None if force is None else force.calibration,
        sites=sites,
    )


def _kind(unit: pd.Series) -> str:
    """Class of a unit as walls are listed by it."""
    named = "" if pd.isna(unit["building_class"]) else str(unit["building_class"])
    return "outdoor" if unit["floor"] == OUTDOORS else named or "unknown"


def _traced(db: Database, asked: _Question, near: pd.DataFrame) -> list[Path]:
    """The path of every near mast, with the sector of it that is strongest at the place."""
    at = asked.place
    ends = [(float(e), float(n)) for e, n in zip(near["easting_m"], near["northing_m"], strict=True)]
    box = sights.around([*ends, (at.easting_m, at.northing_m)])
    surface = scene.obstacles(db, cell_m=float(asked.run.params["cell_m"]), bounds=box)
    place = dataclasses.replace(at, ground_m=float(surface.ground_at(at.easting_m, at.northing_m)))
    receiver = Receiver(at.easting_m, at.northing_m, at.height_m)
    names = sights.names(db, box)
    found = []
    for _, part in near.groupby(budgets.MAST, sort=False):
        first = part.iloc[0]
        antenna = Antenna(
            float(first.easting_m), float(first.northing_m), float(first.antenna_height_m), str(first.mount)
        )
        profile = trace(surface, antenna, receiver)
        sectors = [_path(asked, place, part.loc[number], int(number), profile, names) for number in part.index]
        found.append(min(sectors, key=_order))
    return found


def _order(path: Path) -> tuple[float, str, str]:
    """The strongest first; ties as runs break them."""
    return -path.budget.rsrp_dbm, path.site_id, path.sector_id


def _path(
    asked: _Question,
    place: Place,
    sector: pd.Series,
    number: int,
    profile: Profile,
    names: Mapping[str, str],
) -> Path:
    ghz, fit = asked.network.frequency_ghz, asked.fit(profile.state)
    found = budgets.budget(sector, profile, place, ghz, patterns=asked.patterns, fit=fit)
    site_id = str(sector.site_id)
    site = sights.title(pd.Series(asked.sites.loc[site_id]))
    sight = Sight(title=site, profile=profile, names=names, frequency_ghz=ghz)
    wanted, serves = _wanted_dbm(asked, fit), int(asked.unit["server"]) == number
    code = budgets.limit(found, profile, wanted_dbm=wanted)
    if code == "enough" and serves and _disturbed(asked):
        code = "interference"
    return Path(
        sector_id=str(sector.sector_id),
        site_id=site_id,
        site=site,
        azimuth_deg=float(sector.azimuth_deg),
        distance_m=profile.length_m,
        budget=found,
        sight=sight,
        serves=serves,
        wanted_dbm=wanted,
        limit=code,
        reason=Word(f"trace.limit.{code}", _said(code, found, sight, asked, wanted)),
    )


def _wanted_dbm(asked: _Question, fit: ClassFit | None) -> float:
    """Median level at which the profile's threshold is passed with the profile's probability [dBm]."""
    sigma = float(asked.unit.get("sigma_db", np.nan))
    if not np.isfinite(sigma):
        sigma = fit.sigma_db if fit is not None else defaults()["uncalibrated_sigma_db"]
    return asked.thresholds.rsrp_dbm + NormalDist().inv_cdf(asked.thresholds.cell_probability) * sigma


def _disturbed(asked: _Question) -> bool:
    """Whether the run found too little SINR where the level is enough."""
    least = asked.thresholds.sinr_db
    return least is not None and float(asked.unit["sinr_db"]) < least


def _said(code: str, found: Budget, sight: Sight, asked: _Question, wanted_dbm: float) -> dict[str, Any]:
    """Values of the sentence about a limit."""
    values: dict[str, Any] = {
        "rsrp_dbm": f"{found.rsrp_dbm:.0f}",
        "wanted_dbm": f"{wanted_dbm:.0f}",
        "distance_m": f"{sight.profile.length_m:.0f}",
        "sinr_db": f"{float(asked.unit['sinr_db']):.1f}",
    }
    known = [b for b in sight.profile.blockers if b.known]
    if code in {"blocked", "hill"} and known:
        worst = max(known, key=lambda b: (b.building > 0, b.over_m))
        said = {"name": sight.name(worst.building_id), "over_m": f"{worst.over_m:.0f}", "n": len(known)}
        return values | said | {"loss_db": f"{found.hidden_db:.0f}"}
    if code == "unknown":
        names = sorted({sight.name(b.building_id) for b in sight.profile.blockers if b.building_id})
        levels = {"los_dbm": f"{found.rsrp_los_dbm:.0f}", "nlos_dbm": f"{found.rsrp_nlos_dbm:.0f}"}
        return values | levels | {"name": "、".join(names) or "—"}
    losses = {"wall": found.wall_db, "depth": found.depth_db, "beam": found.pattern_db}
    return values | {"loss_db": f"{losses.get(code, 0.0):.0f}"}
