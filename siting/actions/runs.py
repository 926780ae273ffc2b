"""Ask for long work, follow it, stop it."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

from siting import words
from siting.access import Actor, may, scope, view
from siting.actions import radiotables
from siting.actions.doors import require, require_any
from siting.compute import local
from siting.errors import BadInput, Cancelled, NotAllowed, NotFound, SitingError, Word, Worded
from siting.store import journal, runs
from siting.store.database import Database
from siting.store.runs import Run

KINDS = ("coverage", "score", "plan", "alternatives", "unblock", "calibrate", "whatif", "stability")
PERMISSION = "plan.run"
#: Who may ask for a kind of work besides: whoever decides on calibrations may make one.
BESIDES: Mapping[str, tuple[str, ...]] = MappingProxyType({"calibrate": ("radio.edit",)})
READING = "report.read"
NAME = re.compile(r"[\w-]+")
Clock = Callable[[], datetime]


@dataclass
class Reporter:
    """What running work tells the outside: its step, its progress, and whether it should stop.

    Parameters
    ----------
    db : Database
        The store that holds the run's row.
    run_id : str
        The run.
    clock : callable
        The time now.
    note : str
        How it stands, in words; shown beside the step.
    parent : Reporter, optional
        Work that waits for this one and shares its step, its progress and its wish to stop.
    reached : float
        Largest share of the whole that was told so far.
    """

    db: Database
    run_id: str
    clock: Clock
    stage: str = ""
    note: str = ""
    start: float = 0.0
    end: float = 1.0
    parent: Reporter | None = None
    reached: float = 0.0
    _stop: bool = False
    _last: datetime | None = None

    def step(self, stage: str, start: float, end: float) -> None:
        """Enter a step that covers the share start..end of the whole; stops here when asked to.

        Raises
        ------
        Cancelled
            If somebody asked to stop.
        """
        self.step_on(stage, start, end)
        if self._stop:
            raise Cancelled("compute.cancelled")

    def step_on(self, stage: str, start: float, end: float) -> None:
        """Enter a step even when asked to stop: what was found so far is still brought home."""
        self.stage, self.start, self.end, self._last, self.note = stage, start, end, None, ""
        self.progress(0.0)

    def progress(self, share: float) -> None:
        """Finished share of the present step; written at most twice a second, and never less than before."""
        now = self.clock()
        if self._last is not None and (now - self._last).total_seconds() < 0.5 and share < 1.0:  # noqa: PLR2004 - twice a second
            return
        self._last = now
        done = self.start + (self.end - self.start) * share
        self.reached = max(self.reached, done)  # a second round does not take back the first
        self._stop = runs.beat(
            self.db, self.run_id, progress=self.reached, stage=self.stage, now=now, message=self.note
        )
        if self.parent is not None:
            self._stop = self._tell(self.parent) or self._stop

    def _tell(self, parent: Reporter) -> bool:
        """Move the work that waits for this one; whether somebody asked that to stop."""
        if parent.stage != self.stage:
            parent.stage, parent._last = self.stage, None  # a new step is told at once
        parent.note = self.note
        parent.progress(self.reached)
        return parent.cancelled()

    def cancelled(self) -> bool:
        """Whether somebody asked to stop, as of the last report."""
        return self._stop

    def mapper(self, *, processes: int = 1) -> local.Mapper:
        """An ordered map that reports this step's progress and stops when asked to."""
        return local.mapper(processes=processes, progress=self.progress, cancelled=self.cancelled)


Work = Callable[[Database, Actor, Run, Reporter], Mapping[str, Any]]


def permissions(kind: str) -> tuple[str, ...]:
    """Permissions one of which asks for a kind of work."""
    return (PERMISSION, *BESIDES.get(kind, ()))


def may_ask(who: Actor, kind: str) -> bool:
    """Whether somebody's role may ask for a kind of work and stop it."""
    return any(may(who, permission) for permission in permissions(kind))


def start(
    db: Database, actor: Actor, kind: str, params: Mapping[str, Any], *, now: datetime, status: str = "queued"
) -> str:
    """Queue long work for the worker (or, with ``status="running"``, record what the caller does itself).

    Returns
    -------
    str
        The run's id.

    Raises
    ------
    BadInput
        If the kind is unknown.
    NotAllowed
        If the actor may not ask for work of this kind.
    """
    require_any(db, actor, *permissions(kind))
    if kind not in KINDS:
        raise BadInput("run.kind", kind=kind, known=", ".join(KINDS))
    operators = _operators(db, actor, kind, params)
    run_id = f"{kind}-{now:%Y%m%d-%H%M%S}-{uuid.uuid4().hex[:6]}"
    runs.add(
        db,
        run_id=run_id,
        kind=kind,
        params=params,
        actor=actor,
        audience="district" if any(scope(actor, name) == "all" for name in permissions(kind)) else "org",
        operators=" ".join(operators),
        now=now,
        status=status,
    )
    return run_id


def _operators(db: Database, actor: Actor, kind: str, params: Mapping[str, Any]) -> Sequence[str]:
    """Whose networks the work is about: of several, those whose all of them are; an operator computes its own."""
    own = None if params.get("coverage") else params.get("coverage_params")
    if own or kind in {"coverage", "calibrate"}:
        shared: Sequence[str] | None = None
        asked = own or params
        for name in asked.get("networks") or [str(asked.get("network") or db.settings.text("coverage.network"))]:
            network = radiotables.networks(db).get(name)
            operators = () if network is None else network.operators
            if actor.operator and actor.operator not in operators:
                raise NotAllowed("run.network_of_others", network=name, operator=actor.operator)
            shared = operators if shared is None else [own for own in shared if own in operators]
        return shared or ()
    base = params.get("coverage")
    return runs.get(db, base, viewer=actor).operators.split() if base else ()


