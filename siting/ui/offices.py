"""What administrators and the auditor work with: accounts, organisations, the journal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
import streamlit as st

from siting import access, words
from siting.actions import audit, journal, orgs, people
from siting.ui import parts
from siting.ui.session import Desk, now
from siting.ui.text import UNKNOWN, md, t

TOLD = "admin.told"
ROLES = tuple(role for role in access.ROLES if role not in access.RESERVED)
EDIT = "user.edit"


def role(name: str) -> str:
    """A role in words."""
    return t(f"people.role.{name}")


def listing(frame: pd.DataFrame) -> pd.DataFrame:
    """Accounts in words."""
    made = t("ui.admin.demonstration")
    return pd.DataFrame(
        {
            t("ui.admin.account"): [
                f"{n} ({made})" if d else n for n, d in zip(frame["name"], frame["demonstration"], strict=True)
            ],
            t("ui.admin.org"): frame["org"],
            t("ui.admin.roles"): ["、".join(map(role, roles)) or UNKNOWN for roles in frame["roles"]],
            t("ui.admin.state"): [t(f"people.state.{state}") for state in frame["state"]],
            t("ui.admin.last_seen"): [minute(at) for at in frame["last_seen"]],
            t("ui.admin.open"): frame["open"],
        }
    )


def organisations(frame: pd.DataFrame) -> pd.DataFrame:
    """Organisations in words."""
    return pd.DataFrame(
        {
            t("ui.admin.org"): frame["name"],
            t("ui.admin.kind"): [t(f"people.kind.{kind}") for kind in frame["kind"]],
            t("ui.admin.operator"): [t(f"ui.operator.{code}") if code else "" for code in frame["operator"]],
            t("ui.admin.streets"): ["、".join(streets) for streets in frame["streets"]],
        }
    )


def edits(desk: Desk) -> bool:
    """Whether this person may add and change accounts."""
    return desk.may(EDIT)


def told() -> None:
    """What the last act did; a password stands there once, until the next rerun."""
    done = st.session_state.pop(TOLD, None)
    if done is None:
        return
    text, password = done
    st.success(text, icon=":material/check:")
    if password:
        st.code(password, language=None)


def add_form(desk: Desk) -> None:
    """The form for a new account; its one-time password is shown once."""
    with st.form("admin.add", clear_on_submit=True):
        name = st.text_input(t("ui.admin.account"), key="admin.name")
        roles = _roles(desk)
        known = sorted(people.organisations(desk.db, desk.actor)["name"])
        org = st.selectbox(t("ui.admin.org"), known, index=None, key="admin.org", accept_new_options=True)
        kind = st.selectbox(
            t("ui.admin.kind"),
            orgs.KINDS,
            index=None,
            key="admin.kind",
            format_func=lambda k: t(f"people.kind.{k}"),
            placeholder=t("ui.admin.kind_auto"),
        )
        if st.form_submit_button(t("ui.admin.add"), type="primary"):
            with parts.told():
                account, password = people.add_account(
                    desk.db, desk.actor, name=name.strip(), roles=roles, org=org or "", kind=kind, now=now()
                )
                _tell("ui.admin.password_once", password=password, name=account.name)


def acts(desk: Desk, row: Mapping[str, object]) -> None:
    """What can be done with one account; controls that the role lacks are absent."""
    name = str(row["name"])
    st.markdown(f"**{md(name)}** · {md(row['org'])}")
    if edits(desk):
        with st.container(horizontal=True):
            _act_buttons(desk, name, disabled=row["state"] == "disabled")
    if not people.grants(desk.db, desk.actor):
        st.caption(t("ui.admin.roles_elsewhere"))
        return
    held = [r for r in ROLES if r in tuple(row["roles"])]  # type: ignore[arg-type]
    chosen = st.multiselect(
        t("ui.admin.roles"),
        ROLES,
        default=held,
        key=f"admin.roles.{name}",
        placeholder=UNKNOWN,
        select_all=False,
        format_func=role,
    )
    if st.button(t("ui.admin.set_roles"), key="admin.set_roles", disabled=chosen == held):
        with parts.told():
            people.set_roles(desk.db, desk.actor, name, chosen, now=now())
            _tell("ui.admin.done.roles", name=name, roles="、".join(map(role, chosen)) or UNKNOWN)


def _roles(desk: Desk) -> list[str]:
    """The roles of a new account; none from who may not grant them, which the form says."""
    if people.grants(desk.db, desk.actor):
        return st.multiselect(
            t("ui.admin.roles"), ROLES, key="admin.roles", placeholder=UNKNOWN, select_all=False, format_func=role
        )
    st.caption(t("ui.admin.roles_elsewhere"))
    return []


def _act_buttons(desk: Desk, name: str, *, disabled: bool) -> None:
    if st.button(t("ui.admin.reset"), key="admin.reset", icon=":material/key:"):
        with parts.told():
            password = people.reset_password(desk.db, desk.actor, name, now=now())
            _tell("ui.admin.password_once", password=password, name=name)
    turn = "enable" if disabled else "disable"
    if st.button(t(f"ui.admin.{turn}"), key="admin.able", icon=":material/block:"):
        with parts.told():
            people.set_disabled(desk.db, desk.actor, name, not disabled, now=now())
            _tell(f"ui.admin.done.{turn}d", name=name)
    if st.button(t("ui.admin.end"), key="admin.end", icon=":material/logout:"):
        with parts.told():
            ended = people.end_sessions(desk.db, desk.actor, name, now=now())
            _tell("ui.admin.done.ended", name=name, n=ended)


def events(desk: Desk, which: str) -> pd.DataFrame:
    """The latest events: roles and kinds in words, the content as it was recorded."""
    found = audit.events(desk.db, desk.actor, which)
    columns = ("at", "actor", "org", "role", "kind", "stream", "payload")
    frame = pd.DataFrame(found, columns=list(columns))
    frame = frame.assign(
        at=[minute(at, seconds=True) for at in frame["at"]],
        role=[_role(name) for name in frame["role"]],
        kind=[_event(kind) for kind in frame["kind"]],
    )
    return frame.rename(columns={name: t(f"ui.journal.{name}") for name in columns})


def checked(desk: Desk) -> None:
    """The outcome of checking everything that was recorded."""
    with parts.told():
        found = journal.report(desk.db, desk.actor)
        if found.whole:
            said = t("ui.journal.whole", streams=found.streams, cases=found.cases, events=found.events)
            st.success(said, icon=":material/verified:")
            return
        st.error(t("ui.journal.broken", n=len(found.flaws)), icon=":material/gpp_bad:")
        st.table(pd.DataFrame({t("ui.journal.flaw"): [md(journal.said(f, lang=desk.lang)) for f in found.flaws]}))


def kinds() -> Sequence[str]:
    """Of what there are events."""
    return audit.KINDS


def minute(at: object, *, seconds: bool = False) -> str:
    """Day and time of a stamp; empty if never."""
    return str(at or "")[: 19 if seconds else 16].replace("T", " ")


def _role(name: str) -> str:
    return role(name) if name in access.ROLES else name


def _event(kind: str) -> str:
    """What happened in words: an act of the journal or a move of a case; one without words stays as recorded."""
    keys = (f"ui.journal.event.{kind}", f"move.{kind}")
    return next((t(key) for key in keys if words.has(key)), kind)


def _tell(key: str, *, password: str = "", **values: object) -> None:
    """Say it on the page as it will look after the act."""
    st.session_state[TOLD] = (t(key, **{name: md(value) for name, value in values.items()}), password)
    st.rerun()
