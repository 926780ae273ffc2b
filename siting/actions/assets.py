"""Bring public assets and every other layer in: dry run, then commit."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import geopandas as gpd
import pandas as pd

from siting import access, words
from siting.access import Actor
from siting.actions import known, proposal_rows
from siting.actions.doors import require, still_signed_in
from siting.actions.known import OWN
from siting.assets import rejected, schema
from siting.assets.incoming import Incoming, Request, prepare, with_class
from siting.assets.match import Change, row_hashes
from siting.errors import BadInput, Conflict, NotFound
from siting.findings import Findings
from siting.store import imports, journal, layers
from siting.store.database import Database

PERMISSION = "data.import"
STATUS = "import_status"


@dataclass(frozen=True, kw_only=True)
class ImportPlan:
    """What an import would do, or did.

    Parameters
    ----------
    id, sha256 : str
        Number of the plan, digest of the file.
    layer, datum, name : str
        Target layer, declared datum, file name.
    read, new, changed, unchanged, rejected, missing : int
        Rows; read = new + changed + unchanged + rejected.  Missing rows are stored rows of the same
        source that the file no longer has: offered for retiring, never deleted.
    findings : Findings
        All findings at once.
    mapped : mapping
        Column -> heading.
    unmapped : tuple of str
        Headings kept in ``extra``.
    needs_reason : bool
        Whether commit needs a typed reason, because the datum is suspect.
    frame : GeoDataFrame
        Rows that would land, in the project CRS, with ``import_status`` new or changed.
    changes : tuple of Change
        Field-level differences.
    missing_keys : tuple of str
        Keys of the missing rows.
    rejected_cells : DataFrame
        Original cells of the rows set aside.
    """

    id: str
    sha256: str
    layer: str
    datum: str
    name: str
    read: int
    new: int
    changed: int
    unchanged: int
    rejected: int
    missing: int
    findings: Findings
    mapped: Mapping[str, str]
    unmapped: tuple[str, ...]
    needs_reason: bool
    frame: gpd.GeoDataFrame
    changes: tuple[Change, ...]
    missing_keys: tuple[str, ...]
    rejected_cells: pd.DataFrame

    @property
    def landed(self) -> int:
        """Rows that enter or change."""
        return self.new + self.changed


@dataclass(frozen=True, kw_only=True)
class ImportResult:
    """What a commit has done; counts as in `ImportPlan`."""

    id: str
    layer: str
    read: int
    new: int
    changed: int
    unchanged: int
    rejected: int
    missing: int
    revision: int

    @property
    def landed(self) -> int:
        """Rows that entered or changed."""
        return self.new + self.changed


def dry_run(  # noqa: PLR0913 - one option per question of the import form
    db: Database,
    actor: Actor,
    data: bytes,
    *,
    name: str,
    layer: str,
    datum: str | None,
    mapping: Mapping[str, str] | None = None,
    set_values: Mapping[str, str] | None = None,
    asset_class: str | None = None,
    list_version: str | None = None,
    sheet: str | None = None,
    now: datetime,
) -> ImportPlan:
    """Check a file and say what importing it would do; writes nothing but the plan.

    Parameters
    ----------
    db : Database
        The district's store.
    actor : Actor
        Needs ``data.import``, for proposals ``proposal.write``.
    data, name : bytes, str
        The file and its name.
    layer : str
        Target layer.
    datum : str or None
        Declared datum; undeclared is refused.
    mapping : mapping, optional
        heading -> column.
    set_values : mapping, optional
        column -> text for every row.
    asset_class : str, optional
        Class of every row.
    list_version : str, optional
        Version of the opening list that the file is.
    sheet : str, optional
        Sheet or layer of the file.
    now : datetime
        Time of the act.

    Raises
    ------
    BadInput
        If the file does not pass the gate or the datum is not declared.
    NotAllowed
        If the actor may not import.
    """
    require(db, actor, OWN.get(layer, PERMISSION))
    schema.require_layer(layer)
    values = with_class(set_values or {}, layer=layer, asset_class=asset_class)
    request = Request(
        data=data, name=name, layer=layer, datum=datum, mapping=mapping or {}, set_values=values, sheet=sheet
    )
    revision = known.state(db, actor, layer)
    incoming = prepare(request, known.known(db, actor, layer), today=now.date(), limits=known.limits(db))
    made = _plan(secrets.token_hex(8), request, incoming)
    record = {
        **summary(made),
        "mapping": dict(request.mapping),
        "set_values": dict(values),
        "sheet": sheet,
        "list_version": list_version,
        "revision": revision,
        "rests_on": known.rests_on(db, layer),
        "org": actor.org,
    }
    imports.save(db, plan_id=made.id, layer=layer, sha256=made.sha256, record=record, payload=data, now=now)
    return made


def commit(db: Database, actor: Actor, plan_id: str, *, now: datetime, reason: str | None = None) -> ImportResult:
    """Let the good rows of a checked file land, in one transaction with one journal event.

    Parameters
    ----------
    db, actor
        As in `dry_run`.
    plan_id : str
        From `dry_run`.
    now : datetime
        Time of the act.
    reason : str, optional
        Why a file with a suspect datum should land all the same.

    Returns
    -------
    ImportResult
        Repeating a commit changes nothing and gives the same answer.

    Raises
    ------
    NotFound
        If there is no such plan.
    Conflict
        If the layer changed since the dry run.
    BadInput
        If the datum is suspect and no reason is given.
    """
    still_signed_in(db, actor)
    record, data = imports.load(db, plan_id)
    others = record["layer"] in OWN and record["org"] != actor.org
    if others or record["layer"] not in schema.LAYERS:
        raise NotFound("store.no_import", id=plan_id)
    access.require(actor, OWN.get(str(record["layer"]), PERMISSION))
    if record["committed_at"]:
        return _result(record, known.state(db, actor, record["layer"]))
    _require_unchanged(db, actor, record)
    for layer, found in known.rests_on(db, record["layer"]).items():
        if record["rests_on"][layer] != found:
            raise Conflict("store.layer_changed", layer=layer, seen=record["rests_on"][layer], found=found)
    if record["needs_reason"] and not (reason or "").strip():
        raise BadInput("assets.import.reason", name=record["name"], datum=record["datum"])
    request = _request(record, data)
    incoming = prepare(
        request,
        known.known(db, actor, request.layer),
        today=datetime.fromisoformat(record["created_at"]).date(),
        limits=known.limits(db),
    )
    return _land(db, actor, record, incoming, reason=reason, now=now)


def _land(
    db: Database, actor: Actor, record: Mapping[str, object], incoming: Incoming, *, reason: str | None, now: datetime
) -> ImportResult:
    layer, plan_id = str(record["layer"]), str(record["id"])
    frame = _with_provenance(incoming)
    provenance = {
        "source_name": record["name"],
        "source_sha256": record["sha256"],
        "source_sheet": incoming.table.sheet,
        "import_id": plan_id,
        "imported_by": actor.id,
        "imported_at": now.isoformat(timespec="seconds"),
        "list_version": record["list_version"],
        "datum_declared": record["datum"],
        "transform": f"{record['datum'] or 'sites'} -> {db.settings.crs}",
    }
    counts = {name: record[name] for name in ("read", "new", "changed", "unchanged", "rejected", "missing")}
    payload = {
        **counts,
        "name": record["name"],
        "sha256": record["sha256"],
        "datum": record["datum"],
        "reason": reason or "",
    }
    with db.write() as connection:
        _require_unchanged(db, actor, record)
        if layer in OWN:
            frame = proposal_rows.completed(db, connection, frame, actor=actor, now=now, import_id=plan_id)
        if len(frame):
            expected = None if layer in OWN else int(str(record["revision"]))
            layers.upsert(connection, layer, frame, provenance=provenance, now=now, expected_revision=expected)
        imports.mark_committed(connection, plan_id, now=now)
        journal.append(
            connection,
            key=db.key(),
            stream=f"layer/{layer}",
            actor=actor,
            kind="layer.imported",
            payload=payload,
            now=now,
        )
    return _result(record, known.state(db, actor, layer))


def _require_unchanged(db: Database, actor: Actor, record: Mapping[str, object]) -> None:
    """Refuse a check that something has overtaken; of everybody's own rows only the actor's own count."""
    layer, seen = str(record["layer"]), int(str(record["revision"]))
    found = known.state(db, actor, layer)
    if seen != found:
        raise Conflict("store.layer_changed", layer=layer, seen=seen, found=found)


def rejected_rows(plan: ImportPlan, *, lang: str = words.DEFAULT_LANGUAGE) -> bytes:
    """The rows set aside as xlsx: original columns plus 行号, 错误原因, 处理建议."""
    return rejected.rejected_xlsx(plan.rejected_cells, plan.findings, lang=lang)


def findings_csv(plan: ImportPlan, *, lang: str = words.DEFAULT_LANGUAGE) -> bytes:
    """All findings of a plan as CSV."""
    return rejected.findings_csv(plan.findings, lang=lang)


def summary(plan: ImportPlan) -> dict[str, object]:
    """The plan in numbers and words, for a command line, a record or a page."""
    return {
        "id": plan.id,
        "name": plan.name,
        "layer": plan.layer,
        "datum": plan.datum,
        "read": plan.read,
        "landed": plan.landed,
        "new": plan.new,
        "changed": plan.changed,
        "unchanged": plan.unchanged,
        "rejected": plan.rejected,
        "missing": plan.missing,
        "findings": plan.findings.counts(),
        "mapped": dict(plan.mapped),
        "unmapped": list(plan.unmapped),
        "needs_reason": plan.needs_reason,
    }


def _plan(plan_id: str, request: Request, incoming: Incoming) -> ImportPlan:
    diff = incoming.difference
    status = pd.Series("changed", index=diff.merged.index, dtype=object).where(~diff.merged.index.isin(diff.new), "new")
    return ImportPlan(
        id=plan_id,
        sha256=hashlib.sha256(request.data).hexdigest(),
        layer=request.layer,
        datum=request.datum or "",
        name=request.name,
        read=len(incoming.table.frame),
        new=len(diff.new),
        changed=len(diff.changed),
        unchanged=len(diff.unchanged),
        rejected=len(incoming.rejected),
        missing=len(diff.missing),
        findings=incoming.findings,
        mapped=incoming.typed.mapped,
        unmapped=incoming.typed.unmapped,
        needs_reason=any(f.code == "DATUM_SUSPECT" for f in incoming.findings),
        frame=diff.merged.assign(**{STATUS: status}),
        changes=diff.changes,
        missing_keys=diff.missing,
        rejected_cells=incoming.rejected,
    )


def _result(record: Mapping[str, object], revision: int) -> ImportResult:
    counts = {name: int(str(record[name])) for name in ("read", "new", "changed", "unchanged", "rejected", "missing")}
    return ImportResult(id=str(record["id"]), layer=str(record["layer"]), revision=revision, **counts)


def _request(record: Mapping[str, object], data: bytes) -> Request:
    mapping, values, sheet = record["mapping"], record["set_values"], record["sheet"]
    return Request(
        data=data,
        name=str(record["name"]),
        layer=str(record["layer"]),
        datum=str(record["datum"]) or None,
        mapping=dict(mapping) if isinstance(mapping, Mapping) else {},
        set_values=dict(values) if isinstance(values, Mapping) else {},
        sheet=None if sheet is None else str(sheet),
    )


def _with_provenance(incoming: Incoming) -> gpd.GeoDataFrame:
    merged = incoming.difference.merged
    return merged.assign(row_hash=row_hashes(merged), source_row=[str(row) for row in merged.index])
