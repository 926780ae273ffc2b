"""Which options may be used: one state each, every reason, and a sentence a person can act on."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any

import pandas as pd

from siting import words
from siting.ledger import screening
from siting.ledger.screening import MountNeed, Reason, ScreeningLimits, default_limits, known
from siting.plan import tables

STATES = ("eligible", "conditional", "unknown", "blocked", "excluded")
STATE_OF_OUTCOME = {"paper_ok": "eligible", "needs_test": "conditional", "excluded": "excluded"}


@dataclass(frozen=True, kw_only=True)
class Profile:
    """Figures of the eligibility.

    Parameters
    ----------
    today : date
        Day of the question.
    limits : ScreeningLimits
        Figures of the paper screening.
    position_m : float
        Worst accuracy of a position that needs no check on site [m].
    lang : str
        Language of the sentences.
    """

    today: date
    limits: ScreeningLimits = field(default_factory=default_limits)
    position_m: float = 15.0
    lang: str = words.DEFAULT_LANGUAGE


def eligibility(
    options: pd.DataFrame, assets: pd.DataFrame, cases: pd.DataFrame | None, *, profile: Profile
) -> pd.DataFrame:
    """One state per option with all its reason codes and a sentence.

    Parameters
    ----------
    options : DataFrame
        As `options.from_assets` makes them; boolean columns named like a code of ``data/eligibility.csv`` (for example
        ``outside_district``, ``inside_building``) and ``emf`` (state of the pre-check) are read if present.
    assets : DataFrame
        Asset records; a candidate without record is a drawn point and has no owner.
    cases : DataFrame or None
        Problem points: ``site_ref`` (candidate id), ``case_no``, ``effect`` (``forbidden`` or ``locked``).
    profile : Profile
        Figures.

    Returns
    -------
    DataFrame
        ``option_id, state, codes, message`` in the order of the options; ``codes`` is a tuple.

    Notes
    -----
    States: eligible and conditional may be used; unknown only for study; blocked is forbidden now; excluded never.
    """
    records = {str(row["asset_id"]): row for row in _records(assets.drop(columns="geometry", errors="ignore"))}
    blocked = _blocked(cases)
    rows = []
    for option in _records(options):
        reasons = _reasons(option, records.get(str(option["candidate_id"])), blocked, profile)
        state = max((_state(reason.code) for reason in reasons), key=STATES.index, default="eligible")
        rows.append(
            (option["option_id"], state, tuple(r.code for r in reasons), _message(state, reasons, profile.lang))
        )
    return pd.DataFrame(rows, columns=["option_id", "state", "codes", "message"])


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): value for name, value in row.items()} for row in frame.to_dict("records")]


def _blocked(cases: pd.DataFrame | None) -> dict[str, str]:
    if cases is None or cases.empty:
        return {}
    held = cases[cases["effect"] == "forbidden"].sort_values("case_no")
    return dict(zip(held["site_ref"].astype(str), held["case_no"].astype(str), strict=True))


def _state(code: str) -> str:
    states = tables.state_of_code()
    return states[code] if code in states else STATE_OF_OUTCOME[screening.codes()[code]]


def _reasons(
    option: dict[str, Any], asset: dict[str, Any] | None, blocked: dict[str, str], profile: Profile
) -> list[Reason]:
    reasons = [] if asset is None else _from_asset(option, asset, profile)
    if asset is None or not known(asset.get("owner_org")):
        reasons.append(Reason("owner_missing"))
    if not known(option.get("antenna_height_m")) or option.get("height_assumed") is True:
        reasons.append(Reason("building_height_unknown"))
    case = blocked.get(str(option["candidate_id"]))
    if case is not None:
        reasons.append(Reason("open_problem_point", {"case_no": case}))
    emf = {"needs_assessment": "emf_needs_assessment", "exceeds_precheck": "emf_exceeds"}.get(str(option.get("emf")))
    if emf:
        reasons.append(Reason(emf))
    reasons += [Reason(code) for code in tables.state_of_code() if option.get(code) is True]
    return reasons


def _from_asset(option: dict[str, Any], asset: dict[str, Any], profile: Profile) -> list[Reason]:
    height = option["mount_height_m"]
    if option.get("new_pole") is True:
        asset = {**asset, "height_m": None, "mount_height_m": None}
    need = MountNeed(
        mount_height_m=height if known(height) else 0.0,
        weight_kg=option["weight_kg"],
        sail_area_m2=option["sail_m2"],
        power_kva=option["power_kva"],
        slots=int(option["slots"]),
    )
    verdict = screening.screen_mount(asset, need, limits=profile.limits, today=profile.today)
    reasons = [_surveyed(reason, asset) for reason in verdict.reasons]
    if asset.get("open_status") == "conditional":
        asked = asset.get("conditions")
        listed = list(asked) if isinstance(asked, list | tuple) else []
        names = [words.say(f"plan.condition.{name}", lang=profile.lang) for name in listed]
        reasons.append(Reason("conditions", {"conditions": "、".join(names) or "?"}))
    accuracy: Any = asset.get("geom_accuracy_m")
    if known(accuracy) and accuracy > profile.position_m:
        reasons.append(Reason("position_uncertain", {"accuracy_m": accuracy, "limit_m": profile.position_m}))
    return reasons


def _surveyed(reason: Reason, asset: dict[str, Any]) -> Reason:
    """An owner nobody asked has not refused."""
    unasked = reason.code == "NOT_OPEN" and asset.get("open_status") in (None, "not_surveyed")
    return Reason("not_surveyed") if unasked else reason


def _message(state: str, reasons: list[Reason], lang: str) -> str:
    said = [words.say(f"plan.code.{reason.code}", lang=lang, **reason.values) for reason in reasons]
    separator, colon = ("；", "：") if lang == "zh_CN" else ("; ", ": ")
    head = words.say(f"plan.state.{state}", lang=lang)
    return head + (colon + separator.join(said) if said else "")
