"""Weights of the score as sliders: candidates ranked anew while somebody moves them, and kept under a name."""

from __future__ import annotations

import hashlib
from typing import Any

import geopandas as gpd
import pandas as pd
import streamlit as st

from siting.actions import permission, weights
from siting.plan import score, tables
from siting.ui import parts, scorebars
from siting.ui.cached import kept
from siting.ui.session import Desk, now
from siting.ui.text import md, number, t

KEY = "weights"
#: The weights by which a score run ranked, before anything was moved.
OF_RUN = ""
MOST = 50.0
TOP = 10
ENDS = ("zero", "full")
#: In the session: what was said of the profile just kept, and its name.
SAVED = f"{KEY}.saved"


def panel(desk: Desk, score_run: str) -> pd.DataFrame | None:
    """The sliders behind one button.

    Parameters
    ----------
    desk : Desk
        For whom.
    score_run : str
        The score run whose candidates are ranked.

    Returns
    -------
    DataFrame or None
        Its scored candidates by the weights set, best first; None while nothing differs from the run.
    """
    own = kept(desk, f"{KEY}.own", score_run, lambda: weights.of_run(desk.db, desk.actor, score_run))
    _prepare(own, score_run)
    saved = st.session_state.pop(SAVED, None)
    if saved is not None:
        st.session_state[f"{KEY}.profile"] = saved[0]
        st.toast(saved[1], icon=":material/check:")
    with st.popover(t("score.weights"), icon=":material/tune:"):
        if saved is not None:
            st.success(saved[1], icon=":material/check:")
        names = weights.profiles(desk.db, desk.actor)["name"].tolist()
        _choice(desk, own, names)
        wanted = _sliders(own)
        found = None if same(wanted, own) else _ranked(desk, score_run, wanted)
        _effect(desk, score_run, found)
        if desk.may(weights.PERMISSION):
            _save(desk, wanted, names)
    return found


def wanted(desk: Desk, score_run: str) -> pd.DataFrame:
    """The weights as the sliders stand, those of the run where they were never moved."""
    own = kept(desk, f"{KEY}.own", score_run, lambda: weights.of_run(desk.db, desk.actor, score_run))
    return _set(own) if st.session_state.get(f"{KEY}.run") == score_run else own


def applied(found: gpd.GeoDataFrame, ranked: pd.DataFrame | None) -> gpd.GeoDataFrame:
    """All candidates with score and rank of `panel` in place of the run's; best first, those without a rank last."""
    if ranked is None:
        return found
    marks = [name for name in map(str, ranked) if name.startswith(scorebars.POINTS) or name in score.MARKS]
    bare = found.drop(columns=[name for name in marks if name in found])
    joined = bare.merge(ranked[["option_id", *marks]], on="option_id", how="left", sort=False)
    return gpd.GeoDataFrame(joined, geometry="geometry", crs=found.crs).sort_values("rank", ignore_index=True)


def same(one: pd.DataFrame, other: pd.DataFrame) -> bool:
    """Whether two profiles score alike."""
    columns = ["part", *weights.NUMBERS]
    return bool(
        one[columns].reset_index(drop=True).equals(other[columns].astype(one[columns].dtypes).reset_index(drop=True))
    )


def version(profile: pd.DataFrame) -> str:
    """Name of a profile's numbers, for what is kept of it."""
    text = profile[["part", *weights.NUMBERS]].to_csv(index=False)
    return hashlib.blake2b(text.encode(), digest_size=6).hexdigest()


def _prepare(own: pd.DataFrame, score_run: str) -> None:
    """Sliders begin at the weights of the run shown."""
    if st.session_state.get(f"{KEY}.run") != score_run:
        st.session_state[f"{KEY}.run"] = score_run
        st.session_state[f"{KEY}.profile"] = OF_RUN
        _load(own)


def _load(profile: pd.DataFrame) -> None:
    """Put the sliders where a profile has them."""
    st.session_state[f"{KEY}.ends"] = profile[["part", *ENDS]].astype(dict.fromkeys(ENDS, float))
    for part, weight in zip(profile["part"], profile["weight"], strict=True):
        st.session_state[f"{KEY}.part.{part}"] = float(weight)


def _choice(desk: Desk, own: pd.DataFrame, names: list[str]) -> None:
    """Which profile the sliders begin at, and the way back to it."""

    def load() -> None:
        name = st.session_state[f"{KEY}.profile"]
        _load(own if name == OF_RUN else weights.read(desk.db, desk.actor, name))

    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        st.selectbox(
            t("score.profile"),
            [OF_RUN, *names],
            key=f"{KEY}.profile",
            on_change=load,
            format_func=lambda name: t("score.profile_run") if name == OF_RUN else _named(name),
        )
        st.button(t("score.reset"), key=f"{KEY}.reset", on_click=load, icon=":material/undo:")


