"""The moves that a person may make on a point, each as a short form made from the tables of moves and fields."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import date
from types import MappingProxyType
from typing import Any

import pandas as pd
import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from siting.actions import cases, people
from siting.ledger.fields import VOCABULARIES, Field, field_of
from siting.ledger.model import Case, Command
from siting.ledger.moves import MOVES, RECORD, Move
from siting.ledger.state import instance_of
from siting.ui import parts
from siting.ui.session import Desk, now
from siting.ui.text import UNKNOWN, t

TURN = "case.turn"
PICK = "case.move"
TOLD = "case.told"
# Fields of a draft that are asked again before it is sent (in).
DRAFTED = ("title", "reason_code", "reason_text", "requested_action", "source")
# Moves with a place of their own on the page.
APART = frozenset({"attach", "save_draft"})
# Moves that one operator makes on its own need.
CLOSING = frozenset({"confirm_close", "reject_close"})
# Moves that leave the state as it is, and those that end a point without solving it, stand in a list of their own.
KEEPS = ("=",)
RARE = frozenset(
    {"withdraw", "merge", "reassign", "suspend", "transfer_up", "void_agreement", "cancel_build", "correct"}
)
# Derived by the program or brought by the photo.
UNASKED = frozenset(
    {
        "pp_no",
        "linked_state",
        "gps_place",
        "sha256",
        "name",
        "mime",
        "size",
        "operator",
        "data",
        "needs",
        "kind",
        "place",
    }
)
LONG = 200
FILES = ("pdf", "jpg", "jpeg", "png", "docx", "xlsx", "ofd")
UNITS = frozenset({"lead_unit", "proposed_unit", "owner_of_asset"})


def panel(desk: Desk, case: Case) -> None:
    """Allowed moves as buttons; the chosen one's form beneath."""
    names = [name for name in cases.allowed(desk.db, desk.actor, case.id, now=now()) if name not in APART]
    if not names:
        st.caption(t("ui.case.no_moves"))
        return
    turn = st.session_state.setdefault(TURN, uuid.uuid4().hex)
    main = [name for name in names if MOVES[name].to != KEEPS and name not in RARE]
    rest = [name for name in names if name not in main]
    picked = other = None
    if main:
        picked = st.pills(
            t("ui.case.moves"), main, key=f"{PICK}-{turn}", format_func=_title, label_visibility="collapsed"
        )
    if rest and picked is None:
        other = st.selectbox(
            t("ui.case.other"), rest, index=None, key=f"{PICK}-other-{turn}", format_func=_title, placeholder=t("ui.case.other"),
            label_visibility="collapsed",
        )  # fmt: skip
    picked = picked or other
    if picked is not None:
        _form(desk, case, MOVES[picked], turn)


def _title(name: str) -> str:
    return t(f"move.{name}")


def _form(desk: Desk, case: Case, move: Move, turn: str) -> None:
    with st.form(f"move-{move.name}-{turn}", border=True):
        fields = [field_of(move.name, name) for name in _asked(move, case)]
        given = {
            field.name: _input(desk, case, move, field, key=f"{move.name}-{field.name}-{turn}") for field in fields
        }
        if move.any_of:
            st.caption(t("ui.case.one_of"))
        sent = st.form_submit_button(t(f"move.{move.name}"), type="primary", width="stretch")
    if sent:
        _send(desk, case, move, given, turn)


def _asked(move: Move, case: Case) -> list[str]:
    names = list(move.asked)
    if RECORD in names:
        names = [*(n for n in names if n not in {RECORD, "needs"}), *DRAFTED, "needs"]
    if move.name in CLOSING and len(case.needs) == 1:
        names.remove("need_no")
    hidden = UNASKED | ({"operator"} if move.name in CLOSING else set())
    return [n for n in names if n not in hidden]


def _input(desk: Desk, case: Case, move: Move, field: Field, *, key: str) -> object:
    mark = " *" if field.name in move.required else " ◦" if field.name in move.any_of else ""
    label = t(f"case.field.{field.name}") + mark
    held = case.record.get(field.name)
    if field.name == "need_no" and move.name in CLOSING:
        return _need(case, label, key)
    if field.type == "needs":
        return _needs(case, label, key)
    if field.name == "fact":
        return _fact(case, label, key)
    if field.name in UNITS:
        return _unit(desk, label, key, held or case.record.get("owner_of_asset"))
    if field.terms:
        return _choice(field, label, key, held)
    return _TYPES.get(field.type, _text)(field, label, key, held)


def _need(case: Case, label: str, key: str) -> object:
    numbers = [need.need_no for need in case.needs if need.need_no]
    return st.selectbox(label, numbers, index=0 if numbers else None, key=key)


def _needs(case: Case, label: str, key: str) -> object:
    """The needs as a small table to be mended; rows without a number are left out."""
    names = ("operator", "need_no", "urgency")
    rows = [{name: getattr(need, name) for name in names} for need in case.needs]
    st.caption(label)
    edited = st.data_editor(
        pd.DataFrame(rows, columns=list(names)),
        key=key,
        num_rows="dynamic",
        hide_index=True,
        column_config={
            "operator": st.column_config.SelectboxColumn(
                t("case.field.operator"),
                options=list(VOCABULARIES["operator"]),
                format_func=lambda v: t(f"ui.operator.{v}"),
            ),
            "need_no": st.column_config.TextColumn(t("case.field.need_no")),
            "urgency": st.column_config.NumberColumn(
                t("case.field.urgency"), min_value=1, max_value=3, step=1, default=2
            ),
        },
    )
    known = {(need.operator, need.need_no): asdict(need) for need in case.needs}
    kept = edited.dropna(subset=["operator", "need_no"]).to_dict("records")
    return [
        {**known.get((row["operator"], row["need_no"]), {}), **row, "urgency": int(row["urgency"] or 2)} for row in kept
    ]


