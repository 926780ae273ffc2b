"""The public sheet on fields: one page in plain words, as docx."""

from __future__ import annotations

import io
import unicodedata
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from docx import Document
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml.ns import qn
from docx.shared import Cm, Pt

from siting import words

FONT = "宋体"
TEXT_PT, TITLE_PT = 10.5, 16.0
# Sizes of text, the largest first, until the sheet fits its page.
SIZES_PT = (10.5, 10.0, 9.5, 9.0, 8.5)
HEAD_PT, LINE, LATIN = 1.0, 1.35, 0.55
OTHER_LINES, AFTER_PT, PT_PER_CM = 16.0, 2.0, 72.0 / 2.54
MARGIN_CM, SIDE_CM = 1.8, 2.0
PAGE_CM = (21.0, 29.7)
# What keeps the sheet on one page whatever a district's names are.
MOST_LETTERS, MOST_UNITS, MOST_REASONS = 40, 4, 4
LEAST_SHARE, MULTIPLE = 1e-3, 10.0
RESULT = "emf.sheet.head.result"
BLANKS: Mapping[str, str] = MappingProxyType({"contact": "emf.sheet.no_contact", "published": "emf.sheet.no_published"})


def sheet(facts: Mapping[str, Any], *, number: str, on: str, lang: str = "zh_CN") -> bytes:
    """A sheet as docx.

    Parameters
    ----------
    facts : mapping
        What it says: ``title, no, street_office, district, operators, equipment, height_m, verdict, worst, factored, along,
        reasons, advisories, others, roof_closed, unverified, contact, published, synthetic``; numbers as texts.
    number, on : str
        Number of the sheet and day on which it was given out.
    lang : str
        ``zh_CN`` or ``en``.

    Returns
    -------
    bytes
        One page A4.
    """
    document, sections = Document(), _sections(facts, lang)
    text_pt = _fitting_pt([text for head, lines in sections for text in (head, *lines)])
    _page(document, text_pt)
    document.core_properties.title = f"{words.say('emf.sheet.title', lang=lang)} {number}"
    document.core_properties.author = _line(facts["district"])
    _paragraph(document, words.say("emf.sheet.title", lang=lang), size_pt=TITLE_PT, bold=True, centre=True)
    _paragraph(
        document, _say(lang, "emf.sheet.number", number=number, on=on, district=_line(facts["district"])), centre=True
    )
    if facts["synthetic"]:
        _paragraph(document, words.say("emf.sheet.synthetic", lang=lang), bold=True, centre=True)
    for head, lines in sections:
        _paragraph(document, head, size_pt=text_pt + HEAD_PT, bold=True, before_pt=4.0)
        for at, text in enumerate(lines):
            _paragraph(document, text, size_pt=text_pt, bold=at == 0 and head == words.say(RESULT, lang=lang))
        if head == words.say("emf.sheet.head.distances", lang=lang):
            _table(document, facts["along"], lang)
    _paragraph(document, words.say("emf.sheet.nature", lang=lang), size_pt=text_pt, before_pt=6.0)
    buffer = io.BytesIO()
    document.save(buffer)
    return buffer.getvalue()


def _sections(facts: Mapping[str, Any], lang: str) -> list[tuple[str, list[str]]]:
    """Headings with their lines, in order."""
    parts = {
        "what": _what(facts, lang),
        "result": _result(facts, lang),
        "assumptions": _assumptions(facts, lang),
        "distances": [words.say("emf.sheet.distances", lang=lang)],
        "advice": [advice(line, lang=lang) for line in facts["advisories"]],
        "measuring": [_say(lang, "emf.sheet.measuring"), _open("published", facts, lang)],
        "asking": [_open("contact", facts, lang)],
    }
    return [(words.say(f"emf.sheet.head.{name}", lang=lang), lines) for name, lines in parts.items() if lines]


def _what(facts: Mapping[str, Any], lang: str) -> list[str]:
    named = _say(
        lang,
        "emf.sheet.site",
        title=_line(facts["title"]),
        no=_line(facts["no"]),
        street_office=_line(facts["street_office"]),
        operators=_join(lang, [words.say(f"ui.operator.{code}", lang=lang) for code in facts["operators"]]),
    )
    title = "title_zh" if lang == "zh_CN" else "title_en"
    units = [
        _say(lang, "emf.sheet.unit", title=_line(u[title]), sectors=u["sectors"], mhz=u["mhz"], power_w=u["power_w"])
        for u in facts["equipment"][:MOST_UNITS]
    ]
    return [named, *units, _say(lang, "emf.sheet.height", height_m=facts["height_m"])]


