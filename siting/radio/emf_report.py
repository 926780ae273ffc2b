"""What a field pre-check found: verdict, the highest share and where it lies, what could not be decided and why."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from siting.radio.emf_faces import OUTSIDE, ROOF, STREET, Faces
from siting.radio.emf_limits import is_exempt
from siting.radio.emf_sources import Factors, Reason, Shares, Sources, gain_dbi, numbers, sensitive
from siting.radio.network import defaults

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

VERDICTS = ("power_exempt", "passed_precheck", "exceeds_precheck", "needs_assessment")
KEPT_M = 1e-9
PLACE = ("building_id", "face", "floor")


@dataclass(frozen=True)
class Spot:
    """One point: where it is, the shares of the limit there (1 = the limit), and ``own``, that of the checked equipment."""

    building_id: str
    face: str
    floor: int
    easting_m: float
    northing_m: float
    height_m: float
    distance_m: float
    q_s: float
    q_e: float
    own: float

    @property
    def q(self) -> float:
        """The larger share."""
        return max(self.q_s, self.q_e)


@dataclass(frozen=True)
class EmfReport:
    """Outcome of a pre-check by computation; it never replaces the measurement.

    Parameters
    ----------
    verdict : str
        One of `VERDICTS`; always from full power in free space.
    reasons : tuple of Reason
        Why nothing can be decided: what is missing, or where the far-field formula does not hold.
    advisories : tuple of Reason
        What is said beside the verdict.
    worst : Spot or None
        The point that decides: the highest share where the formula holds.
    factored : float
        Highest share with the factors (second line), NaN where no point was computed.
    older : float
        Highest share of the older practice's limit, a fifth of the power density.
    points : DataFrame
        Every point: ``building_id`` (empty in the street), ``face``, ``floor``, ``easting_m, northing_m, height_m``,
        ``distance_m`` (to the nearest checked antenna), ``q_s, q_e, q``, ``own`` (share of the checked equipment alone),
        ``near_field`` (the formula does not hold there).
    equivalent_power_w : float
        Summed over the checked sectors [W].
    compliance_m, reach_m : float
        Distance beyond which the checked sectors keep the limits in every direction; radius in which points lie.
    sources : Sources
        The checked sectors as computed.
    existing : int
        Known transmitters included; 0 means new equipment only.
    factors : Factors
        Of the second line.
    """

    verdict: str
    reasons: tuple[Reason, ...]
    advisories: tuple[Reason, ...]
    worst: Spot | None
    factored: float
    older: float
    points: pd.DataFrame
    equivalent_power_w: float
    compliance_m: float
    reach_m: float
    sources: Sources
    existing: int
    factors: Factors

    @property
    def new_only(self) -> bool:
        """Whether no other transmitter was known."""
        return self.existing == 0

    @property
    def faces(self) -> pd.DataFrame:
        """The highest point of every building, face and floor where the formula holds, the highest share first."""
        valid = self.points[~self.points["near_field"]].sort_values("q", ascending=False, kind="stable")
        return valid.drop_duplicates(list(PLACE), ignore_index=True)


def near_field(
    sources: Sources, faces: Faces, host: npt.NDArray[np.int64], *, high: Flags, decisive: Flags | None = None
) -> Flags:
    """Points closer to an antenna than its far field begins, of which nothing can be said.

    A façade turned away from the antenna has its own building in between and a roof above the antenna its slab: there
    the far-field share is an upper estimate and stands unless it is high.  So it is in the street outside the main lobe.

    Parameters
    ----------
    sources, faces
        Antennas and points.
    host : ndarray
        Row of the building on which each antenna stands; an antenna on a wall looks at all of it.
    high : ndarray of bool
        Points whose share exceeds the limit.
    decisive : ndarray of bool, optional
        Points that matter.
    """
    table, points = faces.table, faces.points
    normal = table[["normal_east", "normal_north", "normal_up"]].to_numpy(float)[faces.face]
    building = table["building"].to_numpy()[faces.face]
    street = (table["face"] == STREET).to_numpy()[faces.face]
    lift = normal[:, 2] * numbers()["person_m"]
    found = np.zeros(len(points), bool)
    for at, beams in enumerate(sources.beams):
        row = sources.frame.iloc[at]
        close = np.flatnonzero(((points - sources.places[at]) ** 2).sum(axis=1) < row["far_m"] ** 2)
        way = points[close] - sources.places[at]
        to_surface = way - lift[close, None] * np.array([0.0, 0.0, 1.0])
        facing = np.einsum("ij,ij->i", to_surface, normal[close]) < -KEPT_M
        facing |= (row["mount"] == "wall") & (building[close] == host[at]) & (building[close] != OUTSIDE)
        gain = gain_dbi(beams, row, (way[:, 0], way[:, 1], way[:, 2]))
        lobe = gain > max(b.peak_dbi for b in beams) - numbers()["main_lobe_db"]
        found[close] |= high[close] | (facing & (lobe | ~street[close]))
    return found if decisive is None else found & decisive


def no_points() -> pd.DataFrame:
    """The table of points where there is none."""
    kinds = {**dict.fromkeys(("building_id", "face"), object), "floor": np.int64}
    kinds |= dict.fromkeys(
        ("easting_m", "northing_m", "height_m", "distance_m", "q_s", "q_e", "q", "own", "factored"), float
    )
    kinds |= dict.fromkeys(("decisive", "near_field"), bool)
    return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in kinds.items()})


def table_of(
    faces: Faces, ids: npt.NDArray[np.object_], tops_m: Floats, *, own: Shares, others: Shares, sources: Sources
) -> pd.DataFrame:
    """All points as a frame, without their near field."""
    building = faces.table["building"].to_numpy()[faces.face]
    kind = faces.table["face"].astype("category")
    codes = kind.cat.codes.to_numpy()[faces.face]
    names = pd.Categorical.from_codes(building + 1, categories=pd.Index(["", *(str(name) for name in ids)]))
    distance = np.full(len(faces.points), np.inf)
    for place in np.unique(sources.places, axis=0):
        distance = np.minimum(distance, np.sqrt(((faces.points - place) ** 2).sum(axis=1)))
    q_s, q_e = own.q_s + others.q_s, own.q_e + others.q_e
    return pd.DataFrame(
        {
            "building_id": names,
            "face": pd.Categorical.from_codes(codes, categories=kind.cat.categories),
            "floor": _floors(faces, building, tops_m),
            "easting_m": faces.points[:, 0],
            "northing_m": faces.points[:, 1],
            "height_m": faces.points[:, 2],
            "distance_m": distance,
            "q_s": q_s,
            "q_e": q_e,
            "q": np.maximum(q_s, q_e),
            "own": own.q,
            "factored": own.factored + others.factored,
        }
    )


def _floors(faces: Faces, building: npt.NDArray[np.int64], tops_m: Floats) -> npt.NDArray[np.int64]:
    """Storey of every point; 0 in the street, on a roof the uppermost."""
    storey = defaults()["storey_m"]
    top = np.append(tops_m, 0.0)[building]
    level = np.minimum(np.floor(faces.points[:, 2] / storey) + 1, np.maximum(np.round(np.nan_to_num(top) / storey), 1))
    return np.where(building == OUTSIDE, 0, level).astype(np.int64)


def spot_of(row: pd.Series) -> Spot:
    """A row of the points as one spot."""
    numbers_ = {n: float(row[n]) for n in ("easting_m", "northing_m", "height_m", "distance_m", "q_s", "q_e", "own")}
    return Spot(str(row["building_id"]), str(row["face"]), int(row["floor"]), **numbers_)


def near_reasons(points: pd.DataFrame, sources: Sources, host_ids: frozenset[str]) -> list[Reason]:
    """Why points in the near field leave the outcome open; the roof under an antenna apart, as a person can close it."""
    close = points[points["near_field"]].sort_values("distance_m", kind="stable")
    far_m = float(sources.frame["far_m"].max()) if len(sources) else 0.0
    roof = (close["face"] == ROOF) & close["building_id"].isin(host_ids)
    found = []
    for code, part in (("own_roof_open", close[roof]), ("near_field", close[~roof])):
        if len(part):
            first = spot_of(part.iloc[0])
            faces = int((~part.duplicated(["building_id", "face"])).sum())
            values = {"n": faces, "far_m": far_m, "distance_m": first.distance_m}
            found.append(Reason(code, {**values, "building": first.building_id, "face": first.face}))
    return found


def verdict_of(sources: Sources, worst: Spot | None, reasons: tuple[Reason, ...]) -> str:
    """The verdict: exempt by power, over the limit somewhere, undecided, or passed."""
    lacking = len(sources.reasons) > 0 or not len(sources)
    if not lacking and bool(is_exempt(sources.equivalent_power_w)):
        return "power_exempt"
    if worst is not None and worst.q > 1.0 + KEPT_M:
        return "exceeds_precheck"
    return "needs_assessment" if reasons or lacking else "passed_precheck"


def sensitive_near(buildings: pd.DataFrame, tops_m: Floats, distances_m: Floats, antenna_m: float) -> list[Reason]:
    """Sensitive buildings within 30 m that are higher than the antenna, or may be (YD 5039-2009).

    Parameters
    ----------
    buildings : DataFrame
        With ``building_id`` and the columns of the table of sensitive classes, as far as known.
    tops_m, distances_m : ndarray
        Heights (NaN unknown) and horizontal distances to the antenna [m].
    antenna_m : float
        Height of the lowest antenna above ground [m].
    """
    of_class = np.zeros(len(buildings), bool)
    for column, code in sensitive():
        if column in buildings:
            of_class |= (buildings[column] == code).to_numpy(bool)
    near = of_class & (distances_m <= numbers()["advisory_m"])
    found = []
    for code, chosen in (
        ("sensitive_30m", near & (tops_m > antenna_m)),
        ("sensitive_unknown", near & np.isnan(tops_m)),
    ):
        if chosen.any():
            at = int(np.flatnonzero(chosen)[np.argmin(distances_m[chosen])])
            values = {"n": int(chosen.sum()), "distance_m": float(distances_m[at]), "height_m": float(tops_m[at])}
            found.append(
                Reason(code, {**values, "building": str(buildings["building_id"].iloc[at]), "antenna_m": antenna_m})
            )
    return found
