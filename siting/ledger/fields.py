"""What may be entered about a problem point: one table of fields for its record, its needs and its moves."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from decimal import Decimal
from types import MappingProxyType

from siting import words
from siting.ledger.model import Need, Reason
from siting.ledger.moves import DATA, KINDS, REASONS

#: Groups whose fields stand in the record of a case; the others belong to needs, moves and what programs add.
RECORD_GROUPS = ("identity", "origin", "cause", "duty", "planned", "evidence", "weight")
# Set by the program or by moves of their own, never by who reports.
_NOT_REPORTED = frozenset(
    {"pp_no", "reporter_org", "kind", "lead_unit", "assist_units", "responsible_person", "phone", "limit", "project_code",
     "difficulty", "confirmed_blocked_by", "supervision_no", "permit_mode"}
)  # fmt: skip
_DECIMAL = re.compile(r"-?\d{1,9}(\.\d{1,7})?")
_PLACE = re.compile(r"-?\d{1,8}(\.\d{1,3})?,-?\d{1,8}(\.\d{1,3})?")
_GPS = re.compile(r"-?\d{1,3}(\.\d{1,9})?,-?\d{1,2}(\.\d{1,9})?")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_PHONE = re.compile(r"[0-9+() \-]{5,24}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_FLAGS: Mapping[object, bool] = MappingProxyType({"true": True, "false": False, "1": True, "0": False})


def _terms() -> Mapping[str, tuple[str, ...]]:
    listed: dict[str, tuple[str, ...]] = {"kind": KINDS, "reason_code": REASONS}
    with (DATA / "terms.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            listed[row["vocab"]] = (*listed.get(row["vocab"], ()), row["code"])
    return MappingProxyType(listed)


#: Vocabulary -> codes; titles are ``case.VOCAB.CODE``.
VOCABULARIES = _terms()


@dataclass(frozen=True, kw_only=True)
class Field:
    """One thing that may be entered.

    Parameters
    ----------
    name, group, type : str
        Name in records and commands; group of the table; kind of value.
    required : bool
        Whether a report cannot be sent without it.
    vocab : str
        Vocabulary of an enumeration or a list; ``1..3`` are the bounds of a whole number.
    max_length : int
        Longest text, of every item of a list; 0 for no text.
    when : str
        ``past`` or ``future`` where a day must not lie on the other side of today.
    """

    name: str
    group: str
    type: str
    required: bool
    vocab: str
    max_length: int
    when: str

    def title(self, *, lang: str = words.DEFAULT_LANGUAGE) -> str:
        """Its name for people."""
        return words.say(f"case.field.{self.name}", lang=lang)

    @property
    def terms(self) -> tuple[str, ...]:
        """Codes of its vocabulary."""
        return VOCABULARIES.get(self.vocab, ())


def _fields() -> Iterator[tuple[str, Field]]:
    with (DATA / "fields.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            yield (
                row["key"],
                Field(
                    name=row["key"].rpartition(".")[2],
                    group=row["group"],
                    type=row["type"],
                    required=row["required"] == "1",
                    vocab=row["vocab"],
                    max_length=int(row["max_length"] or 0),
                    when=row["when"],
                ),
            )


#: Name -> field; ``MOVE.NAME`` where a move means something of its own by the name.
FIELDS: Mapping[str, Field] = MappingProxyType(dict(_fields()))
#: What who reports may enter.
REPORTED = tuple(n for n, f in FIELDS.items() if f.group in RECORD_GROUPS and n not in _NOT_REPORTED)
NEED_FIELDS = tuple(n for n, f in FIELDS.items() if f.group == "needs" and f.type != "needs")


def field_of(move: str, name: str) -> Field:
    """The field that a move means by a name."""
    own = FIELDS.get(f"{move}.{name}")
    return FIELDS[name] if own is None else own


def given(value: object) -> bool:
    """Whether a value says anything: neither absent nor empty nor blanks."""
    return bool(value.strip()) if isinstance(value, str) else value is not None and value not in ([], (), {})


def clean(field: Field, value: object) -> object:
    """A value in the one form that records and facts keep; None where it is none of the field's."""
    return _CLEANERS[field.type](field, value)


def problem(field: Field, value: object, *, today: date | None = None) -> Reason | None:
    """What is wrong with a value; None for nothing.

    Parameters
    ----------
    field : Field
        What it is a value of.
    value : object
        What was given.
    today : date or None
        Today; None leaves days unasked.
    """
    kept = clean(field, value)
    if kept is None:
        allowed = ", ".join(field.terms) or field.vocab or str(field.max_length or "")
        return Reason(
            code="BAD_VALUE", field=field.name, values={"value": _shown(value), "type": field.type, "allowed": allowed}
        )
    if field.type != "date" or today is None or not field.when:
        return None
    day = date.fromisoformat(str(kept))
    if field.when == "past" and day > today:
        return Reason(code="FUTURE_DATE", field=field.name, values={"value": str(day), "today": str(today)})
    if field.when == "future" and day < today:
        return Reason(code="PAST_DATE", field=field.name, values={"value": str(day), "today": str(today)})
    return None


def problems(record: Mapping[str, object], needs: Sequence[Need], *, for_submit: bool) -> tuple[Reason, ...]:
    """Everything wrong with a record and its needs; what is missing too, where it is to be sent.

    Parameters
    ----------
    record : mapping
        Fields of the case, ``kind`` among them.
    needs : sequence of Need
        Its needs.
    for_submit : bool
        Whether every required field must be there.
    """
    found = [
        wrong
        for name, value in record.items()
        if given(value) and name in FIELDS and (wrong := problem(FIELDS[name], value)) is not None
    ]
    if for_submit:
        wanted = (n for n, f in FIELDS.items() if f.required and f.type != "needs")
        found += [Reason(code="REQUIRED", field=name) for name in wanted if not given(record.get(name))]
        found += [] if needs else [Reason(code="REQUIRED", field="needs")]
    return (*found, *need_problems([asdict(need) for need in needs]))


