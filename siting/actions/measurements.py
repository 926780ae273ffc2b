"""Bring measured samples in: dry run, then commit; list the sets, take one out of use."""

from __future__ import annotations

import hashlib
import io
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pandas as pd

from siting import access, words
from siting.access import Actor
from siting.actions import known, radiotables
from siting.actions.doors import require, still_signed_in
from siting.assets import measurements, rejected
from siting.assets.measurements import Carrier, Ground, Measured, Request
from siting.errors import BadInput, Conflict, NotAllowed, NotFound
from siting.findings import Finding, Findings
from siting.store import imports, journal, layers, samples
from siting.store.database import Database
from siting.store.samples import SampleSet

PERMISSION = "measure.import"
READING = "report.read"
LAYER = measurements.LAYER
STREAM = "samples"
MHZ = 1000.0
#: A made-up drive test of the sample district, to try the import with.
EXAMPLE_SECTOR, EXAMPLE_SHARE = "小区名称", 0.5
EXAMPLE = Path(__file__).resolve().parents[2] / "data" / "samples" / "drive.csv"


@dataclass(frozen=True, kw_only=True)
class SamplePlan:
    """What an import of samples would do.

    Parameters
    ----------
    id, sha256, name, datum : str
        Number of the plan; digest, name and declared datum of the file.
    networks : tuple of str
        Networks of the rows that would land.
    read, landed, rejected : int
        Rows; read = landed + rejected.
    named : int
        Rows whose cell is a known sector.
    first_day, last_day : str
        Days on which they were taken; empty where no time is known.
    findings : Findings
        All findings at once.
    mapped : mapping
        Column -> heading.
    unmapped : tuple of str
        Headings that stay in the kept file only.
    needs_reason : bool
        Whether commit needs a typed reason, because the datum is suspect.
    frame, devices, rejected_cells : DataFrame
        Rows that would land, in the project CRS; see `siting.assets.sampledevices`; original cells of the rest.
    """

    id: str
    sha256: str
    name: str
    datum: str
    networks: tuple[str, ...]
    read: int
    landed: int
    rejected: int
    named: int
    first_day: str
    last_day: str
    findings: Findings
    mapped: Mapping[str, str]
    unmapped: tuple[str, ...]
    needs_reason: bool
    frame: pd.DataFrame
    devices: pd.DataFrame
    rejected_cells: pd.DataFrame


def dry_run(
    db: Database,
    actor: Actor,
    data: bytes,
    *,
    name: str,
    datum: str | None,
    network: str | None,
    mapping: Mapping[str, str] | None = None,
    sheet: str | None = None,
    now: datetime,
) -> SamplePlan:
    """Check a file of samples and say what importing it would do; writes nothing but the plan.

    Parameters
    ----------
    db, actor
        The district; who acts, with ``measure.import``.
    data, name : bytes, str
        The file and its name: CSV or spreadsheet of a measuring tool, OpenCellID measurements, GeoJSON, GeoPackage.
    datum : str or None
        Declared datum; undeclared is refused.
    network : str or None
        Network of every row; None where a column of the file names it.
    mapping : mapping, optional
        heading -> column.
    sheet : str, optional
        Sheet of the file.
    now : datetime
        Time of the act.

    Raises
    ------
    BadInput
        If the file does not pass the gate, the datum is not declared or the network is not known.
    NotAllowed
        If the actor may not import samples, or not of this network.
    """
    require(db, actor, PERMISSION)
    request = Request(data=data, name=name, datum=datum, network=network, mapping=mapping or {}, sheet=sheet)
    found = measurements.prepare(request, _ground(db, actor), limits=known.limits(db))
    made = _plan(db, actor, request, found)
    record = {**summary(made), "network": network, "mapping": dict(request.mapping), "sheet": sheet, "org": actor.org}
    imports.save(db, plan_id=made.id, layer=LAYER, sha256=made.sha256, record=record, payload=data, now=now)
    return made


