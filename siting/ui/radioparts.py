"""What the views of the radio tables share: words of columns and marks, and what came of the last edit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import streamlit as st

from siting import words
from siting.actions.radiotables import Outcome
from siting.findings import Findings
from siting.radio.network import MARKS
from siting.ui import fields, parts
from siting.ui.session import Desk
from siting.ui.text import md, t

DONE = "radiotable.done"
# Columns whose codes have words of their own, and those whose words stand in a vocabulary of another name.
WORDED: Mapping[str, tuple[str, ...]] = {"height_from": ("mount", "height", "new"), "cost_basis": ("yuan", "relative")}
VOCABULARIES: Mapping[str, str] = {"host_class": "asset_class", "class": "asset_class"}


def heading(name: str) -> str:
    """A column in words; one without a word by its code."""
    key = f"radiotable.column.{name}"
    return t(key) if words.has(key) else name


def words_of(name: str) -> Mapping[str, str]:
    """Words of the codes of a column."""
    if name == "mark":
        return {code: t(f"radiotable.mark.{code}") for code in MARKS}
    if name == "operators":
        return {code: t(f"ui.operator.{code}") for code in fields.terms("operator")}
    if name == "scope":
        return {"all": t("radiotable.scope.all")}
    if name in WORDED:
        return {code: t(f"radiotable.word.{name}.{code}") for code in WORDED[name]}
    return fields.terms(VOCABULARIES.get(name, name))


def marked(marks: Iterable[str]) -> list[str]:
    """Marks in words."""
    known = words_of("mark")
    return [known.get(mark, mark) for mark in marks]


def stamp(at: str) -> str:
    """A stored time to the minute."""
    return at[:16].replace("T", " ")


def finish(outcome: Outcome) -> None:
    """Keep what came of an edit for `said`; after a change the page begins anew, so that its table shows it."""
    st.session_state[DONE] = outcome
    if outcome.changed:
        st.rerun()


def said(desk: Desk) -> None:
    """What came of the last edit, once."""
    outcome = st.session_state.pop(DONE, None)
    if outcome is None:
        return
    if outcome.changed:
        names = "、".join(md(name) for name in outcome.changed)
        st.success(t("radiotable.saved", names=names), icon=":material/check_circle:")
    elif not outcome.findings:
        st.info(t("radiotable.same"), icon=":material/info:")
    if outcome.findings:
        parts.findings(rows_of(outcome.findings, lang=desk.lang), key="radiotable.findings")


def rows_of(findings: Findings, *, lang: str) -> list[dict[str, object]]:
    """Findings as rows, columns under the headings that the person sees."""
    return [{**row, "column": heading(str(row["column"])) if row["column"] else ""} for row in findings.rows(lang=lang)]