def _result(facts: Mapping[str, Any], lang: str) -> list[str]:
    # Sheets of before tell neither whence an excess comes nor what the site makes alone.
    found = [conclusion(facts["verdict"], facts.get("excess", ""), lang=lang)]
    limits = {u["mhz"]: u for u in facts["equipment"]}
    found.append(
        _say(
            lang,
            "emf.sheet.limits",
            limits=_join(
                lang, [_say(lang, "emf.sheet.limit", mhz=m, e=u["limit_e"], s=u["limit_s"]) for m, u in limits.items()]
            ),
        )
    )
    if facts["worst"]:
        found.append(highest(facts["worst"], facts["factored"], others=facts["others"], lang=lang))
    codes = list(facts["reasons"])[:MOST_REASONS] if facts["verdict"] == "needs_assessment" else []
    if codes:
        found.append(
            _say(
                lang,
                "emf.sheet.open",
                reasons=_join(lang, [words.say(f"emf.why.{c}", lang=lang) for c in codes], strong=True),
            )
        )
    return found


def _assumptions(facts: Mapping[str, Any], lang: str) -> list[str]:
    others = "emf.sheet.others" if facts["others"] else "emf.sheet.new_only"
    closed = [words.say("emf.sheet.roof_closed", lang=lang)] if facts["roof_closed"] else []
    open_ = [words.say("emf.sheet.unverified", lang=lang)] if facts["unverified"] else []
    said = [words.say("emf.sheet.assumptions", lang=lang), words.say(others, lang=lang), *closed, *open_]
    return [("" if lang == "zh_CN" else " ").join(said)]


def _open(name: str, facts: Mapping[str, Any], lang: str) -> str:
    """Contact or place of publication; what nobody has entered is asked for, not left out."""
    given = _line(facts[name], most=2 * MOST_LETTERS)
    return _say(lang, f"emf.sheet.{name}", text=given) if given else words.say(BLANKS[name], lang=lang)


def conclusion(verdict: str, excess: str, *, lang: str) -> str:
    """The verdict in words.

    Parameters
    ----------
    verdict : str
        One of `siting.radio.emf.VERDICTS`.
    excess : str
        Whence a share above the limit comes: ``own``, ``sum`` with transmitters already there, or empty.
    lang : str
        ``zh_CN`` or ``en``.
    """
    name = "exceeds_together" if (verdict, excess) == ("exceeds_precheck", "sum") else verdict
    return _say(lang, f"emf.sheet.verdict.{name}", verdict=words.say(f"emf.verdict.{verdict}", lang=lang))


def highest(worst: Mapping[str, str], factored: object, *, others: bool, lang: str) -> str:
    """The highest share, this site's part of it, where it is, what the site makes alone, and in usual operation.

    Parameters
    ----------
    worst : mapping
        As for `where`, with ``share``, ``own`` there and ``alone``, the highest of this site by itself (may be missing).
    factored : number or text
        Highest share in usual operation.
    others : bool
        Whether transmitters already there count.
    lang : str
        ``zh_CN`` or ``en``.
    """
    found = [
        _say(lang, "emf.sheet.worst", share=parted(worst, others=others, lang=lang), where=where(worst, lang=lang))
    ]
    if others and worst.get("alone"):
        found.append(_say(lang, "emf.sheet.alone", share=percent(worst["alone"], lang=lang)))
    found.append(_say(lang, "emf.sheet.usual", factored=percent(factored, lang=lang)))
    return ("" if lang == "zh_CN" else " ").join(found)


def parted(worst: Mapping[str, str], *, others: bool, lang: str) -> str:
    """The share at a point, and beside transmitters already there the part of this site."""
    share = percent(worst["share"], lang=lang)
    if not others:
        return share
    return _say(lang, "emf.share.parted", share=share, own=percent(worst["own"], lang=lang))


def where(worst: Mapping[str, str], *, lang: str) -> str:
    """A point in words: building, side, floor, distance to the antenna.

    Parameters
    ----------
    worst : mapping
        ``building`` (name, may be empty), ``face``, ``floor``, ``distance_m``.
    lang : str
        ``zh_CN`` or ``en``.
    """
    face = words.say(f"emf.face.{worst['face']}", lang=lang)
    if worst["face"] == "street":
        return _say(lang, "emf.where.street", face=face, distance_m=worst["distance_m"])
    building = _line(worst["building"]) or words.say("emf.where.unnamed", lang=lang)
    key = "emf.where.roof" if worst["face"] == "roof" else "emf.where.wall"
    return _say(lang, key, building=building, face=face, floor=worst["floor"], distance_m=worst["distance_m"])


def advice(given: Mapping[str, str], *, lang: str) -> str:
    """What is said beside the verdict, in words."""
    known = {**given, "building": _line(given.get("building", "")) or words.say("emf.where.unnamed", lang=lang)}
    code = known.pop("code")
    return words.say(f"emf.advice.{code}", lang=lang, **known)