def commit(
    db: Database, actor: Actor, plan_id: str, *, now: datetime, reason: str | None = None, source: str = ""
) -> SampleSet:
    """Let the good rows of a checked file become a set of samples, with one journal event.

    Parameters
    ----------
    plan_id : str
        From `dry_run`.
    now : datetime
        Time of the act.
    reason : str, optional
        Why a file with a suspect datum should land all the same.
    source : str
        Where the samples come from, in words; empty: the name of the file.

    Returns
    -------
    SampleSet
        Repeating a commit changes nothing and gives the same answer.

    Raises
    ------
    NotFound
        If there is no such plan of the actor's organisation.
    BadInput
        If no row can land, or the datum is suspect and no reason is given.
    """
    still_signed_in(db, actor)
    record, data = imports.load(db, plan_id)
    if record["layer"] != LAYER or record["org"] != actor.org:
        raise NotFound("store.no_import", id=plan_id)
    access.require(actor, PERMISSION)
    if record["committed_at"]:
        return samples.get(db, plan_id, viewer=actor)
    if record["needs_reason"] and not (reason or "").strip():
        raise BadInput("assets.import.reason", name=record["name"], datum=record["datum"])
    request = Request(
        data=data,
        name=str(record["name"]),
        datum=str(record["datum"]) or None,
        network=record["network"],
        mapping=record["mapping"],
        sheet=record["sheet"],
    )
    found = measurements.prepare(request, _ground(db, actor), limits=known.limits(db))
    if found.frame.empty:
        raise BadInput("measure.nothing", name=request.name, read=len(found.table.frame))
    _own_networks(db, actor, found.frame["network"].unique())
    made = _set(actor, plan_id, record, found, source=source, now=now)
    _land(db, actor, made, found, reason=reason or "", now=now)
    return made


def sets(db: Database, actor: Actor, *, retired: bool = False) -> list[SampleSet]:
    """Sets of samples that the actor sees, newest first; with those out of use if asked for."""
    require(db, actor, READING)
    return samples.listing(db, viewer=actor, retired=retired)


def retire(db: Database, actor: Actor, set_id: str, *, reason: str, now: datetime) -> None:
    """Take a set out of use: nothing is deleted, but nothing is calibrated with it any more.

    Raises
    ------
    NotFound
        If there is no such set that the actor sees.
    NotAllowed
        If it is another organisation's and the actor speaks for one's own only.
    Conflict
        If it is out of use already.
    """
    require(db, actor, PERMISSION)
    one = samples.get(db, set_id, viewer=actor)
    if one.retired_at:
        raise Conflict("measure.retired", name=one.name, at=one.retired_at)
    if access.scope(actor, PERMISSION) != "all" and one.org != actor.org:
        raise NotAllowed("access.denied", permission=PERMISSION, role=access.role_word(actor))
    with db.write() as connection:
        samples.retire(connection, set_id, actor=actor, now=now)
        payload = {"set": set_id, "name": one.name, "reason": reason}
        journal.append(
            connection, key=db.key(), stream=STREAM, actor=actor, kind="samples.retired", payload=payload, now=now
        )


def example(db: Database, network: str) -> bytes | None:
    """A made-up drive test of the sample district; None where most of its sectors are not on air in the network."""
    if not db.settings.flag("district.synthetic") or not EXAMPLE.is_file():
        return None
    data = EXAMPLE.read_bytes()
    named = pd.read_csv(io.BytesIO(data), usecols=[EXAMPLE_SECTOR])[EXAMPLE_SECTOR]
    stored = layers.read(db, "sectors", columns=["network"])
    own = set(stored.loc[stored["network"] == network, "sector_id"])
    return data if named.isin(own).mean() > EXAMPLE_SHARE else None


def rejected_rows(plan: SamplePlan, *, lang: str = words.DEFAULT_LANGUAGE) -> bytes:
    """The rows set aside as xlsx: original columns plus row number, reason and remedy."""
    return rejected.rejected_xlsx(plan.rejected_cells, plan.findings, lang=lang)


def findings_csv(plan: SamplePlan, *, lang: str = words.DEFAULT_LANGUAGE) -> bytes:
    """All findings of a plan as CSV."""
    return rejected.findings_csv(plan.findings, lang=lang)


