"""Evidence of problem points: files are checked by content, kept by digest, and read by those who see the case."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from types import MappingProxyType

from siting.access import Actor
from siting.actions import case_moves, case_reading
from siting.errors import NotFound
from siting.ledger import files, state
from siting.ledger.files import Taken
from siting.ledger.model import Case, Command, Fact
from siting.store import attachments
from siting.store.database import Database

MOVE, ATTACHED = "attach", "attached"
# Words of the command line and of forms for the kinds of the table of terms.
KINDS = MappingProxyType({"doc": "document"})


def attach(  # noqa: PLR0913 - one option per question of the form
    db: Database,
    actor: Actor,
    case_id: str,
    data: bytes,
    *,
    name: str,
    kind: str = "photo",
    taken_on: date | None = None,
    lon_deg: str | None = None,
    lat_deg: str | None = None,
    revision: int | None = None,
    source: str = "page",
    now: datetime,
) -> tuple[Case, str]:
    """Hand in a file as evidence.

    Parameters
    ----------
    db, actor
        The district; who hands it in.
    case_id : str
        Id or number of the case.
    data, name : bytes, str
        The file and its name.
    kind : str
        ``photo``, ``document``, ``record`` or ``measurement``.
    taken_on : date, optional
        Day that it shows; by default the camera's, else today.
    lon_deg, lat_deg : str, optional
        Where it was taken (WGS 84); by default the camera's.
    revision : int, optional
        The revision that the actor saw; by default the present one.
    source : str
        Through which door.
    now : datetime
        Time of the act.

    Returns
    -------
    tuple of Case and str
        The case with it; the file's digest, by which moves name it.

    Raises
    ------
    NotFound
        If there is no such case that the actor sees.
    BadInput
        If the file is of another kind than it may be, too large or broken.
    NotAllowed
        If the actor may not hand in evidence.
    """
    case = case_reading.stored(db, actor, case_id)
    max_mb = db.settings.whole("cases.attachment_mb")
    found = files.sniff(data, name=name, max_mb=max_mb)
    taken = files.taken(data, name=name) if found in files.PHOTOS else Taken()
    place = (lon_deg, lat_deg) if lon_deg and lat_deg else (taken.lon_deg, taken.lat_deg)
    command = Command(
        id=uuid.uuid4().hex,
        move=MOVE,
        case_id=case.id,
        revision=case.revision if revision is None else revision,
        source=source,
        data={
            "sha256": attachments.digest(data),
            "kind": KINDS.get(kind, kind),
            "taken_on": (taken_on or _day(taken, now)).isoformat(),
            "name": _plain(name),
            "mime": files.TYPES[found],
            "size": len(data),
            **({"gps": ",".join(place)} if all(place) else {}),
        },
    )
    case_moves.check(db, actor, command, now=now)
    sha256 = attachments.put(db, data)
    return case_moves.do_all(db, actor, [command], handed=frozenset({sha256}), now=now)[-1], sha256


def attachment(db: Database, actor: Actor, case_id: str, sha256: str) -> tuple[str, str, bytes]:
    """Name, media type and bytes of a file of a case.

    Raises
    ------
    NotFound
        If the actor does not see the case, or it has no such file that is not hidden.
    """
    fact = next((f for f in listed(case_reading.get(db, actor, case_id)) if f.data.get("sha256") == sha256), None)
    if fact is None:
        raise NotFound("case.file.none", case=case_id, sha256=sha256)
    return str(fact.data.get("name") or sha256), str(fact.data["mime"]), attachments.read(db, sha256)


def listed(case: Case) -> tuple[Fact, ...]:
    """Facts of the files of a case that count and may be read: one that was taken back is hidden, its bytes stay."""
    return tuple(fact for fact in state.live(case.facts) if fact.kind == ATTACHED and fact.data.get("sha256"))


def hide(db: Database, actor: Actor, case_id: str, sha256: str, *, reason: str, now: datetime) -> Case:
    """Take a file out of sight, with a reason; its bytes and the fact that it was there stay.

    Raises
    ------
    NotFound
        If the actor does not see the case, or it has no such file.
    NotAllowed, BadInput
        If the actor may not correct it, or gives no reason.
    """
    case = case_reading.get(db, actor, case_id)
    fact = next((f for f in listed(case) if f.data.get("sha256") == sha256), None)
    if fact is None:
        raise NotFound("case.file.none", case=case_id, sha256=sha256)
    command = Command(
        id=uuid.uuid4().hex,
        move="correct",
        case_id=case.id,
        revision=case.revision,
        source=actor.source,
        data={"fact": fact.seq, "void": True, "reason": reason},
    )
    return case_moves.do(db, actor, command, now=now)


def _day(taken: Taken, now: datetime) -> date:
    """The camera's day unless its clock runs ahead."""
    day = date.fromisoformat(taken.taken_at[:10]) if taken.taken_at else now.date()
    return min(day, now.date())


def _plain(name: str) -> str:
    """The last part of a file's name, without what moves a cursor."""
    last = name.replace("\\", "/").rpartition("/")[2]
    return "".join(c for c in last if c.isprintable())[:200]