def percent(share: object, *, lang: str = words.DEFAULT_LANGUAGE) -> str:
    """A share of the limit: percent below it, from the limit on as a multiple; a dash for none.

    >>> percent("0.0004"), percent("0.42"), percent("4.684"), percent("47.9"), percent("")
    ('<0.1%', '42%', '4.68 倍', '48 倍', '—')
    """
    number = float("nan") if share in {"", None} else float(str(share))
    if number != number:  # noqa: PLR0124 - NaN
        return "—"
    if number >= 1.0:
        near = number < MULTIPLE
        return words.say("emf.share.times", lang=lang, n=f"{number:.2f}" if near else f"{float(f'{number:.2g}'):.0f}")
    if number < LEAST_SHARE:
        return "<0.1%"
    return f"{100 * number:.0f}%" if number >= 0.1 else f"{100 * number:.1f}%"  # noqa: PLR2004 - two digits are enough


def _say(lang: str, key: str, **values: object) -> str:
    return words.say(key, lang=lang, **values)


def _join(lang: str, parts: Sequence[str], *, strong: bool = False) -> str:
    """Parts one after the other; whole sentences further apart."""
    return words.say("emf.sheet.between_sentences" if strong else "emf.sheet.between", lang=lang).join(parts)


def _line(text: object, *, most: int = MOST_LETTERS) -> str:
    """Text of people on one line, without what no document can hold."""
    plain = "".join(" " if unicodedata.category(c) in {"Cc", "Cs", "Zl", "Zp"} else c for c in str(text or ""))
    short = " ".join(plain.split())
    return short if len(short) <= most else f"{short[: most - 1]}…"


def _fitting_pt(texts: Sequence[str]) -> float:
    """The largest size of text [pt] at which all lines fit the page, by the width of their characters."""
    room = (PAGE_CM[1] - 2 * MARGIN_CM) * PT_PER_CM
    return next((size for size in SIZES_PT if _height_pt(texts, size) <= room), SIZES_PT[-1])


def _height_pt(texts: Sequence[str], size_pt: float) -> float:
    """Height of texts with title, table and the spaces between them [pt]."""
    across = (PAGE_CM[0] - 2 * SIDE_CM) * PT_PER_CM / size_pt
    widths = [sum(1.0 if unicodedata.east_asian_width(c) in "WFA" else LATIN for c in text) for text in texts]
    lines = sum(max(1, -(-width // across)) for width in widths) + OTHER_LINES
    return lines * LINE * size_pt + len(texts) * AFTER_PT


def _page(document: Any, text_pt: float) -> None:
    """A4, our margins, one font for both scripts."""
    section = document.sections[0]
    section.page_width, section.page_height = Cm(PAGE_CM[0]), Cm(PAGE_CM[1])
    section.top_margin = section.bottom_margin = Cm(MARGIN_CM)
    section.left_margin = section.right_margin = Cm(SIDE_CM)
    normal = document.styles["Normal"]
    normal.font.name, normal.font.size = FONT, Pt(text_pt)
    normal.element.rPr.rFonts.set(qn("w:eastAsia"), FONT)
    normal.paragraph_format.space_after = Pt(AFTER_PT)
    normal.paragraph_format.space_before = Pt(0)


def _paragraph(
    document: Any,
    text: str,
    *,
    size_pt: float = TEXT_PT,
    bold: bool = False,
    centre: bool = False,
    before_pt: float = 0.0,
) -> None:
    paragraph = document.add_paragraph()
    run = paragraph.add_run(text)
    run.bold, run.font.size = bold, Pt(size_pt)
    paragraph.paragraph_format.space_before = Pt(before_pt)
    if centre:
        paragraph.alignment = WD_ALIGN_PARAGRAPH.CENTER


def _table(document: Any, rows: Sequence[Sequence[str]], lang: str) -> None:
    """Distances across, beam and street below them."""
    titles = [words.say(f"emf.sheet.row.{name}", lang=lang) for name in ("distance", "beam", "street")]
    lines = [
        [f"{row[0]} m" for row in rows],
        [percent(row[1], lang=lang) for row in rows],
        [percent(row[2], lang=lang) for row in rows],
    ]
    table = document.add_table(rows=len(titles), cols=1 + len(rows), style="Table Grid")
    for at, (title, cells) in enumerate(zip(titles, lines, strict=True)):
        for column, text in enumerate((title, *cells)):
            cell = table.cell(at, column)
            cell.text = text
            if column:
                cell.paragraphs[0].alignment = WD_ALIGN_PARAGRAPH.CENTER