def get(db: Database, actor: Actor, run_id: str) -> Run:
    """One run; NotFound if there is none of this id that the actor sees."""
    require(db, actor, READING)
    return _told(actor, runs.get(db, run_id, viewer=actor))


def _told(actor: Actor, run: Run) -> Run:
    """The run without how many samples others brought in, for those who do not see them."""
    if run.kind != "coverage" or run.org == actor.org or view(actor, "samples") == "all":
        return run
    parts = {name: _without(part) for name, part in run.result.get("networks", {}).items()}
    return replace(run, result=_without({**run.result, **({"networks": parts} if parts else {})}))


def _without(result: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in result.items() if name != "samples"}


def latest(db: Database, actor: Actor, kind: str, *, status: str | None = None) -> Run | None:
    """The newest run of a kind, if any."""
    require(db, actor, READING)
    found = runs.latest(db, kind, status=status, viewer=actor)
    return None if found is None else _told(actor, found)


def listing(db: Database, actor: Actor, kind: str | None = None, *, limit: int = 20) -> list[Run]:
    """Runs, newest first."""
    require(db, actor, READING)
    return [_told(actor, run) for run in runs.listing(db, kind, limit=limit, viewer=actor)]


def cancel(db: Database, actor: Actor, run_id: str, *, now: datetime) -> None:
    """Ask a run to stop; what it has found so far is kept where the work can keep it."""
    require_any(db, actor, PERMISSION, *(name for names in BESIDES.values() for name in names))
    require_any(db, actor, *permissions(runs.get(db, run_id, viewer=actor).kind))
    runs.request_cancel(db, run_id, now=now)


def finished(db: Database, actor: Actor, kind: str, run_id: str | None) -> Run:
    """The named finished run, or the newest finished one of the kind.

    Raises
    ------
    BadInput
        If there is none yet: the message says what to run first.
    """
    require(db, actor, READING)
    newest = run_id is None
    run = runs.latest(db, kind, status="done", viewer=actor) if newest else runs.get(db, str(run_id), viewer=actor)
    if run is None or run.kind != kind or run.status != "done":
        raise BadInput("run.none_finished", kind=kind, id=run_id or "")
    return _told(actor, run)


def folder(db: Database, run_id: str) -> Path:
    """Where a run's files lie.

    Raises
    ------
    NotFound
        If the id is no plain name: it comes from outside and becomes part of a path.
    """
    if not NAME.fullmatch(run_id):
        raise NotFound("store.no_run", id=run_id)
    return db.settings.runs_folder / run_id


def perform(db: Database, actor: Actor, run: Run, work: Work, report: Reporter) -> Run:
    """Do the work of a running run and close it, however it ends; the reason of a failure is recorded and raised.

    Parameters
    ----------
    db, actor
        The district and who asked.
    run : Run
        A row of status ``running``.
    work : callable
        ``work(db, actor, run, report) -> result``.
    report : Reporter
        Of this run.

    Raises
    ------
    SitingError
        The reason for which the run failed or stopped.
    """
    outcome = ("failed", "run.unexpected")
    result: Mapping[str, Any] | None = None
    try:
        result = work(db, actor, run, report)
    except (Cancelled, KeyboardInterrupt):
        outcome = ("cancelled", "compute.cancelled")
        raise
    except SitingError as error:
        outcome = ("failed", _packed(error))
        raise
    finally:
        if result is None:
            runs.finish(db, run.id, status=outcome[0], message=outcome[1], now=report.clock())
    close(db, actor, run, result, now=report.clock())
    return runs.get(db, run.id)


def said(message: str, lang: str) -> str:
    """Why a run ended as it did, in a language; what is no kept reason is a key or stands for itself."""
    try:
        kept = json.loads(message)
    except ValueError:
        return words.say(message, lang=lang)
    return str(_spoken(kept, lang)) if isinstance(kept, dict) else words.say(message, lang=lang)


def _packed(error: Word | SitingError) -> str:
    """A reason as its key and values, to be put into the words of whoever reads it."""
    return json.dumps(_plain(error), ensure_ascii=False)


def _plain(value: object) -> object:
    if isinstance(value, Word | SitingError):
        return {"key": value.key, "values": {name: _plain(one) for name, one in value.values.items()}}
    if isinstance(value, Worded):
        return {"said": {lang: value.say(lang=lang) for lang in words.LANGUAGES}}
    return value if isinstance(value, str | int | float) else str(value)


def _spoken(kept: object, lang: str) -> object:
    if not isinstance(kept, dict):
        return kept
    if "said" in kept:
        return kept["said"][lang]
    values = {str(name): _spoken(one, lang) for name, one in kept["values"].items()}
    return words.say(str(kept["key"]), lang=lang, **values)


def close(db: Database, actor: Actor, run: Run, result: Mapping[str, Any], *, now: datetime) -> None:
    """Mark a run done and journal it."""
    runs.finish(db, run.id, status="done", result=result, now=now)
    with db.write() as connection:
        payload = {"run": run.id, "params": _as_text(run.params)}
        journal.append(
            connection, key=db.key(), stream=f"run.{run.kind}", actor=actor, kind=run.kind, payload=payload, now=now
        )


def _as_text(value: Any) -> Any:
    """The journal keeps decimals as text."""
    if isinstance(value, Mapping):
        return {k: _as_text(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_as_text(v) for v in value]
    return str(value) if isinstance(value, float) else value
