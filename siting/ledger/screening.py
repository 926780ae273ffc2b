"""Paper screening of one mount on one host: what the records allow, and what must be tested first.

The outcome is the worst of its reasons and never a bare "OK": the real condition of a pole decides on site.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

DATA = Path(__file__).parent / "data"
OUTCOMES = ("paper_ok", "needs_test", "excluded")
OPEN = ("conditional", "open_free", "open_paid")
WAIVED_BY_TEST = frozenset({"WEIGHT_NEAR", "MOMENT_NEAR", "SAIL_NEAR", "LIMIT_UNKNOWN", "AGE_UNKNOWN", "OVER_AGE"})


@dataclass(frozen=True)
class MountNeed:
    """What one guest asks of a host.

    Parameters
    ----------
    mount_height_m : float
        Height above ground [m].
    weight_kg, sail_area_m2, power_kva : float
        Load, wind-exposed area and supply of the equipment.
    power_hours : str
        ``h24`` or ``night``.
    fibre_pairs : int
        Fibre pairs needed; 0 where the guest brings its own route.
    slots : int
        Mounting slots.
    public_safety : bool
        Whether slots reserved for public safety may be used.
    guests : int
        Telecom guests already on the host.
    """

    mount_height_m: float
    weight_kg: float
    sail_area_m2: float
    power_kva: float
    power_hours: str = "h24"
    fibre_pairs: int = 0
    slots: int = 1
    public_safety: bool = False
    guests: int = 0


@dataclass(frozen=True)
class ScreeningLimits:
    """Figures of the screening and the host classes that take one telecom guest only."""

    near_share: float
    oldest_years: float
    power_reach_m: float
    drag: float
    one_guest_classes: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Reason:
    """One code of the table with the values of its sentence."""

    code: str
    values: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Screening:
    """Outcome, every reason, and the share of each known limit that would be used."""

    outcome: str
    reasons: tuple[Reason, ...]
    utilisation: Mapping[str, float]


@cache
def codes() -> Mapping[str, str]:
    """Outcome of every code, from the table."""
    with (DATA / "screening_codes.csv").open(encoding="utf-8") as file:
        return {row["code"]: row["outcome"] for row in csv.DictReader(file)}


def default_limits() -> ScreeningLimits:
    """The shipped figures."""
    with (DATA / "screening_limits.csv").open(encoding="utf-8") as file:
        values = {row["name"]: float(row["value"]) for row in csv.DictReader(file)}
    return ScreeningLimits(values["near_share"], values["oldest_years"], values["power_reach_m"], values["drag"])


def screen_mount(asset: Mapping[str, Any], need: MountNeed, *, limits: ScreeningLimits, today: date) -> Screening:
    """Screen one mount on one host.

    Parameters
    ----------
    asset : mapping
        Fields of the asset record; empty (None, NaN) = unknown.
    need : MountNeed
        What is asked.
    limits : ScreeningLimits
        Figures of the screening.
    today : date
        Day of the question, for ages and expired tests.

    Returns
    -------
    Screening
        Outcome ``paper_ok``, ``needs_test`` or ``excluded``.
    """
    utilisation = _utilisation(asset, need, limits)
    found = [
        *_opening(asset),
        *_slots(asset, need, limits),
        *_strength(utilisation, limits),
        *_age(asset, limits, today),
        *_test(asset, today),
        *_power(asset, need, limits),
        *_fibre(asset, need),
    ]
    if _tested(asset, today):
        found = [reason for reason in found if reason.code not in WAIVED_BY_TEST]
    worst = max((OUTCOMES.index(codes()[reason.code]) for reason in found), default=0)
    return Screening(OUTCOMES[worst], tuple(found), utilisation)


def known(value: object) -> bool:
    """Whether a field holds something: not None, not NaN, not empty."""
    return value is not None and value != "" and value == value  # noqa: PLR0124 - NaN differs from itself


def _number(asset: Mapping[str, Any], name: str) -> float | None:
    value: Any = asset.get(name)
    return float(value) if known(value) else None


def _opening(asset: Mapping[str, Any]) -> Iterator[Reason]:
    status = asset.get("open_status")
    if status == "withdrawn":
        yield Reason("WITHDRAWN")
    elif status not in OPEN:
        yield Reason("NOT_OPEN", {"status": status})
    if asset.get("objection_open") is True:
        yield Reason("OBJECTION_OPEN")


def _slots(asset: Mapping[str, Any], need: MountNeed, limits: ScreeningLimits) -> Iterator[Reason]:
    total = _number(asset, "slots_total")
    reserved = _number(asset, "slots_reserved") or 0.0
    if need.public_safety and asset.get("reserved_for") == "public_safety":
        reserved = 0.0
    if total is not None and (_number(asset, "slots_taken") or 0.0) + need.slots > total - reserved:
        yield Reason("NO_SLOT")
    if asset.get("class") in limits.one_guest_classes and need.guests > 0:
        yield Reason("SINGLE_TENANT")
    height = _number(asset, "mount_height_m")
    height = _number(asset, "height_m") if height is None else height
    if height is not None and need.mount_height_m > height + 1e-9:
        yield Reason("HEIGHT_LOW", {"asked_m": round(need.mount_height_m, 1), "height_m": height})


def _utilisation(asset: Mapping[str, Any], need: MountNeed, limits: ScreeningLimits) -> dict[str, float]:
    """Share of each limit used; NaN where the limit is unknown."""
    wind = _number(asset, "design_wind_kpa")
    moment = None if wind is None else wind * limits.drag * need.sail_area_m2 * need.mount_height_m
    pairs = (
        ("WEIGHT", need.weight_kg, _number(asset, "spare_weight_kg")),
        ("SAIL", need.sail_area_m2, _number(asset, "spare_sail_m2")),
        ("MOMENT", moment, _number(asset, "spare_moment_knm")),
    )
    return {name: _share(used, spare) for name, used, spare in pairs}


def _share(used: float | None, spare: float | None) -> float:
    if used is None or spare is None:
        return float("nan")
    if spare > 0:
        return used / spare
    return float("inf") if used > 0 else 0.0


def _strength(utilisation: Mapping[str, float], limits: ScreeningLimits) -> Iterator[Reason]:
    for name, share in utilisation.items():
        if share > 1.0:
            yield Reason(f"{name}_OVER", {"share": round(share, 2)})
        elif share > limits.near_share:
            yield Reason(f"{name}_NEAR", {"share": round(share, 2)})
    if not all(known(share) for share in utilisation.values()):
        yield Reason("LIMIT_UNKNOWN")


def _age(asset: Mapping[str, Any], limits: ScreeningLimits, today: date) -> Iterator[Reason]:
    year = _number(asset, "year")
    if year is None:
        yield Reason("AGE_UNKNOWN")
    elif today.year - year > limits.oldest_years:
        yield Reason("OVER_AGE", {"year": int(year)})


def _test(asset: Mapping[str, Any], today: date) -> Iterator[Reason]:
    if asset.get("structural_status") == "tested_fail":
        yield Reason("TEST_FAILED")
    elif asset.get("structural_status") == "tested_ok" and not _tested(asset, today):
        yield Reason("TEST_EXPIRED")


def _tested(asset: Mapping[str, Any], today: date) -> bool:
    until = asset.get("test_valid_to")
    if asset.get("structural_status") != "tested_ok" or not known(until):
        return False
    return _day(until) >= today


def _day(value: Any) -> date:
    if isinstance(value, str):
        return date.fromisoformat(value[:10])
    return value.date() if hasattr(value, "date") else value


def _power(asset: Mapping[str, Any], need: MountNeed, limits: ScreeningLimits) -> Iterator[Reason]:
    power, spare = asset.get("power"), _number(asset, "power_kva_spare")
    if power == "none":
        distance = _number(asset, "power_distance_m")
        far = distance is not None and distance > limits.power_reach_m
        yield Reason("POWER_FAR" if far else "POWER_NONE", {"distance_m": "?" if distance is None else distance})
        return
    if not known(power) or power == "unknown":
        yield Reason("POWER_UNKNOWN")
    elif power == "night_only" and need.power_hours == "h24":
        yield Reason("POWER_NIGHT_ONLY")
    if spare is not None and spare < need.power_kva:
        yield Reason("POWER_SHORT", {"spare_kva": spare, "need_kva": need.power_kva})


def _fibre(asset: Mapping[str, Any], need: MountNeed) -> Iterator[Reason]:
    pairs = _number(asset, "fibre_pairs_spare")
    if need.fibre_pairs <= 0:
        return
    if pairs is None and _number(asset, "nearest_handhole_m") is None:
        yield Reason("FIBRE_UNKNOWN")
    elif pairs is not None and pairs < need.fibre_pairs:
        yield Reason("FIBRE_SHORT", {"pairs": int(pairs)})
