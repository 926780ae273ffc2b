"""Electromagnetic field: a pre-check by GB 8702-2014 on the façades, roofs and streets around a site.

It says whether a measurement is likely to keep the limits and never replaces it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from siting.errors import OutOfRange
from siting.radio import emf_faces as surfaces
from siting.radio import emf_report as report
from siting.radio.emf_limits import (
    DIPOLE_GAIN_DB,
    EXEMPT_W,
    IMPEDANCE_OHM,
    Limits,
    Quotient,
    compliance_distance_m,
    distance_quotient,
    equivalent_power_w,
    is_exempt,
    limits,
    power_density_w_m2,
    quotient,
)
from siting.radio.emf_report import VERDICTS, EmfReport, Spot
from siting.radio.emf_sources import (
    FULL_POWER,
    Factors,
    Reason,
    Shares,
    Sources,
    duplex,
    numbers,
    reach_m,
    sensitive,
    shares,
    sources_of,
    usual_factors,
)
from siting.radio.network import Gear, Network, load_networks, shipped_gear

__all__ = ["DIPOLE_GAIN_DB", "DISTANCES_M", "EXEMPT_W", "FULL_POWER", "IMPEDANCE_OHM", "VERDICTS", "EmfReport", "Factors", "Limits",
    "Quotient", "Reason", "Shares", "Sources", "Spot", "along", "compliance_distance_m", "distance_quotient", "duplex",
    "equivalent_power_w", "is_exempt", "limits", "numbers", "power_density_w_m2", "precheck", "quotient", "reach_m", "sensitive", "shares",
    "sources_of", "usual_factors"]  # fmt: skip

Floats = npt.NDArray[np.float64]
DISTANCES_M = (10.0, 20.0, 30.0, 50.0, 100.0)


@dataclass(frozen=True)
class _Around:
    """Buildings near the checked sectors."""

    frame: pd.DataFrame
    shapes: npt.NDArray[np.object_]
    tops_m: Floats
    distances_m: Floats

    @property
    def ids(self) -> npt.NDArray[np.object_]:
        return self.frame["building_id"].astype(str).to_numpy(object)

    def within(self, radius_m: float) -> _Around:
        keep = self.distances_m <= radius_m
        return _Around(
            self.frame[keep].reset_index(drop=True), self.shapes[keep], self.tops_m[keep], self.distances_m[keep]
        )


def precheck(
    sectors: pd.DataFrame,
    buildings: pd.DataFrame,
    *,
    existing: pd.DataFrame | None = None,
    factors: Factors = FULL_POWER,
    spacing_m: float = 1.0,
    networks: Mapping[str, Network] | None = None,
    gear: Gear | None = None,
    closed_roofs: Collection[str] = (),
    surveyed: bool = True,
) -> EmfReport:
    """Shares of the public limits wherever people can be near a site, and a verdict.

    Parameters
    ----------
    sectors : DataFrame
        What is checked, one row per sector and carrier, see `sources_of`; heights above flat ground [m].
    buildings : GeoDataFrame
        Footprints in the same metric CRS; ``building_id`` (else the row's number), ``height_m``, ``floors``, ``use``,
        ``building_class`` as known.
    existing : DataFrame, optional
        Known transmitters of the same columns; those within 100 m are summed at every point.
    factors : Factors
        Of the second line; the verdict always counts full power in free space.
    spacing_m : float
        Largest step between points [m], at least 0.1; near ones are a twentieth of their distance apart.
    networks, gear
        The district's carriers and radio units; default the shipped ones.
    closed_roofs : collection of str
        Buildings on whose roof nobody walks, as somebody vouches.
    surveyed : bool
        Whether buildings are known at all: without a survey no buildings are not open ground.

    Returns
    -------
    EmfReport
        ``needs_assessment`` where the field cannot be computed: nearer than 2 D^2/lambda on a surface that faces the
        antenna, a building of unknown height in range, missing power, pattern, height or azimuth.

    Raises
    ------
    BadInput, OutOfRange
        If columns are missing, or the spacing is too fine.

    Notes
    -----
    Roofs under known transmitters count as closed, and beside them only points decide where the checked equipment
    itself takes a hundredth of the limit.  Free space: walls, trees and the ground neither shield nor reflect.
    """
    if not spacing_m >= 0.1:  # noqa: PLR2004 - finer steps than a hand's breadth tell nothing
        raise OutOfRange("radio.range", argument="spacing_m", value=spacing_m, low=0.1, high="∞")
    carriers, units = networks or load_networks(), gear or shipped_gear()
    new = sources_of(sectors, networks=carriers, gear=units)
    near = _near(new, existing)
    others = sources_of(near, networks=carriers, gear=units) if near is not None else None
    radius_m = numbers()["reach_factor"] * reach_m(new)
    around = _around(new, buildings, max(radius_m, numbers()["least_reach_m"], numbers()["advisory_m"]))
    points, reasons = _points(new, others, around, radius_m, spacing_m, factors, frozenset(closed_roofs))
    reasons += [] if surveyed else [Reason("no_buildings", {})]
    return _concluded(new, others, around, points, reasons, factors, radius_m)


def _near(new: Sources, existing: pd.DataFrame | None) -> pd.DataFrame | None:
    """Known transmitters within 100 m of the checked ones."""
    if existing is None or existing.empty or not len(new):
        return None
    places = existing[["easting_m", "northing_m"]].to_numpy(float)
    away = np.min([np.hypot(*(places - spot[:2]).T) for spot in new.places], axis=0)
    return existing[away <= numbers()["known_within_m"]]


def _around(new: Sources, buildings: pd.DataFrame, radius_m: float) -> _Around:
    """Buildings within a horizontal distance of the sectors."""
    shapes = np.asarray(buildings.geometry.array, object) if len(buildings) else np.zeros(0, object)
    away = np.full(len(shapes), np.inf)
    spots = shapely.points(np.unique(new.places[:, :2], axis=0)) if len(new) else np.zeros(0, object)
    if len(shapes) and len(spots):
        found = np.unique(shapely.STRtree(shapes).query(spots, predicate="dwithin", distance=radius_m)[1])
        away[found] = np.min([shapely.distance(shapes[found], spot) for spot in spots], axis=0)
    frame = buildings.reset_index(drop=True)
    frame = frame if "building_id" in frame else frame.assign(building_id=frame.index.astype(str))
    whole = _Around(frame, shapes, surfaces.heights_m(buildings), away)
    return whole.within(radius_m)


def _points(
    new: Sources,
    others: Sources | None,
    around: _Around,
    radius_m: float,
    spacing_m: float,
    factors: Factors,
    closed_roofs: frozenset[str],
) -> tuple[pd.DataFrame, list[Reason]]:
    """All points with their shares, and why they leave the outcome open."""
    nothing = Sources(new.frame.iloc[:0], ())
    beside = others if others is not None else nothing
    own_host, other_host = surfaces.hosts(new, around.shapes), surfaces.hosts(beside, around.shapes)
    reasons = [*new.reasons, *_incomplete(beside), *_heights(new, around, own_host, radius_m)]
    if not len(new):
        return report.no_points(), reasons
    closed = {int(b) for b in np.flatnonzero(np.isin(around.ids, list(closed_roofs)))}
    closed |= {int(b) for b in other_host if b >= 0 and b not in set(own_host)}
    outer_m = max(radius_m, numbers()["least_reach_m"])
    faces = surfaces.lay_out(new, around.shapes, around.tops_m, radius_m=outer_m, spacing_m=spacing_m, closed=closed)
    mine, theirs = shares(new, faces.points, factors=factors), shares(beside, faces.points, factors=factors)
    points = report.table_of(faces, around.ids, around.tops_m, own=mine, others=theirs, sources=new)
    decisive = mine.q >= numbers()["decisive_share"] if len(beside) else np.ones(len(points), bool)
    high = (points["q"] > 1.0).to_numpy()
    near = report.near_field(new, faces, own_host, high=high)
    near |= report.near_field(beside, faces, other_host, high=high, decisive=decisive)
    points = points.assign(decisive=decisive, near_field=near & (points["distance_m"] <= radius_m))
    hosts = frozenset(str(name) for name in around.ids[own_host[own_host >= 0]])
    return points, [*reasons, *report.near_reasons(points, new, hosts)]


def _incomplete(others: Sources) -> list[Reason]:
    """Known transmitters that could not be computed."""
    lacking = sum(int(str(reason.given["n"])) for reason in others.reasons)
    return [Reason("existing_incomplete", {"n": lacking})] if lacking else []


def _heights(new: Sources, around: _Around, host: npt.NDArray[np.int64], radius_m: float) -> list[Reason]:
    """Buildings of unknown height in range, and antennas below the roof of the building that they stand in."""
    unknown = np.flatnonzero(np.isnan(around.tops_m) & (around.distances_m <= radius_m))
    found = []
    if unknown.size:
        nearest = int(unknown[np.argmin(around.distances_m[unknown])])
        values = {"n": int(unknown.size), "distance_m": float(around.distances_m[nearest])}
        found.append(Reason("height_unknown", {**values, "building": str(around.ids[nearest])}))
    held = (host >= 0) & (new.frame["mount"] != "wall").to_numpy()
    tops = np.append(around.tops_m, np.nan)[host]
    buried = held & (new.places[:, 2] < tops) if len(new) else held
    if buried.any():
        found.append(
            Reason("antenna_inside", {"n": int(buried.sum()), "building": str(around.ids[host[np.argmax(buried)]])})
        )
    return found


def _concluded(
    new: Sources,
    others: Sources | None,
    around: _Around,
    points: pd.DataFrame,
    reasons: Sequence[Reason],
    factors: Factors,
    radius_m: float,
) -> EmfReport:
    """The report from the points."""
    valid = points[~points["near_field"].astype(bool)]
    deciding = valid[valid["decisive"]] if "decisive" in valid else valid
    ranked = deciding if len(deciding) else valid
    worst = report.spot_of(ranked.iloc[int(np.argmax(ranked["q"].to_numpy()))]) if len(ranked) else None
    verdict = report.verdict_of(new, worst, tuple(reasons))
    lowest = float(new.places[:, 2].min()) if len(new) else np.nan
    advisories = report.sensitive_near(around.frame, around.tops_m, around.distances_m, lowest)
    if verdict == "power_exempt" and worst is not None and worst.q > 1.0:
        advisories.append(Reason("exempt_exceeds", {"share": worst.q, "distance_m": worst.distance_m}))
    high = valid[~valid["decisive"] & (valid["q"] > 1.0)] if "decisive" in valid else valid.iloc[:0]
    if len(high):
        advisories.append(Reason("existing_high", {"n": len(high.drop_duplicates(["building_id", "face"]))}))
    return EmfReport(
        verdict=verdict,
        reasons=tuple(reasons),
        advisories=tuple(advisories),
        worst=worst,
        factored=float(ranked["factored"].max()) if len(ranked) else np.nan,
        older=float(ranked["q"].max() / numbers()["older_share"]) if len(ranked) else np.nan,
        points=points,
        equivalent_power_w=new.equivalent_power_w,
        compliance_m=radius_m / numbers()["reach_factor"],
        reach_m=radius_m,
        sources=new,
        existing=0 if others is None else len(others),
        factors=factors,
    )


def along(sources: Sources, distances_m: Sequence[float] = DISTANCES_M) -> pd.DataFrame:
    """Shares of the limit along the beams and in the street below them, at full power in free space.

    Parameters
    ----------
    sources : Sources
        The checked sectors; their shares are summed, the highest over all beams is given.
    distances_m : sequence of float
        From the antenna: along the beam, and on the ground [m].

    Returns
    -------
    DataFrame
        ``distance_m, beam, street`` (shares; NaN where the formula does not hold: in the near field, or below the ground)
        and ``beam_height_m`` of the highest beam value.
    """
    rows = [_at(sources, float(distance)) for distance in distances_m]
    return pd.DataFrame(rows, columns=["distance_m", "beam", "beam_height_m", "street"])


def _at(sources: Sources, distance_m: float) -> tuple[float, float, float, float]:
    if not len(sources):
        return distance_m, np.nan, np.nan, np.nan
    ways, far_m = surfaces.boresights(sources), sources.frame["far_m"].to_numpy(float)
    beam = sources.places + distance_m * ways
    level = ways[:, :2] / np.linalg.norm(ways[:, :2], axis=1)[:, None]
    person = numbers()["person_m"]
    street = np.column_stack([sources.places[:, :2] + distance_m * level, np.full(len(sources), person)])
    slant = np.linalg.norm(street - sources.places, axis=1)
    lit = np.where((distance_m >= far_m) & (beam[:, 2] >= 0.0), shares(sources, beam).q, -1.0)
    trodden = np.where(slant >= far_m, shares(sources, street).q, -1.0)
    best = int(np.argmax(lit))
    if lit[best] < 0:
        return distance_m, np.nan, np.nan, float(trodden.max()) if trodden.max() >= 0 else np.nan
    return distance_m, float(lit[best]), float(beam[best, 2]), float(trodden.max()) if trodden.max() >= 0 else np.nan