def _fact(case: Case, label: str, key: str) -> object:
    facts = {fact.seq: f"{fact.seq} · {t(f'case.fact.{fact.kind}')} · {fact.on}" for fact in case.facts}
    return st.selectbox(label, list(facts), index=len(facts) - 1, key=key, format_func=lambda seq: facts[seq])


def _unit(desk: Desk, label: str, key: str, held: object) -> object:
    first = str(held) if held else None
    names = sorted({org.name for org in people.parties(desk.db, desk.actor)} | ({first} if first else set()))
    return st.selectbox(
        label, names, index=names.index(first) if first else None, key=key, accept_new_options=True, placeholder=UNKNOWN
    )


def _choice(field: Field, label: str, key: str, held: object) -> object:
    terms = {code: t(f"case.{field.vocab}.{code}") for code in field.terms}
    if field.type == "list":
        return st.multiselect(
            label, list(terms), key=key, placeholder=UNKNOWN, select_all=False, format_func=lambda code: terms[code]
        )
    index = list(terms).index(str(held)) if held in terms else None
    return st.selectbox(
        label, list(terms), index=index, key=key, placeholder=UNKNOWN, format_func=lambda code: terms[code]
    )


def _text(field: Field, label: str, key: str, held: object) -> str:
    shown = "" if held is None else str(held)
    if field.max_length > LONG:
        return st.text_area(label, value=shown, key=key, height=68, max_chars=field.max_length)
    return st.text_input(label, value=shown, key=key, max_chars=field.max_length or None)


def _lines(_field: Field, label: str, key: str, _held: object) -> list[str]:
    text = st.text_area(label, key=key, height=68, help=t("ui.case.lines"))
    return [line.strip() for line in text.splitlines() if line.strip()]


def _day(field: Field, label: str, key: str, held: object) -> date | None:
    first = date.fromisoformat(str(held)) if held else (now().date() if field.when == "past" else None)
    return st.date_input(label, value=first, key=key, format="YYYY-MM-DD")


def _number(field: Field, label: str, key: str, held: object) -> int | None:
    low, _, high = field.vocab.partition("..")
    first = held if isinstance(held, int) else None
    return st.number_input(label, min_value=int(low), max_value=int(high), value=first, step=1, key=key)


def _flag(_field: Field, label: str, key: str, _held: object) -> bool:
    return st.checkbox(label, key=key)


def _file(_field: Field, label: str, key: str, _held: object) -> object:
    return st.file_uploader(label, type=list(FILES), key=key)


def _spot(_field: Field, label: str, key: str, _held: object) -> str:
    return st.text_input(label, key=key, placeholder=t("ui.case.gps_hint"))


_TYPES: Mapping[str, Callable[[Field, str, str, object], object]] = MappingProxyType(
    {"date": _day, "int": _number, "bool": _flag, "list": _lines, "file": _file, "gps": _spot}
)


def _send(desk: Desk, case: Case, move: Move, given: Mapping[str, object], turn: str) -> None:
    """Hand in the files first, then make the move on what that left; what is refused stays in the form."""
    with parts.told():
        data = {name: value for name, value in given.items() if value not in (None, "", [], False)}
        held = case
        for name in [name for name, value in data.items() if isinstance(value, UploadedFile)]:
            held, data[name] = _handed_in(desk, held, name, data[name])
        if "gps" in move.required and "gps" not in data:
            data |= _camera(held, data.get("photo"))
        if move.name in CLOSING and len(case.needs) == 1:
            data["need_no"] = case.needs[0].need_no
        command = Command(
            id=f"{turn}-{move.name}",
            move=move.name,
            case_id=case.id,
            revision=held.revision,
            instance=instance_of(case.facts),
            data=data,
            sent_at=now(),
        )
        cases.do(desk.db, desk.actor, command, now=now())
        told(t("ui.case.done", move=t(f"move.{move.name}")))
        st.session_state[TURN] = uuid.uuid4().hex
        st.rerun()


def _handed_in(desk: Desk, case: Case, name: str, file: Any) -> tuple[Case, str]:
    """A file of a form as evidence of the case; handed in before, it is named again."""
    kind = "photo" if name == "photo" else "document"
    digest = hashlib.sha256(file.getvalue()).hexdigest()
    if any(fact.data.get("sha256") == digest for fact in cases.attached(case)):
        return case, digest
    return cases.attach(
        desk.db, desk.actor, case.id, file.getvalue(), name=file.name, kind=kind, revision=case.revision, now=now()
    )


def _camera(case: Case, photo: object) -> dict[str, object]:
    """Where the camera says that it was, if it says so."""
    facts = [fact for fact in cases.attached(case) if fact.data.get("sha256") == photo and fact.data.get("gps")]
    return {"gps": facts[-1].data["gps"]} if facts else {}


def told(text: str) -> None:
    """Keep a sentence for the next time the page is drawn."""
    st.session_state[TOLD] = text


def tell() -> None:
    """Say what was kept, once."""
    if text := st.session_state.pop(TOLD, None):
        st.toast(text, icon=":material/check:")
