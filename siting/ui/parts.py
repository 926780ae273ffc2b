"""The pieces that every page is put together from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pandas as pd
import streamlit as st
from PIL import Image, ImageDraw

from siting import words
from siting.errors import SitingError
from siting.maps import styles
from siting.ui import dates, navigation, session
from siting.ui.session import Desk
from siting.ui.text import UNKNOWN, language, md, t

CSS = Path(__file__).with_name("page.css")
TABLE_HEIGHT_PX = 330
ICON_PX = 32


@dataclass(frozen=True)
class Card:
    """One figure with its name; `note` says what kind of figure it is (share, denominator, modelled)."""

    label: str
    value: str
    note: str = ""


@dataclass(frozen=True)
class Badge:
    """A short mark beside the title."""

    text: str
    colour: str = "gray"


def frame(title: str) -> None:
    """Settings of every page, with our own density over Streamlit's: less air, more rows."""
    st.set_page_config(page_title=title, page_icon=_icon(), layout="wide", initial_sidebar_state="collapsed")
    with st.container(key="siting-style"):
        _style(language())(key="siting.style")


@cache
def _style(lang: str) -> Callable[..., object]:
    """Our style sheet as a component of its own; one per language, for the words that stand in it."""
    css = CSS.read_text(encoding="utf-8").replace("UPLOAD", words.say("ui.frame.upload", lang=lang))
    return st.components.v2.component(f"siting_style_{lang}", css=css, isolate_styles=False)


def header(desk: Desk, page: str, *, badges: Sequence[Badge] = ()) -> None:
    """District, page title, data date and what kind of data this is, on one line.

    Parameters
    ----------
    desk : Desk
        Whose district.
    page : str
        Name of the page, as in the table of pages.
    badges : sequence of Badge
        Further marks, e.g. 未校准.
    """
    settings = desk.settings
    own = [Badge(dates.dated(desk))] if desk.may("asset.read") else []
    if settings.flag("district.synthetic"):
        own.append(Badge(t("ui.badge.synthetic"), "orange"))
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"#### {md(settings.name)} · {t(f'ui.page.{page}')}", width="content")
        for badge in (*own, *badges):
            st.badge(md(badge.text), color=badge.colour)  # type: ignore[arg-type]


def cards(items: Sequence[Card]) -> None:
    """Figures in one row; on a phone two beside each other."""
    with st.container(horizontal=True, gap="small", key="siting-cards"):
        for card in items:
            st.metric(card.label, card.value, card.note or None, delta_color="off", delta_arrow="off", border=True)


def facts(rows: Mapping[str, object]) -> None:
    """Names and values of one thing; unknown is shown as unknown."""
    shown = [UNKNOWN if value is None or value != value or value == "" else md(value) for value in rows.values()]  # noqa: PLR0124 - NaN
    st.table(
        pd.DataFrame({t("ui.table.value"): shown}, index=[md(name) for name in rows]),
        border="horizontal",
        hide_header=True,
    )


def link(desk: Desk, page: str, label: str, *, icon: str) -> None:
    """A link to another page, for who may open it."""
    if navigation.opens(desk.actor, page):
        st.page_link(f"pages/{page}.py", label=label, icon=icon)


def empty(key: str, **values: object) -> None:
    """What a page says when there is nothing yet: one sentence with the one useful action."""
    st.info(t(key, **values), icon=":material/info:")


@contextmanager
def told() -> Iterator[None]:
    """Refusals meant for people appear on the page in their language; everything else goes on to the page frame."""
    try:
        yield
    except SitingError as error:
        if error.key == session.ENDED:
            session.leave()
        st.error(md(error.message(language())), icon=":material/error:")


def findings(rows: Sequence[Mapping[str, object]], *, key: str) -> None:
    """Findings about data, the gravest first and of these the ones about the whole file, with a choice of severity."""
    if not rows:
        st.success(t("ui.findings.none"), icon=":material/check:")
        return
    order = ["error", "warning", "info"]
    frame = pd.DataFrame(list(rows))
    present = [severity for severity in order if (frame["severity"] == severity).any()]
    chosen = st.pills(
        t("ui.findings.severity"),
        present,
        selection_mode="multi",
        default=present,
        key=f"{key}.severity",
        format_func=lambda s: t(f"ui.findings.{s}", n=int((frame["severity"] == s).sum())),
        label_visibility="collapsed",
    )
    kept = frame[frame["severity"].isin(chosen)]
    rank = kept["severity"].map(order.index) * 2 + kept["row"].notna()
    kept = kept.loc[rank.sort_values(kind="stable").index]
    columns = {
        name: t(f"ui.findings.column.{name}") for name in ("row", "column", "severity", "value", "message", "remedy")
    }
    kept = kept.assign(severity=[t(f"ui.severity.{s}") for s in kept["severity"]])
    st.dataframe(
        kept[list(columns)].rename(columns=columns),
        hide_index=True,
        placeholder=UNKNOWN,
        height=min(TABLE_HEIGHT_PX, 40 + 35 * len(kept)),
    )


def download(label: str, name: str, data: bytes, *, key: str, mime: str = "application/octet-stream") -> None:
    """A button that hands out a file without rerunning the page."""
    st.download_button(label, data, name, mime, key=key, on_click="ignore", icon=":material/download:")


@cache
def _icon() -> Image.Image:
    """The icon of the browser's tab, drawn here: a named one would be fetched from the internet."""
    image = Image.new("RGBA", (ICON_PX, ICON_PX), (0, 0, 0, 0))
    pen = ImageDraw.Draw(image)
    pen.ellipse((2, 2, ICON_PX - 3, ICON_PX - 3), fill=styles.family("network")["n41"].fill)
    pen.polygon([(16, 7), (24, 24), (8, 24)], fill="#FFFFFF")
    return image
