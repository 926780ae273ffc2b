"""The controls that choose what to compute; their values are in the address of the page."""

from __future__ import annotations

import streamlit as st

from siting.actions import coverage
from siting.ui.session import Desk
from siting.ui.text import t

CELLS_M = (10.0, 20.0, 5.0)


def network(desk: Desk, *, key: str) -> str:
    """A network that is in use, with band and operators."""
    known = {name: row for name, row in coverage.networks().items() if row.active}
    terms = {name: " · ".join((name, *(t(f"ui.operator.{o}") for o in row.operators))) for name, row in known.items()}
    return _choice(t("ui.choice.network"), list(known), desk.settings.text("coverage.network"), key, terms)


def profile(desk: Desk, *, key: str) -> str:
    """A threshold profile, with its level."""
    known = coverage.profiles()
    terms = {
        name: t("ui.choice.profile_row", name=name, rsrp_dbm=f"{row.rsrp_dbm:g}", share=f"{row.cell_probability:.0%}")
        for name, row in known.items()
    }
    return _choice(t("ui.choice.profile"), list(known), desk.settings.text("coverage.profile"), key, terms)


def mix(desk: Desk, *, key: str) -> str:
    """Night or day."""
    terms = {name: t(f"ui.mix.{name}") for name in coverage.MIXES}
    return _choice(t("ui.choice.mix"), list(terms), desk.settings.text("coverage.mix"), key, terms)


def cell_m(desk: Desk, *, key: str) -> float:
    """Side of a map cell [m]."""
    default = desk.settings.number("coverage.cell_m")
    options = sorted({default, *CELLS_M})
    terms = {f"{value:g}": t("ui.choice.cell_row", cell_m=f"{value:g}") for value in options}
    return float(_choice(t("ui.choice.cell"), list(terms), f"{default:g}", key, terms))


def _choice(label: str, options: list[str], default: str, key: str, terms: dict[str, str]) -> str:
    index = options.index(default) if default in options else 0
    chosen = st.selectbox(
        label, options, index=index, key=key, bind="query-params", format_func=lambda name: terms[name]
    )
    return str(chosen)