def summary(plan: SamplePlan) -> dict[str, object]:
    """The plan in numbers and words, for a command line, a record or a page."""
    return {
        "id": plan.id,
        "name": plan.name,
        "datum": plan.datum,
        "networks": list(plan.networks),
        "read": plan.read,
        "landed": plan.landed,
        "rejected": plan.rejected,
        "named": plan.named,
        "first_day": plan.first_day,
        "last_day": plan.last_day,
        "findings": plan.findings.counts(),
        "mapped": dict(plan.mapped),
        "unmapped": list(plan.unmapped),
        "needs_reason": plan.needs_reason,
    }


def _ground(db: Database, viewer: Actor) -> Ground:
    """What a file is checked against; rows may name the sectors that its bringer sees."""
    references = (layers.read(db, name, columns=()) for name in known.REFERENCES)
    return Ground(
        project=db.settings.crs,
        region=known.region(db),
        reference=next((frame for frame in references if len(frame) >= known.MIN_REFERENCE_ROWS), None),
        carriers={
            row.name: Carrier(
                name=row.name,
                operators=row.operators,
                low_mhz=MHZ * row.frequency_ghz - row.bandwidth_mhz / 2,
                high_mhz=MHZ * row.frequency_ghz + row.bandwidth_mhz / 2,
            )
            for row in radiotables.networks(db).values()
        },
        sectors=layers.read(db, "sectors", columns=("site_id", "network"), viewer=viewer),
    )


def _plan(db: Database, actor: Actor, request: Request, found: Measured) -> SamplePlan:
    networks = tuple(sorted(found.frame["network"].unique()))
    _own_networks(db, actor, networks)
    digest = hashlib.sha256(request.data).hexdigest()
    first, last = measurements.days(found.frame)
    return SamplePlan(
        id=secrets.token_hex(8),
        sha256=digest,
        name=request.name,
        datum=request.datum or "",
        networks=networks,
        read=len(found.table.frame),
        landed=len(found.frame),
        rejected=len(found.rejected),
        named=found.named,
        first_day=first,
        last_day=last,
        findings=found.findings + _again(db, actor, digest),
        mapped=found.typed.mapped,
        unmapped=found.typed.unmapped,
        needs_reason=any(f.code == "DATUM_SUSPECT" for f in found.findings),
        frame=found.frame,
        devices=found.devices,
        rejected_cells=found.rejected,
    )


def _again(db: Database, actor: Actor, digest: str) -> Iterator[Finding]:
    """Sets in use that are the same file."""
    for one in samples.listing(db, viewer=actor):
        if one.sha256 == digest:
            values = {"name": one.name, "at": one.imported_at[:10]}
            yield Finding(code="SAMPLES_AGAIN", severity="warning", value=one.id, values=values)


def _own_networks(db: Database, actor: Actor, names: object) -> None:
    """An operator brings samples of its own networks."""
    carriers = radiotables.networks(db)
    for name in names if actor.operator else ():  # type: ignore[attr-defined]
        if actor.operator not in carriers[name].operators:
            raise NotAllowed("run.network_of_others", network=name, operator=actor.operator)


def _set(
    actor: Actor, set_id: str, record: Mapping[str, object], found: Measured, *, source: str, now: datetime
) -> SampleSet:
    first, last = measurements.days(found.frame)
    return SampleSet(
        id=set_id,
        name=str(record["name"]),
        sha256=str(record["sha256"]),
        datum=str(record["datum"]),
        source=source.strip() or str(record["name"]),
        networks=tuple(sorted(found.frame["network"].unique())),
        rows=len(found.frame),
        first_day=first,
        last_day=last,
        imported_at=now.isoformat(timespec="seconds"),
        actor=actor.id,
        org=actor.org,
    )


def _land(db: Database, actor: Actor, made: SampleSet, found: Measured, *, reason: str, now: datetime) -> None:
    payload = {
        "set": made.id,
        "name": made.name,
        "sha256": made.sha256,
        "datum": made.datum,
        "networks": list(made.networks),
        "rows": made.rows,
        "rejected": len(found.rejected),
        "reason": reason,
    }
    samples.write(db, made.id, found.frame)
    with db.write() as connection:
        samples.add(connection, made)
        imports.mark_committed(connection, made.id, now=now)
        journal.append(
            connection, key=db.key(), stream=STREAM, actor=actor, kind="samples.imported", payload=payload, now=now
        )
