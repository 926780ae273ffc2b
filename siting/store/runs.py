"""Long work as rows: asked for by an action, done by the worker, followed by pages."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, insert, select, true, update

from siting.access import Actor
from siting.errors import NotFound
from siting.store import rows
from siting.store.database import Database
from siting.store.tables import RUN

STATUSES = ("queued", "running", "done", "failed", "cancelled")
OPEN = ("queued", "running")
STALE_AFTER = timedelta(seconds=60)


@dataclass(frozen=True, kw_only=True)
class Run:
    """One piece of long work.

    Parameters
    ----------
    id, kind, status : str
        Name, what it does, one of `STATUSES`.
    progress : float
        Finished share, 0..1.
    stage, message : str
        Catalogue key of the present step; text of the outcome.
    params, result : mapping
        What was asked for; what came out (small: figures and file names).
    actor, org, role : str
        Who asked, for which organisation, in which role.
    audience : str
        ``district`` for runs of who plans the whole district, ``org`` for an organisation's own.
    operators : str
        Codes of the operators it is about, one blank between.
    created_at, started_at, heartbeat_at, finished_at : str or None
        ISO times.
    cancel_requested : bool
        Whether somebody asked to stop.
    """

    id: str
    kind: str
    status: str
    progress: float
    stage: str
    message: str
    params: Mapping[str, Any]
    result: Mapping[str, Any]
    actor: str
    org: str
    role: str
    audience: str
    operators: str
    created_at: str
    started_at: str | None
    heartbeat_at: str | None
    finished_at: str | None
    cancel_requested: bool


def add(
    db: Database,
    *,
    run_id: str,
    kind: str,
    params: Mapping[str, Any],
    actor: Actor,
    audience: str = "district",
    operators: str = "",
    now: datetime,
    status: str = "queued",
) -> Run:
    """Record a run: ``queued`` for the worker, ``running`` when the caller executes it itself."""
    values = {
        "id": run_id,
        "kind": kind,
        "status": status,
        "started_at": _stamp(now) if status == "running" else None,
        "heartbeat_at": _stamp(now) if status == "running" else None,
        "progress": 0.0,
        "stage": "",
        "message": "",
        "params": json.dumps(params, ensure_ascii=False),
        "result": "{}",
        "actor": actor.id,
        "org": actor.org,
        "role": actor.role,
        "audience": audience,
        "operators": operators,
        "created_at": _stamp(now),
        "cancel_requested": False,
    }
    with db.write() as connection:
        connection.execute(insert(RUN).values(**values))
    return get(db, run_id)


def get(db: Database, run_id: str, *, viewer: Actor | None = None) -> Run:
    """One run.

    Raises
    ------
    NotFound
        If there is none of this id that the viewer sees.
    """
    with db.read() as connection:
        row = connection.execute(select(RUN).where(RUN.c.id == run_id, _seen(viewer))).mappings().first()
    if row is None:
        raise NotFound("store.no_run", id=run_id)
    return _run(row)


def latest(db: Database, kind: str, *, status: str | None = None, viewer: Actor | None = None) -> Run | None:
    """The newest run of a kind that the viewer sees, if any."""
    found = listing(db, kind, status=status, limit=1, viewer=viewer)
    return found[0] if found else None


def listing(
    db: Database,
    kind: str | None = None,
    *,
    status: str | None = None,
    limit: int = 20,
    viewer: Actor | None = None,
) -> list[Run]:
    """Runs that the viewer sees, newest first."""
    query = select(RUN).order_by(RUN.c.created_at.desc(), RUN.c.id.desc()).limit(limit).where(_seen(viewer))
    if kind is not None:
        query = query.where(RUN.c.kind == kind)
    if status is not None:
        query = query.where(RUN.c.status == status)
    with db.read() as connection:
        return [_run(row) for row in connection.execute(query).mappings()]


def claim(db: Database, *, now: datetime) -> Run | None:
    """Take the oldest queued run for execution; runs whose worker fell silent are failed first."""
    stale = _stamp(now - STALE_AFTER)
    with db.write() as connection:
        connection.execute(
            update(RUN)
            .where(RUN.c.status == "running", RUN.c.heartbeat_at < stale)
            .values(status="failed", message="run.lost_worker", finished_at=_stamp(now)),
        )
        query = select(RUN.c.id).where(RUN.c.status == "queued").order_by(RUN.c.created_at, RUN.c.id).limit(1)
        found = connection.execute(query).scalar()
        if found is None:
            return None
        connection.execute(
            update(RUN)
            .where(RUN.c.id == found)
            .values(status="running", started_at=_stamp(now), heartbeat_at=_stamp(now)),
        )
    return get(db, found)


def beat(db: Database, run_id: str, *, progress: float, stage: str, now: datetime, message: str = "") -> bool:
    """Record progress; returns whether somebody asked to stop."""
    with db.write() as connection:
        connection.execute(
            update(RUN)
            .where(RUN.c.id == run_id)
            .values(progress=progress, stage=stage, message=message, heartbeat_at=_stamp(now)),
        )
        return bool(connection.execute(select(RUN.c.cancel_requested).where(RUN.c.id == run_id)).scalar())


def request_cancel(db: Database, run_id: str, *, now: datetime) -> None:
    """Ask a run to stop; one that has not begun stops at once."""
    with db.write() as connection:
        chosen = update(RUN).where(RUN.c.id == run_id, RUN.c.status.in_(OPEN))
        connection.execute(chosen.values(cancel_requested=True))
        queued = update(RUN).where(RUN.c.id == run_id, RUN.c.status == "queued")
        connection.execute(queued.values(status="cancelled", finished_at=_stamp(now)))


def settle(db: Database, run_id: str, params: Mapping[str, Any]) -> None:
    """Write down what an open run's parameters came to, where they left something to be found first."""
    with db.write() as connection:
        chosen = update(RUN).where(RUN.c.id == run_id, RUN.c.status.in_(OPEN))
        connection.execute(chosen.values(params=json.dumps(params, ensure_ascii=False)))


def finish(
    db: Database,
    run_id: str,
    *,
    status: str,
    message: str = "",
    result: Mapping[str, Any] | None = None,
    now: datetime,
) -> None:
    """Close a run with its outcome."""
    values: dict[str, Any] = {"status": status, "message": message, "finished_at": _stamp(now)}
    if status == "done":
        values["progress"] = 1.0
    if result is not None:
        values["result"] = json.dumps(result, ensure_ascii=False)
    with db.write() as connection:
        connection.execute(update(RUN).where(RUN.c.id == run_id).values(**values))


def _seen(viewer: Actor | None) -> ColumnElement[bool]:
    return true() if viewer is None else rows.runs(viewer)


def _stamp(now: datetime) -> str:
    return now.isoformat(timespec="milliseconds")


def _run(row: RowMapping) -> Run:
    fields = {**row, "params": json.loads(row["params"]), "result": json.loads(row["result"])}
    return Run(**{**fields, "cancel_requested": bool(row["cancel_requested"])})
