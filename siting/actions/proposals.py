"""Proposals of sites: out of a plan or by hand, put to the owner of the host, released, withdrawn."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

import geopandas as gpd
import pandas as pd

from siting.access import Actor, covers, may
from siting.actions.doors import require
from siting.actions.proposal_rows import KEY, LAYER, empty, line, save, technologies, word
from siting.actions.proposing import WRITE, Proposable, Spot, add, from_plan, proposable, spot, usual
from siting.errors import BadInput, Conflict, NotAllowed, NotFound
from siting.store import layers
from siting.store.database import Database

__all__ = ["Proposable", "Spot", "Step", "add", "allowed", "answer", "from_plan", "get", "listing", "proposable", "release",
    "request_owner", "spot", "usual", "withdraw"]  # fmt: skip
READ = "asset.read"
LIVE = ("proposed", "released")


@dataclass(frozen=True, kw_only=True)
class Step:
    """One thing that can be done to a proposal: permission, column that names whose it is, states that admit it."""

    permission: str
    owner: str
    states: tuple[str, ...]


STEPS: Mapping[str, Step] = MappingProxyType(
    {
        "request": Step(permission=WRITE, owner="proposer_org", states=LIVE),
        "answer": Step(permission="proposal.answer", owner="owner_org", states=LIVE),
        "release": Step(permission="proposal.release", owner="proposer_org", states=("proposed",)),
        "withdraw": Step(permission=WRITE, owner="proposer_org", states=LIVE),
    }
)


def listing(
    db: Database,
    actor: Actor,
    *,
    states: Collection[str] = (),
    operators: Collection[str] = (),
    streets: Collection[str] = (),
) -> gpd.GeoDataFrame:
    """Proposals that the actor sees, newest first, what is not for the actor left blank.

    Parameters
    ----------
    states, operators, streets : collection of str
        Only these; none given means all.

    Returns
    -------
    GeoDataFrame
        Columns of the data standard, and ``technologies``: those of every network that a proposal is for.
    """
    require(db, actor, READ)
    frame = layers.read(db, LAYER, viewer=actor)
    frame["technologies"] = technologies(db, frame)
    keep = pd.Series(data=True, index=frame.index)
    if states:
        keep &= frame["state"].isin(states)
    if streets:
        keep &= frame["street_office"].isin(streets)
    if operators:
        keep &= frame["operators"].map(lambda codes: bool(set(codes) & set(operators))).astype(bool)
    return frame[keep].sort_values(["proposed_at", "proposal_no"], ascending=[False, True], ignore_index=True)


def get(db: Database, actor: Actor, name: str) -> dict[str, Any]:
    """One proposal by its id or number.

    Raises
    ------
    NotFound
        If there is none that the actor sees.
    """
    frame = listing(db, actor)
    found = frame[(frame[KEY] == name) | (frame["proposal_no"] == name)]
    if found.empty:
        raise NotFound("proposals.none", names=name)
    return dict(found.iloc[0])


def allowed(actor: Actor, row: Mapping[str, Any]) -> tuple[str, ...]:
    """What the actor may do to a proposal now: names of `STEPS`, and ``report`` for a blocked site."""
    found = [name for name, step in STEPS.items() if _theirs(actor, step, row) and row["state"] in step.states]
    unasked = {"request": empty(row["owner_org"]), "answer": empty(row["requested_at"])}
    report = ("report",) if may(actor, "case.report") and row["state"] in LIVE else ()
    return (*(name for name in found if not unasked.get(name, False)), *report)


def request_owner(
    db: Database, actor: Actor, ids: Sequence[str], *, text: str, now: datetime, seen: Mapping[str, int] | None = None
) -> None:
    """Ask the owners of the hosts; from now on an owner sees the proposals it was asked about.

    Parameters
    ----------
    ids : sequence of str
        Proposals.
    text : str
        What they are asked.
    seen : mapping, optional
        Id -> revision that the person saw.

    Raises
    ------
    BadInput
        If a host has no known owner.
    Conflict
        If a proposal changed since, or is withdrawn.
    """
    said = line(text, "request_text", needed=True)
    values = {"requested_at": now.isoformat(timespec="seconds"), "request_text": said}
    _change(db, actor, "request", ids, values, payload={"text": said}, now=now, seen=seen)


def answer(
    db: Database, actor: Actor, name: str, *, attitude: str, note: str = "", now: datetime, seen: int | None = None
) -> None:
    """Say as the owner of the host what one thinks of a proposal.

    Parameters
    ----------
    attitude : str
        ``agree``, ``unclear`` or ``refuse``.
    note : str
        Why, or on what terms.
    seen : int, optional
        Revision that the person saw.

    Raises
    ------
    BadInput
        If the owner was not asked.
    """
    word("owner_attitude", attitude)
    said = line(note, "owner_answer_note")
    values = {"owner_attitude": attitude, "owner_answer_on": now.date(), "owner_answer_note": said}
    payload = {"attitude": attitude, "note": said or ""}
    _change(db, actor, "answer", [name], values, payload=payload, now=now, seen=None if seen is None else {name: seen})


def release(
    db: Database, actor: Actor, ids: Sequence[str], *, now: datetime, seen: Mapping[str, int] | None = None
) -> None:
    """Show proposals to everybody who may see proposals; cost, gain, priority and need stay with the proposer.

    Raises
    ------
    Conflict
        If one of them is released or withdrawn already, or changed since it was seen.
    """
    values = {"state": "released", "released_at": now.isoformat(timespec="seconds")}
    _change(db, actor, "release", ids, values, payload={}, now=now, seen=seen)


def withdraw(db: Database, actor: Actor, name: str, *, reason: str, now: datetime, seen: int | None = None) -> None:
    """Take a proposal back; one's own organisation goes on seeing it.

    Raises
    ------
    BadInput
        Without a reason.
    Conflict
        If it is withdrawn or built already, or changed since it was seen.
    """
    said = line(reason, "withdrawn_reason", needed=True)
    values = {"state": "withdrawn", "withdrawn_at": now.isoformat(timespec="seconds"), "withdrawn_reason": said}
    payload = {"reason": said}
    _change(
        db, actor, "withdraw", [name], values, payload=payload, now=now, seen=None if seen is None else {name: seen}
    )


def _change(
    db: Database,
    actor: Actor,
    step: str,
    ids: Sequence[str],
    values: Mapping[str, Any],
    *,
    payload: Mapping[str, object],
    now: datetime,
    seen: Mapping[str, int] | None,
) -> None:
    require(db, actor, STEPS[step].permission)
    with db.write() as connection:
        rows = _held(db, actor, step, ids, seen or {})
        changed = rows.assign(**{name: [value] * len(rows) for name, value in values.items()})
        save(db, connection, changed, actor=actor, kind=f"proposal.{step}", payload=payload, now=now)


def _held(db: Database, actor: Actor, step: str, ids: Sequence[str], seen: Mapping[str, int]) -> gpd.GeoDataFrame:
    """The whole rows of some proposals, if the actor may take this step with every one of them."""
    visible = layers.read(db, LAYER, columns=("proposal_no",), viewer=actor)
    numbers = dict(zip(visible["proposal_no"], visible[KEY], strict=True))
    keys = {numbers.get(name, name): name for name in ids}
    missing = [name for key, name in keys.items() if key not in set(visible[KEY])]
    if missing or not keys:
        raise NotFound("proposals.none", names=", ".join(missing))
    frame = layers.read(db, LAYER, provenance=True)
    rows = frame[frame[KEY].isin(list(keys))].reset_index(drop=True)
    rule, said = STEPS[step], rows["proposal_no"]
    foreign = [not _theirs(actor, rule, dict(row)) for _, row in rows.iterrows()]
    if any(foreign):
        raise NotAllowed("proposals.not_own", names=", ".join(said[foreign]))
    known = rows[KEY].map({numbers.get(n, n): v for n, v in seen.items()})
    moved = (known.notna() & (known != rows["revision"])) | ~rows["state"].isin(rule.states)
    if moved.any():
        raise Conflict("proposals.changed", names=", ".join(said[moved]))
    lacking = rows[{"request": "owner_org", "answer": "requested_at"}.get(step, KEY)].isna()
    if lacking.any():
        raise BadInput(f"proposals.lacks.{step}", names=", ".join(said[lacking]))
    return rows


def _theirs(actor: Actor, step: Step, row: Mapping[str, Any]) -> bool:
    return covers(actor, step.permission, owners=(str(row[step.owner]),))