def _named(name: str) -> str:
    return t("score.profile_default") if name == weights.DEFAULT else name


def _sliders(own: pd.DataFrame) -> pd.DataFrame:
    """One slider per part with its unit and ends; below them the ends to be edited."""
    if (own["mark"] == weights.UNVERIFIED).any():
        st.caption(t("score.unverified"))
    columns = st.columns(2, gap="medium")
    ends = st.session_state[f"{KEY}.ends"]
    for at, (part, zero, full) in enumerate(ends[["part", *ENDS]].itertuples(index=False, name=None)):
        with columns[at % 2]:
            st.slider(_label(part, zero, full), 0.0, MOST, step=1.0, key=f"{KEY}.part.{part}", format="%.0f")
    with st.expander(t("score.ends")):
        _ends(ends)
    return _set(own)


def _label(part: str, zero: float, full: float) -> str:
    unit = tables.weights().set_index("part")["unit"][part]
    ends = f"{number(zero, digits=_digits(zero))} → {number(full, digits=_digits(full))}"
    return md(t("score.slider", part=t(f"score.part.{part}"), ends=ends, unit=t(f"score.unit.{unit}")))


def _digits(value: float) -> int:
    return 0 if float(value).is_integer() else 2


def _ends(ends: pd.DataFrame) -> None:
    """The values at which a part counts nothing and in full."""
    shown = pd.DataFrame(
        {
            t("score.part"): [t(f"score.part.{part}") for part in ends["part"]],
            t("score.zero"): ends["zero"],
            t("score.full"): ends["full"],
        }
    )
    with st.form(f"{KEY}.ends.form", border=False):
        edited = st.data_editor(
            shown, hide_index=True, disabled=[t("score.part")], key=f"{KEY}.ends.{version_of(ends)}"
        )
        if st.form_submit_button(t("score.ends_use")):
            values = {name: edited[t(f"score.{name}")].to_numpy(float) for name in ENDS}
            st.session_state[f"{KEY}.ends"] = ends.assign(**values)
            st.rerun()


def version_of(ends: pd.DataFrame) -> str:
    """Name of the ends shown, so that an editor begins anew when others are loaded."""
    return hashlib.blake2b(ends.to_csv(index=False).encode(), digest_size=4).hexdigest()


def _set(own: pd.DataFrame) -> pd.DataFrame:
    """The profile as sliders and ends stand."""
    ends = st.session_state[f"{KEY}.ends"].set_index("part")
    numbers: dict[str, Any] = {name: own["part"].map(ends[name]) for name in ENDS}
    weight = [float(st.session_state.get(f"{KEY}.part.{part}", 0.0)) for part in own["part"]]
    return own.assign(**numbers, weight=weight)


def _ranked(desk: Desk, score_run: str, wanted: pd.DataFrame) -> pd.DataFrame | None:
    """The candidates by these weights; what makes no score is told."""
    learnt = permission.version(desk.db, desk.actor)
    with parts.told():
        score.checked(wanted)
        return kept(
            desk,
            f"{KEY}.{version(wanted)}",
            f"{score_run}.{learnt}",
            lambda: weights.rescored(desk.db, desk.actor, score_run, wanted),
        )
    return None


def _effect(desk: Desk, score_run: str, found: pd.DataFrame | None) -> None:
    """How far the first ten are others than by the run's own weights."""
    if found is None:
        return
    learnt = permission.version(desk.db, desk.actor)
    before = kept(
        desk, f"{KEY}.before", f"{score_run}.{learnt}", lambda: weights.rescored(desk.db, desk.actor, score_run)
    )
    first = set(found["option_id"].head(TOP)) - set(before["option_id"].head(TOP))
    st.markdown(t("score.effect", n=len(first), top=min(TOP, len(found)), best=md(found["name"].iloc[0])))


def _save(desk: Desk, wanted: pd.DataFrame, names: list[str]) -> None:
    """Keep the weights under a name, with the reason."""
    chosen = st.session_state[f"{KEY}.profile"]
    with st.form(f"{KEY}.save", border=False):
        name = st.text_input(t("score.save_name"), value="" if chosen == OF_RUN else chosen, max_chars=weights.LONGEST)
        reason = st.text_input(t("score.save_reason"))
        pressed = st.form_submit_button(t("score.save"), icon=":material/save:")
    if not pressed:
        return
    with parts.told():
        done = weights.save(desk.db, desk.actor, name, wanted, reason=reason, now=now())
        key = "score.saved_over" if done.name in names else "score.saved"
        st.session_state[SAVED] = (done.name, t(key, name=md(_named(done.name)), edition=done.edition))
        st.rerun()
