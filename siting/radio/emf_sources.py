"""Transmitters of a field pre-check: power, envelope beam, limits; and the shares of the limit that they make at points."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from siting.errors import BadInput
from siting.radio import antenna
from siting.radio.antenna import FORMS, WIDEST_DEG, Pattern
from siting.radio.emf_limits import IMPEDANCE_OHM, equivalent_power_w, limits
from siting.radio.network import DATA, Equipment, Gear, Network, read_rows

Floats = npt.NDArray[np.float64]

C_M_S = 3.0e8
NEEDED = ("easting_m", "northing_m", "antenna_height_m", "equipment")
_NEAREST_M = 0.1
_STEERED_DB = 0.5


@dataclass(frozen=True)
class Factors:
    """Factors on the power density: ground reflection, time sent (TDD carriers only), actual maximum power."""

    reflection: float = 1.0
    time: float = 1.0
    power: float = 1.0


FULL_POWER = Factors()


@dataclass(frozen=True)
class Reason:
    """Why nothing can be decided, or what is said beside the verdict: a code and the values of its words."""

    code: str
    given: Mapping[str, object]


@dataclass(frozen=True)
class Sources:
    """Transmitters that can be computed.

    Parameters
    ----------
    frame : DataFrame
        One row per sector: ``site_id, sector_id, easting_m, northing_m, antenna_height_m, mount, azimuth_deg,
        mechanical_tilt_deg, electrical_tilt_deg, equipment, power_w, gain_dbi`` (envelope), ``frequency_mhz, duplex,
        far_m`` (where the far field begins), ``limit_s_w_m2, limit_e_v_m``.
    beams : tuple of tuple of Pattern
        Per sector the patterns of whose gains the larger counts.
    reasons : tuple of Reason
        What is missing; a sector named here is not in the frame.
    """

    frame: pd.DataFrame
    beams: tuple[tuple[Pattern, ...], ...]
    reasons: tuple[Reason, ...] = ()

    def __len__(self) -> int:
        return len(self.frame)

    @property
    def places(self) -> Floats:
        """Easting, northing and height above ground of every sector [n, 3]."""
        return self.frame[["easting_m", "northing_m", "antenna_height_m"]].to_numpy(float)

    @property
    def equivalent_power_w(self) -> float:
        """Summed equivalent radiated power [W]."""
        f = self.frame
        return float(np.sum(equivalent_power_w(f["power_w"], f["gain_dbi"], f["frequency_mhz"])))


@dataclass(frozen=True)
class Shares:
    """Sums over sources at points: shares of the limit by power density and by field, and with the factors.

    Parameters
    ----------
    q_s, q_e, factored : ndarray
        [points].
    """

    q_s: Floats
    q_e: Floats
    factored: Floats

    @property
    def q(self) -> Floats:
        """The larger of both sums."""
        return np.maximum(self.q_s, self.q_e)


@cache
def numbers() -> Mapping[str, float]:
    """Default numbers of the pre-check by name; source and mark stand beside each in ``data/emf.toml``."""
    table = tomllib.loads((DATA / "emf.toml").read_text(encoding="utf-8"))
    return MappingProxyType({name: float(row["value"]) for name, row in table.items()})


@cache
def duplex() -> Mapping[str, str]:
    """``TDD`` or ``FDD`` by band."""
    return MappingProxyType({row["band"]: row["duplex"] for row in read_rows(DATA / "emf_duplex.csv")})


@cache
def sensitive() -> tuple[tuple[str, str], ...]:
    """Column and code of the buildings that count as sensitive."""
    return tuple((row["column"], row["code"]) for row in read_rows(DATA / "emf_sensitive.csv"))


def usual_factors() -> Factors:
    """The factors of the second line of a result, as in ``data/emf.toml``."""
    return Factors(1.0, numbers()["time_factor"], numbers()["power_factor"])


def sources_of(sectors: pd.DataFrame, *, networks: Mapping[str, Network], gear: Gear) -> Sources:
    """Transmitters with power, envelope gain and limits filled in.

    Parameters
    ----------
    sectors : DataFrame
        One row per sector and carrier: `NEEDED`, and ``frequency_mhz`` or ``network``.  Optional: ``azimuth_deg,
        mechanical_tilt_deg, electrical_tilt_deg, power_w, gain_dbi, pattern, mount, site_id, sector_id``.
    networks, gear
        The carriers and radio units that the rows name.

    Raises
    ------
    BadInput
        If a column is missing.
    """
    missing = [name for name in NEEDED if name not in sectors]
    missing += [] if "frequency_mhz" in sectors or "network" in sectors else ["network"]
    if missing:
        raise BadInput("radio.sites.columns", value=", ".join(missing))
    frame = _complete(sectors.reset_index(drop=True), networks, gear)
    lacks = [_lacking(row, gear) for row in frame.to_dict("records")]
    keep = np.array([lack is None for lack in lacks], bool)
    whole = frame[keep].reset_index(drop=True)
    beams = tuple(_beams(row, gear) for row in whole.to_dict("records"))
    reasons = tuple(dict.fromkeys(code for code in lacks if code is not None))
    counted = tuple(Reason(code, {"n": sum(lack == code for lack in lacks)}) for code in reasons)
    return Sources(_limited(whole), beams, counted)


def _number(frame: pd.DataFrame, name: str) -> Floats:
    if name not in frame:
        return np.full(len(frame), np.nan)
    return pd.to_numeric(frame[name], errors="coerce").to_numpy(dtype=float, na_value=np.nan)


def _text(frame: pd.DataFrame, name: str) -> pd.Series:
    given = frame[name] if name in frame else pd.Series("", index=frame.index, dtype=object)
    return given.astype(object).where(given.notna(), "").astype(str)


def _complete(frame: pd.DataFrame, networks: Mapping[str, Network], gear: Gear) -> pd.DataFrame:
    """The frame with all columns; what its equipment knows fills what a sector leaves open."""
    units = [gear.equipment.get(name) for name in _text(frame, "equipment")]
    carriers = [networks.get(name) for name in _text(frame, "network")]
    of = lambda name: np.array([np.nan if u is None else getattr(u, name) for u in units], float)  # noqa: E731 - one column
    power, gain = _number(frame, "power_w"), _number(frame, "gain_dbi")
    mhz = np.array([np.nan if c is None else 1000.0 * c.frequency_ghz for c in carriers], float)
    own = _number(frame, "frequency_mhz")
    texts = {name: _text(frame, name) for name in ("site_id", "sector_id", "mount", "equipment", "pattern", "network")}
    places = {name: _number(frame, name) for name in ("easting_m", "northing_m", "antenna_height_m", "azimuth_deg")}
    tilts = {name: np.nan_to_num(_number(frame, name)) for name in ("mechanical_tilt_deg", "electrical_tilt_deg")}
    return pd.DataFrame(
        {
            **texts,
            **places,
            **tilts,
            "power_w": np.where(np.isnan(power), of("power_w"), power),
            "gain_dbi": np.fmax(of("envelope_gain_dbi"), gain),
            "frequency_mhz": np.where(np.isnan(own), mhz, own),
            "duplex": ["" if c is None else duplex().get(c.band, "") for c in carriers],
        }
    )


def _lacking(row: Mapping[Any, Any], gear: Gear) -> str | None:
    """What keeps a sector from being computed."""
    unit = gear.equipment.get(str(row["equipment"]))
    if unit is None:
        return "equipment_unknown"
    blank = [name for name in ("power_w", "frequency_mhz", "antenna_height_m") if np.isnan(row[name])]
    if blank:
        return {"power_w": "power_missing", "frequency_mhz": "network_unknown"}.get(blank[0], "antenna_height_missing")
    if np.isnan(row["azimuth_deg"]) and unit.hpbw_h_deg > 0:
        return "azimuth_missing"
    named = _pattern_name(row, unit)
    return "pattern_missing" if named not in FORMS and named not in gear.patterns else None


def _pattern_name(row: Mapping[Any, Any], unit: Equipment) -> str:
    own = str(row["pattern"])
    return unit.pattern if own in FORMS else own


def _beams(row: Mapping[Any, Any], gear: Gear) -> tuple[Pattern, ...]:
    """The envelope: the widths at the highest gain; a measured pattern for a beam that is not steered, both for one that is."""
    unit = gear.equipment[str(row["equipment"])]
    peak = float(row["gain_dbi"])
    nominal = Pattern(
        "envelope",
        peak,
        unit.hpbw_h_deg or WIDEST_DEG,
        unit.hpbw_v_deg or WIDEST_DEG,
        unit.max_loss_db,
        unit.sidelobe_db,
    )
    measured = gear.patterns.get(_pattern_name(row, unit))
    if measured is None:
        return (nominal,)
    if unit.envelope_gain_dbi > unit.broadcast_gain_dbi + _STEERED_DB:
        return nominal, measured
    return (replace(measured, peak_dbi=max(measured.peak_dbi, peak)),)


def _limited(frame: pd.DataFrame) -> pd.DataFrame:
    """With limits and the distance at which the far field begins."""
    limit = limits(frame["frequency_mhz"].to_numpy(float))
    wavelength_m = C_M_S / (1e6 * frame["frequency_mhz"].to_numpy(float))
    return frame.assign(
        azimuth_deg=frame["azimuth_deg"].fillna(0.0),
        limit_s_w_m2=limit.s_w_m2,
        limit_e_v_m=limit.e_v_m,
        far_m=2.0 * numbers()["panel_side_m"] ** 2 / wavelength_m,
    )


def gain_dbi(beams: Sequence[Pattern], row: pd.Series, along: tuple[Floats, Floats, Floats]) -> Floats:
    """Gain of a sector towards points.

    Parameters
    ----------
    beams : sequence of Pattern
        Patterns of the sector; the larger gain counts.
    row : Series
        The sector's azimuth and tilts.
    along : tuple of ndarray
        East, north and up from the antenna to the points [m].
    """
    east, north, up = along
    offset = np.degrees(np.arctan2(east, north)) - float(row["azimuth_deg"])
    depression = np.degrees(np.arctan2(-up, np.hypot(east, north)))
    tilts = {name: float(row[name]) for name in ("mechanical_tilt_deg", "electrical_tilt_deg")}
    found = antenna.gain_dbi(beams[0], offset, depression, **tilts)
    for other in beams[1:]:
        found = np.maximum(found, antenna.gain_dbi(other, offset, depression, **tilts))
    return found


def shares(sources: Sources, points: Floats, *, factors: Factors = FULL_POWER) -> Shares:
    """Shares of the limits that sources make together at points, S = P G / (4 pi R^2) each.

    Parameters
    ----------
    sources : Sources
        Any number.
    points : ndarray
        Easting, northing, height above ground [points, 3].
    factors : Factors
        Of the factored sum; the two others count full power.
    """
    q_s, q_e, factored = (np.zeros(len(points)) for _ in range(3))
    for at, beams in enumerate(sources.beams):
        row = sources.frame.iloc[at]
        density = _density(row, beams, points)
        by_s, by_e = density / row["limit_s_w_m2"], IMPEDANCE_OHM * density / row["limit_e_v_m"] ** 2
        time = factors.time if row["duplex"] == "TDD" else 1.0
        q_s += by_s
        q_e += by_e
        factored += factors.reflection * factors.power * time * np.maximum(by_s, by_e)
    return Shares(q_s, q_e, factored)


def _density(row: pd.Series, beams: Sequence[Pattern], points: Floats) -> Floats:
    """Power density of one sector at points [W/m2]."""
    east, north = points[:, 0] - row["easting_m"], points[:, 1] - row["northing_m"]
    up = points[:, 2] - row["antenna_height_m"]
    square = np.maximum(east**2 + north**2 + up**2, _NEAREST_M**2)
    gain = 10.0 ** (gain_dbi(beams, row, (east, north, up)) / 10.0)
    return np.asarray(float(row["power_w"]) * gain / (4.0 * np.pi * square))


def reach_m(sources: Sources) -> float:
    """Distance [m] beyond which all sources of a place together keep both limits in every horizontal direction."""
    if not len(sources):
        return 0.0
    turn = np.arange(0.0, 360.0)
    total = np.zeros(360)
    for at, beams in enumerate(sources.beams):
        row = sources.frame.iloc[at]
        offset = turn - float(row["azimuth_deg"])
        best = np.max([_highest_dbi(beam, offset) for beam in beams], axis=0)
        strength = float(row["power_w"]) * 10.0 ** (best / 10.0) / (4.0 * np.pi)
        total += strength * max(1.0 / row["limit_s_w_m2"], IMPEDANCE_OHM / row["limit_e_v_m"] ** 2)
    return float(np.sqrt(total.max()))


def _highest_dbi(beam: Pattern, offset_deg: Floats) -> Floats:
    """Gain by azimuth offset at the best depression; never below the cap of a nominal beam."""
    if beam.horizontal_db:
        return np.full(len(offset_deg), beam.peak_dbi)
    return antenna.gain_dbi(beam, offset_deg, 0.0)