def need_problems(needs: Sequence[Mapping[str, object]]) -> tuple[Reason, ...]:
    """Everything wrong with needs: missing numbers and operators, values, one need twice."""
    found: list[Reason] = []
    for need in needs:
        wanted = [n for n in ("need_no", "operator") if not given(need.get(n))]
        found += [Reason(code="REQUIRED", field=name) for name in wanted]
        values = ((n, v) for n, v in need.items() if given(v) and n not in wanted)
        found += [wrong for n, v in values if (wrong := _need_problem(n, v)) is not None]
    keys = [(n.get("operator"), n.get("need_no")) for n in needs]
    twice = sorted({str(k[1]) for k in keys if keys.count(k) > 1 and all(map(given, k))})
    return (*found, *(Reason(code="NEED_TWICE", field="need_no", values={"value": number}) for number in twice))


def _need_problem(name: str, value: object) -> Reason | None:
    if name not in NEED_FIELDS:
        return Reason(code="UNKNOWN_FIELD", field=str(name)[:80])
    return problem(FIELDS[name], value)


def need_of(values: Mapping[str, object]) -> Need:
    """A need from checked values; its number stays text, leading zeros and all."""
    kept = {n: clean(FIELDS[n], values[n]) for n in NEED_FIELDS if given(values.get(n))}
    return Need(**kept)  # type: ignore[arg-type]


def point(text: object) -> tuple[float, float] | None:
    """Easting and northing [m] of a place as the record keeps it; None for anything else."""
    if not isinstance(text, str) or not _PLACE.fullmatch(text):
        return None
    east, _, north = text.partition(",")
    return float(east), float(north)


def place(easting_m: float, northing_m: float) -> str:
    """A place of the district's plane [m] as the record keeps it, to the centimetre.

    >>> place(512345.2, 4332100)
    '512345.20,4332100.00'
    """
    return f"{easting_m:.2f},{northing_m:.2f}"


def _shown(value: object) -> str:
    text = str(value)
    return text if len(text) <= 60 else text[:59] + "…"  # noqa: PLR2004 - a sentence stays readable


def _text(field: Field, value: object) -> object:
    if not isinstance(value, str) or _CONTROL.search(value) or len(value.strip()) > (field.max_length or len(value)):
        return None
    return value.strip()


def _int(field: Field, value: object) -> object:
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,10}", value.strip()):
        value = int(value)
    low, _, high = field.vocab.partition("..")
    whole = isinstance(value, int) and not isinstance(value, bool)
    return value if whole and int(low) <= value <= int(high) else None  # type: ignore[operator]


def _date(_: Field, value: object) -> object:
    if isinstance(value, datetime):
        return value.date().isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if not isinstance(value, str) or not re.fullmatch(r"\d{4}-\d\d-\d\d", value.strip()):
        return None
    try:
        return date.fromisoformat(value.strip()).isoformat()
    except ValueError:
        return None


def _decimal(_: Field, value: object) -> object:
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        value = str(value)
    return value.strip() if isinstance(value, str) and _DECIMAL.fullmatch(value.strip()) else None


def _enum(field: Field, value: object) -> object:
    return value if isinstance(value, str) and value in field.terms else None


def _list(field: Field, value: object) -> object:
    items = [value] if isinstance(value, str) else value
    if not isinstance(items, list | tuple) or not all(isinstance(item, str) for item in items):
        return None
    if any(_CONTROL.search(item) for item in items):
        return None
    kept = [item.strip() for item in items if item.strip()]
    known = not field.terms or set(kept) <= set(field.terms)
    return kept if known and all(len(item) <= (field.max_length or len(item)) for item in kept) else None


def _place(_: Field, value: object) -> object:
    return value if point(value) is not None else None


def _gps(_: Field, value: object) -> object:
    if not isinstance(value, str) or not _GPS.fullmatch(value.replace(" ", "")):
        return None
    lon, lat = (float(part) for part in value.split(","))
    return value.replace(" ", "") if abs(lon) <= 180 and abs(lat) <= 90 else None  # noqa: PLR2004 - degrees


def _phone(_: Field, value: object) -> object:
    return value.strip() if isinstance(value, str) and _PHONE.fullmatch(value.strip()) else None


def _sha256(_: Field, value: object) -> object:
    return value if isinstance(value, str) and _SHA256.fullmatch(value) else None


def _bool(_: Field, value: object) -> object:
    return value if isinstance(value, bool) else _FLAGS.get(value) if isinstance(value, str) else None


def _mapping(_: Field, value: object) -> object:
    return dict(value) if isinstance(value, Mapping) and all(isinstance(key, str) for key in value) else None


def _needs(_: Field, value: object) -> object:
    listed = isinstance(value, list | tuple) and all(isinstance(need, Mapping | Need) for need in value)
    if not listed:
        return None
    return [asdict(need) if isinstance(need, Need) else dict(need) for need in value]  # type: ignore[attr-defined]


_CLEANERS: Mapping[str, Callable[[Field, object], object]] = MappingProxyType(
    {
        "text": _text,
        "int": _int,
        "date": _date,
        "decimal": _decimal,
        "enum": _enum,
        "list": _list,
        "place": _place,
        "gps": _gps,
        "phone": _phone,
        "file": _sha256,
        "sha256": _sha256,
        "bool": _bool,
        "mapping": _mapping,
        "needs": _needs,
    }
)
