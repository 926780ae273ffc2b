"""How likely the host of an option is agreed within the term, learnt from the closed problem points that a person sees."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import date

import pandas as pd

from siting.access import Actor
from siting.actions.doors import require
from siting.ledger import seen, state
from siting.ledger.model import Case, Fact
from siting.plan import permission
from siting.store import cases, layers
from siting.store.database import Database

READING = "report.read"
#: Problem points in which the owner of a host is asked to take a site.
KINDS = ("new_blocked", "pole_refused")
CLOSED = tuple(name for name in state.TERMINAL if name != "merged")
COLUMNS = ("class", "owner_org", "agreed", "days")
#: What takes an agreement back, and what starts and ends a stop of its clock.
TAKEN_BACK = ("agreement_voided", "alternative_chosen")
STOPS: Mapping[str, str] = {
    "suspended": "resumed", "transferred_up": "returned_from_city", "reporter_asked": "reporter_answered",
    "alternative_chosen": "alternative_dropped",
}  # fmt: skip


def learnt(db: Database, actor: Actor, options: pd.DataFrame) -> pd.DataFrame:
    """Probability of an agreement for the host of each option.

    Parameters
    ----------
    options : DataFrame
        ``class``, ``owner_org``.

    Returns
    -------
    DataFrame
        On the options' index: ``permission, permission_low, permission_high, permission_n, permission_basis,
        permission_days``, see `siting.plan.permission.risk`; from the cases that the actor sees alone.
    """
    return permission.risk(options, closed(db, actor))


def version(db: Database, actor: Actor) -> str:
    """Changes whenever what is learnt may change."""
    require(db, actor, READING)
    text = [f"{case.id}.{case.revision}" for case in cases.listing(db, viewer=actor, kind=KINDS, state=CLOSED)]
    named = "|".join([str(layers.revision(db, "assets")), *sorted(text)])
    return hashlib.blake2b(named.encode(), digest_size=6).hexdigest()


def closed(db: Database, actor: Actor) -> pd.DataFrame:
    """Closed cases that the actor sees, in which an owner was asked.

    Returns
    -------
    DataFrame
        ``class`` and ``owner_org`` of the host, ``agreed`` (bool) within the term, ``days`` from the first dispatch to
        the agreement, ordered by these.  A host that no asset stands for is left out.

    Notes
    -----
    A withdrawn case counts as not agreed once its owner had been asked; a case that was never dispatched tells nothing.
    The term is the limit of the first dispatch in working days, counted as 7 / 5 calendar days and longer by the days for
    which its clock stood still, or the new date of a granted extension.
    """
    require(db, actor, READING)
    found = [seen.seen_by(case, actor) for case in cases.listing(db, viewer=actor, kind=KINDS, state=CLOSED)]
    if not found:
        return pd.DataFrame(columns=list(COLUMNS)).astype({"agreed": bool, "days": float})
    assets = layers.read(db, "assets", columns=["class", "owner_org"], viewer=actor)
    hosts = pd.DataFrame(assets[["asset_id", "class", "owner_org"]]).set_index("asset_id")
    told = [(_host(case), *outcome(case)) for case in found if _asked(state.live(case.facts)) is not None]
    lines = pd.DataFrame(told, columns=["asset_id", "agreed", "days"])
    table = lines.join(hosts, on="asset_id", how="inner")[list(COLUMNS)]
    return table.astype({"agreed": bool, "days": float}).sort_values(list(COLUMNS), ignore_index=True)


def outcome(case: Case) -> tuple[bool, float]:
    """Whether a closed case was agreed within the term, and after how many days (NaN: never)."""
    facts = state.live(case.facts)
    asked, agreed = _asked(facts), _agreed(facts)
    if asked is None or agreed is None:
        return False, float("nan")
    days = (agreed.on - asked.on).days
    until = _extended(facts)
    if until is not None:
        return agreed.on <= until, float(days)
    limit = float(str(asked.data.get("limit") or 0)) * permission.rows()["asked_days_per_working_day"]
    return days <= limit + _stopped_days(facts, agreed.on), float(days)


def _host(case: Case) -> str:
    return str(case.record.get("asset_ref") or case.record.get("site_ref") or "")


def _asked(facts: Sequence[Fact]) -> Fact | None:
    """The first dispatch: from then on the owner's time runs."""
    return next((fact for fact in facts if fact.kind == "dispatched"), None)


def _agreed(facts: Sequence[Fact]) -> Fact | None:
    """The last agreement, unless it was taken back."""
    found = None
    for fact in facts:
        if fact.kind == "agreed":
            found = fact
        elif fact.kind in TAKEN_BACK:
            found = None
    return found


def _extended(facts: Sequence[Fact]) -> date | None:
    """The new last day of a granted extension of the clock for agreement."""
    asked, until = None, None
    for fact in facts:
        if fact.kind == "extension_requested" and fact.data.get("clock") == "agree":
            asked = str(fact.data.get("new_due") or "")
        elif fact.kind == "extension_decided" and asked and fact.data.get("granted") is True:
            until, asked = date.fromisoformat(asked), None
    return until


def _stopped_days(facts: Sequence[Fact], last: date) -> int:
    """Days up to the last one on which the clock stood still."""
    days, since, end = 0, None, ""
    for fact in facts:
        if since is None and fact.kind in STOPS:
            since, end = fact.on, STOPS[fact.kind]
        elif since is not None and fact.kind == end:
            days, since = days + (min(fact.on, last) - min(since, last)).days, None
    return days if since is None else days + max((last - since).days, 0)
