"""The controls that choose what to compute; their values are in the address of the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from siting import words
from siting.actions import coverage, radiotables
from siting.actions import layers as layer_actions
from siting.ui.session import Desk
from siting.ui.text import UNKNOWN, t

CELLS_M = (10.0, 20.0, 5.0)


def network_words(desk: Desk, name: str) -> str:
    """A network by its operators, band and frequency; an unknown one by its name."""
    row = radiotables.networks(desk.db).get(name)
    if row is None:
        return name
    operators = "·".join(t(f"ui.operator.{o}") for o in row.operators)
    return t("ui.network", operators=operators, band=row.band, frequency_mhz=f"{1000 * row.frequency_ghz:.0f}")


def threshold_words(desk: Desk, name: str) -> str:
    """The level of a threshold profile in short; an unknown one by its name."""
    row = radiotables.thresholds(desk.db).get(name)
    return name if row is None else t("ui.badge.threshold", rsrp_dbm=f"{row.rsrp_dbm:g}")


def profile_words(desk: Desk, name: str) -> str:
    """A threshold profile by its levels; an unknown one by its name."""
    row = radiotables.thresholds(desk.db).get(name)
    if row is None:
        return name
    values = {
        "name": t(f"ui.profile.{name}") if words.has(f"ui.profile.{name}") else name,
        "rsrp_dbm": f"{row.rsrp_dbm:g}",
        "share": f"{row.cell_probability:.0%}",
    }
    if row.sinr_db is None:
        return t("ui.choice.profile_row", **values)
    return t("ui.choice.profile_sinr", **values, sinr_db=f"{row.sinr_db:g}")


def network(desk: Desk, *, key: str) -> str:
    """A network that is in use, with band and operators; an operator chooses among its own."""
    terms = _own_networks(desk)
    return _choice(t("ui.choice.network"), list(terms), desk.settings.text("coverage.network"), key, terms)


def networks(desk: Desk, *, key: str) -> list[str]:
    """Networks that are in use, the first chosen first: it is the one that planning rests on; at least one."""
    terms = _own_networks(desk)
    default = [n for n in (desk.settings.text("coverage.network"), *terms) if n in terms][:1]
    chosen = st.multiselect(
        t("ui.choice.networks"),
        list(terms),
        default=asked(key, list(terms)) or default,
        key=key,
        on_change=remember,
        args=(key,),
        help=t("ui.choice.networks_help"),
        placeholder=UNKNOWN,
        select_all=False,
        format_func=lambda name: terms[name],
    )
    return [str(name) for name in chosen] or default


def _own_networks(desk: Desk) -> dict[str, str]:
    """Networks in use that this person may compute, those with sectors on the map first."""
    own, rows = desk.actor.operator, radiotables.networks(desk.db)
    names = [n for n, row in rows.items() if row.active and own in ("", *row.operators)]
    present = set(layer_actions.counts_by(desk.db, desk.actor, "sectors", "network")["network"])
    return {n: network_words(desk, n) for n in sorted(names, key=lambda name: name not in present)}


def one(label: str, terms: Mapping[str, str], *, key: str) -> str:
    """One of a few by its words, the first unless the address of the page says another."""
    return _choice(label, list(terms), next(iter(terms)), key, dict(terms))


def profile(desk: Desk, *, key: str) -> str:
    """A threshold profile, with its level."""
    active = [name for name, row in radiotables.thresholds(desk.db).items() if row.active]
    terms = {name: profile_words(desk, name) for name in active}
    return _choice(t("ui.choice.profile"), list(terms), desk.settings.text("coverage.profile"), key, terms)


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


def segments(label: str, terms: Mapping[str, str], *, key: str, hidden: bool = False) -> str:
    """One of a few, as a row of buttons; the first unless the address of the page says another.

    The address holds the code, not its words: a link works in every language.

    Parameters
    ----------
    label : str
        Title.
    terms : mapping
        Words by code.
    key : str
        Name in the address.
    hidden : bool
        Whether the title is left to screen readers.
    """
    options = list(terms)
    first = asked(key, options)[0] if asked(key, options) else options[0]
    chosen = st.segmented_control(
        label,
        options,
        default=None if key in st.session_state else first,  # what the session holds was chosen already
        required=True,
        key=key,
        on_change=remember,
        args=(key, options[0]),
        format_func=lambda name: terms[name],
        label_visibility="collapsed" if hidden else "visible",
    )
    return str(chosen)


def several(label: str, terms: Mapping[str, str], *, key: str, placeholder: str, hidden: bool = False) -> list[str]:
    """Any number of many, in the address by their codes."""
    return st.multiselect(
        label,
        list(terms),
        default=asked(key, list(terms)),
        key=key,
        on_change=remember,
        args=(key,),
        placeholder=placeholder,
        select_all=False,
        format_func=lambda name: terms[name],
        label_visibility="collapsed" if hidden else "visible",
    )


def asked(key: str, options: Sequence[str]) -> list[str]:
    """The codes that the page's address asks for under a name; whatever is not among the options is passed over."""
    return [name for name in st.query_params.get_all(key) if name in options]


def remember(key: str, default: str | None = None) -> None:
    """Put a choice into the page's address; the one that needs no mention is left out."""
    chosen = st.session_state[key]
    if chosen and chosen != default:
        st.query_params[key] = chosen
    else:
        st.query_params.pop(key, None)


def _choice(label: str, options: list[str], default: str, key: str, terms: dict[str, str]) -> str:
    first = [*asked(key, options), default, *options]
    index = next(options.index(name) for name in first if name in options)
    chosen = st.selectbox(
        label,
        options,
        index=index,
        key=key,
        on_change=remember,
        args=(key,),
        format_func=lambda name: terms[name],
    )
    return str(chosen)
