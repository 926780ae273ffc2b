"""Which options may be used: one state each, every reason, and a sentence a person can act on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType
from typing import Any

import pandas as pd

from siting import words
from siting.ledger import screening
from siting.ledger.screening import MountNeed, Reason, ScreeningLimits, default_limits, known
from siting.plan import tables

STATES = ("eligible", "conditional", "unknown", "blocked", "excluded")
# What the sentence of a code says beside it: its field by column of the options.
FIELDS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "too_close_to_own_site": {"distance_m": "own_site_m", "limit_m": "own_site_limit_m"},
        "emf_exceeds": {"share": "emf_share", "factored": "emf_factored"},
        "emf_needs_assessment": {"share": "emf_share", "factored": "emf_factored"},
    }
)
# Codes that are said with figures where these are known.
DETAILED = frozenset({*FIELDS, "reserved_by_other"})
EMF_CODES = MappingProxyType({"needs_assessment": "emf_needs_assessment", "exceeds_precheck": "emf_exceeds"})
# What decides whether a host takes an option, beside the host itself.
NEEDS = (
    "mount_height_m",
    "antenna_height_m",
    "weight_kg",
    "sail_m2",
    "power_kva",
    "slots",
    "new_pole",
    "height_assumed",
)
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
    position_m: float = field(default_factory=lambda: tables.numbers()["position_m"])
    lang: str = words.DEFAULT_LANGUAGE


def eligibility(
    options: pd.DataFrame, assets: pd.DataFrame, cases: pd.DataFrame | None, *, profile: Profile
) -> pd.DataFrame:
    """One state per option with all its reason codes and a sentence.

    Parameters
    ----------
    options : DataFrame
        As `options.from_assets` makes them; boolean columns named like a code of ``data/eligibility.csv`` (for example
        ``outside_district``, ``inside_building``) and ``emf`` (state of the pre-check) are read if present, with the
        columns of `FIELDS` for their sentences.
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
    codes = [code for code in tables.state_of_code() if code in options]
    wanted = dict.fromkeys(["option_id", "candidate_id", "emf", *NEEDS, *codes, *_columns()])
    book = _Book(profile, records, _blocked(cases), codes)
    rows = [book.judged(option) for option in _records(options[[name for name in wanted if name in options]])]
    return pd.DataFrame(rows, columns=["option_id", "state", "codes", "message"])


def _columns() -> list[str]:
    return [name for fields in FIELDS.values() for name in fields.values()]


@dataclass(frozen=True, eq=False)
class _Book:
    """Verdicts in the making; options of one host that ask the same of it are screened once."""

    profile: Profile
    records: Mapping[str, dict[str, Any]]
    blocked: Mapping[str, str]
    codes: Sequence[str]
    screened: dict[tuple[object, ...], list[Reason]] = field(default_factory=dict)
    said: dict[tuple[object, ...], str] = field(default_factory=dict)

    def judged(self, option: dict[str, Any]) -> tuple[str, str, tuple[str, ...], str]:
        """Id, state, codes and sentence of an option."""
        reasons = [*self._of_host(option), *_own(option, self.codes)]
        state = max((_state(reason.code) for reason in reasons), key=STATES.index, default="eligible")
        return option["option_id"], state, tuple(r.code for r in reasons), self._message(state, reasons)

    def _of_host(self, option: dict[str, Any]) -> list[Reason]:
        key = (option["candidate_id"], *(option.get(name) for name in NEEDS))
        if key not in self.screened:
            asset = self.records.get(str(option["candidate_id"]))
            self.screened[key] = _reasons(option, asset, self.blocked, self.profile)
        return self.screened[key]

    def _message(self, state: str, reasons: list[Reason]) -> str:
        lang = self.profile.lang
        separator, colon = ("；", "：") if lang == "zh_CN" else ("; ", ": ")
        said = [self._sentence(reason) for reason in reasons]
        head = words.say(f"plan.state.{state}", lang=lang)
        return head + (colon + separator.join(said) if said else "")

    def _sentence(self, reason: Reason) -> str:
        given = dict(reason.values)
        key = (reason.code, *given.values())
        if key not in self.said:
            detail = bool(given) and reason.code in DETAILED
            name = f"plan.detail.{reason.code}" if detail else f"plan.code.{reason.code}"
            self.said[key] = words.say(name, lang=self.profile.lang, **given)
        return self.said[key]


def _own(option: dict[str, Any], codes: Sequence[str]) -> list[Reason]:
    """Reasons that lie in the option itself: its place, its network, its field."""
    found = [code for code in codes if option.get(code) is True]
    emf = EMF_CODES.get(str(option.get("emf")))
    return [Reason(code, _fields(option, code)) for code in ([emf] if emf and emf not in found else []) + found]


def _fields(option: dict[str, Any], code: str) -> dict[str, object]:
    values = {name: option.get(column) for name, column in FIELDS.get(code, {}).items()}
    return {name: f"{value:.3g}" for name, value in values.items()} if all(map(known, values.values())) else {}


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
    option: dict[str, Any], asset: dict[str, Any] | None, blocked: Mapping[str, str], profile: Profile
) -> list[Reason]:
    reasons = [] if asset is None else _from_asset(option, asset, profile)
    if asset is None or not known(asset.get("owner_org")):
        reasons.append(Reason("owner_missing"))
    if not known(option.get("antenna_height_m")) or option.get("height_assumed") is True:
        reasons.append(Reason("building_height_unknown"))
    case = blocked.get(str(option["candidate_id"]))
    if case is not None:
        reasons.append(Reason("open_problem_point", {"case_no": case}))
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
    reasons = [_renamed(reason, asset, need) for reason in verdict.reasons]
    if asset.get("open_status") == "conditional":
        asked = asset.get("conditions")
        listed = list(asked) if isinstance(asked, list | tuple) else []
        names = [words.say(f"plan.condition.{name}", lang=profile.lang) for name in listed]
        reasons.append(Reason("conditions", {"conditions": "、".join(names) or "?"}))
    accuracy: Any = asset.get("geom_accuracy_m")
    if known(accuracy) and accuracy > profile.position_m:
        reasons.append(Reason("position_uncertain", {"accuracy_m": accuracy, "limit_m": profile.position_m}))
    return reasons


def _renamed(reason: Reason, asset: dict[str, Any], need: MountNeed) -> Reason:
    """An owner nobody asked has not refused; slots held for somebody are not full; an objection may still be settled."""
    if reason.code == "NOT_OPEN" and asset.get("open_status") in (None, "not_surveyed"):
        return Reason("not_surveyed")
    if reason.code == "NO_SLOT" and _number(asset, "slots_taken") + need.slots <= _number(asset, "slots_total"):
        return Reason("reserved_by_other", {"n": int(_number(asset, "slots_reserved"))})
    return Reason("objection_open") if reason.code == "OBJECTION_OPEN" else reason


def _number(asset: dict[str, Any], name: str) -> float:
    value: Any = asset.get(name)
    return float(value) if known(value) else 0.0
