"""The public sheet on fields: what it says, in which words, on one page."""

import io
import math
import re
import unicodedata
from pathlib import Path

import docx
import pytest
from docx.shared import Length

from siting import words
from siting.reports import emfsheet

ROOT = Path(__file__).parents[2]
UNIT = {
    "title_zh": "64T64R 200 W 有源天线", "title_en": "64T64R 200 W active antenna", "network": "ctcu-n78-a", "mhz": "3450", "power_w": "200",
    "sectors": "3", "limit_s": "0.46", "limit_e": "12.9",
}  # fmt: skip
FACTS = {
    "id": "x", "kind": "site", "no": "DL-NK-0012", "title": "万兴街道DL012站", "street_office": "万兴街道", "operators": ["ctc", "cucc"],
    "district": "南开区", "synthetic": True, "contact": "南开区政务热线 12345", "published": "南开区政府网站“信息公开”栏目",
    "verdict": "passed_precheck", "excess": "", "equipment": [UNIT], "height_m": "19.1", "factored": "0.0788", "others": True, "roof_closed": True, "unverified": True,
    "worst": {"share": "0.42", "own": "0.4", "alone": "0.41", "building": "某小区 3 号楼", "face": "s", "floor": "5", "distance_m": "63"},
    "along": [["10", "", "0.0754"], ["20", "25.4", "0.0432"], ["30", "11.3", "0.0252"], ["50", "4.06", "0.0668"], ["100", "1.01", "0.0004"]],
    "reasons": [], "advisories": [],
}  # fmt: skip
TOGETHER = {
    "verdict": "exceeds_precheck", "excess": "sum", "factored": "4.58", "others": True, "worst": {**FACTS["worst"], "share": "24.4", "own": "0.084", "alone": "0.42"},
}  # fmt: skip
ADVICE = {
    "code": "sensitive_30m",
    "n": "1",
    "distance_m": "24",
    "height_m": "33",
    "antenna_m": "19.1",
    "building": "实验小学",
}
FORBIDDEN = re.compile(r"安全|无害|放心|\bsafe(?:ty)?\b|harmless|辐射小|手机|微波炉|吹风机", re.IGNORECASE)


def opened(lang="zh_CN", **changed):
    data = emfsheet.sheet({**FACTS, **changed}, number="EMF-2026-0007", on="2026-11-23", lang=lang)
    return docx.Document(io.BytesIO(data))


def text(document):
    cells = [cell.text for table in document.tables for row in table.rows for cell in row.cells]
    return "\n".join([*(p.text for p in document.paragraphs), *cells])


def height_cm(document):
    """Height of the text by a count of its lines: a Chinese character is as wide as its size, a line 1.35 of it high."""
    section = document.sections[0]
    width_pt = Length(section.page_width - section.left_margin - section.right_margin).pt
    total = 0.0
    for p in document.paragraphs:
        size = p.runs[0].font.size.pt if p.runs else 10.5
        wide = sum(1.0 if unicodedata.east_asian_width(c) in "WFA" else 0.55 for c in p.text) * size
        after = document.styles["Normal"].paragraph_format.space_after.pt
        total += (
            max(math.ceil(wide / width_pt), 1) * 1.35 * size + Length(p.paragraph_format.space_before or 0).pt + after
        )
    total += sum(len(t.rows) * (1.35 * 10.5 + 3) for t in document.tables)
    return total / 28.3465


def test_the_sheet_names_itself_what_is_installed_for_whom_and_how_strong():
    said = text(opened())
    for wanted in ("EMF-2026-0007", "2026-11-23", "南开区", "万兴街道DL012站", "DL-NK-0012", "电信、联通", "64T64R 200 W 有源天线", "3 个扇区",
        "200 W", "19.1 m", "合成样例"):  # fmt: skip
        assert wanted in said, wanted


def test_it_tells_limit_highest_share_and_where_and_how_it_was_computed():
    said = text(opened())
    for wanted in ("GB 8702-2014", "12.9 V/m", "0.46 W/m²", "42%", "某小区 3 号楼南侧外墙第 5 层", "63 m", "7.9%", "待核实", "满功率", "100 m 内其他已知发射设备已计入",
        "上锁"):  # fmt: skip
        assert wanted in said, wanted
    assert "100 m 内没有其他已知发射设备" in text(opened(others=False))


def test_it_has_the_values_at_five_distances_in_the_beam_and_in_the_street():
    table = opened().tables[0]
    rows = [[cell.text for cell in row.cells][1:] for row in table.rows]
    assert rows[0] == ["10 m", "20 m", "30 m", "50 m", "100 m"]
    assert rows[1] == ["—", "25 倍", "11 倍", "4.06 倍", "1.01 倍"]
    assert rows[2] == ["7.5%", "4.3%", "2.5%", "6.7%", "<0.1%"]


def test_it_says_how_it_is_measured_where_the_result_appears_and_whom_to_ask():
    said = text(opened())
    for wanted in ("HJ 1151-2020", "6 分钟", "南开区政府网站“信息公开”栏目", "南开区政务热线 12345", "不代替测量"):
        assert wanted in said, wanted
    assert text(opened(contact="", published="")).count("待填写") == 2


@pytest.mark.parametrize("verdict", ["power_exempt", "passed_precheck", "exceeds_precheck", "needs_assessment"])
def test_the_verdict_is_one_of_the_four_words(verdict):
    word = {
        "power_exempt": "功率豁免",
        "passed_precheck": "预评估通过",
        "exceeds_precheck": "未通过",
        "needs_assessment": "无法判定",
    }[verdict]
    assert f"结论：{word}。" in text(opened(verdict=verdict))


def test_a_site_below_the_limit_is_not_blamed_for_the_sum_with_transmitters_already_there():
    lines = [p.text for p in opened(**TOGETHER).paragraphs]
    verdict = next(line for line in lines if line.startswith("结论："))
    assert verdict.startswith("结论：未通过。")
    assert "本站自身不超过限值" in verdict
    assert "与周边已有设施的叠加" in verdict
    assert "一并核查" in verdict
    assert "方案须调整" not in "".join(lines)
    highest = next(line for line in lines if line.startswith("计算值最高处"))
    assert "限值的 24 倍（其中本站 8.4%，其余为周边已有设施）" in highest
    assert "本站单独计算，最高处为限值的 42%" in highest
    assert "4.58 倍" in highest
    assert "458%" not in highest


def test_a_site_above_the_limit_by_itself_must_be_changed_and_its_part_is_told():
    worst = {**TOGETHER["worst"], "own": "1.04", "alone": "1.52"}
    said = text(opened(**{**TOGETHER, "excess": "own", "worst": worst}))
    assert "方案须调整" in said
    assert "其中本站 1.04 倍，其余为周边已有设施" in said
    assert "本站单独计算，最高处为限值的 1.52 倍" in said
    assert "本站自身不超过限值" not in said


def test_without_transmitters_around_nothing_is_split():
    said = text(opened(others=False))
    assert "其余为周边" not in said
    assert "本站单独计算" not in said


def test_a_sheet_given_out_before_the_parts_were_told_still_opens():
    worst = {name: value for name, value in FACTS["worst"].items() if name != "alone"}
    facts = {name: value for name, value in FACTS.items() if name != "excess"}
    data = emfsheet.sheet(
        {**facts, "verdict": "exceeds_precheck", "worst": worst}, number="EMF-2026-0007", on="2026-11-23"
    )
    said = text(docx.Document(io.BytesIO(data)))
    assert "其中本站 40%" in said
    assert "方案须调整" in said


def test_what_could_not_be_decided_and_what_is_advised_stand_on_it():
    said = text(opened(verdict="needs_assessment", reasons=["near_field", "height_unknown"], advisories=[ADVICE]))
    assert "建筑高度未知" in said
    assert "实验小学距天线水平 24 m" in said
    assert "YD 5039-2009" in said


@pytest.mark.parametrize("lang", words.LANGUAGES)
@pytest.mark.parametrize("verdict", ["passed_precheck", "needs_assessment", "exceeds_precheck"])
def test_the_fullest_sheet_fits_one_page(lang, verdict):
    long = "很长的名称" * 20
    many = {
        "title": long, "contact": long, "published": long, "equipment": [UNIT] * 6, "operators": ["cmcc", "ctc", "cucc", "cbn"],
        "advisories": [ADVICE, {**ADVICE, "code": "sensitive_unknown", "building": long}], "worst": {**FACTS["worst"], "building": long},
        "reasons": ["near_field", "own_roof_open", "height_unknown", "existing_incomplete", "pattern_missing"], "verdict": verdict,
        "excess": "sum" if verdict == "exceeds_precheck" else "",
    }  # fmt: skip
    document = opened(lang, **many)
    section = document.sections[0]
    room = Length(section.page_height - section.top_margin - section.bottom_margin).cm
    assert (section.page_width.cm, section.page_height.cm) == (
        pytest.approx(21.0, abs=0.01),
        pytest.approx(29.7, abs=0.01),
    )
    assert height_cm(document) < room


def test_text_of_people_stays_text_and_control_characters_vanish():
    said = text(opened(title="a\x00b\x0bc\n<w:p/>&{0}", contact="=1+1"))
    assert "a b c <w:p/>&{0}" in said
    assert "=1+1" in said


@pytest.mark.parametrize("lang", words.LANGUAGES)
def test_no_word_promises_or_belittles(lang):
    said = [
        text(opened(lang, verdict=v, advisories=[ADVICE], reasons=["near_field"]))
        for v in ("passed_precheck", "needs_assessment", "power_exempt", "exceeds_precheck")
    ] + [text(opened(lang, **TOGETHER))]
    catalogue = [m for key, m in words.catalogue(lang).items() if key.startswith(("emf.", "ui.emf."))]
    assert catalogue
    assert [m for m in (*said, *catalogue) if FORBIDDEN.search(m)] == []


def test_no_code_of_the_pre_check_promises_either():
    files = [p for p in (ROOT / "siting").rglob("emf*") if p.suffix in {".py", ".csv", ".toml"}]
    assert len(files) >= 10
    assert [p.name for p in files if FORBIDDEN.search(p.read_text(encoding="utf-8"))] == []


@pytest.mark.parametrize(
    ("share", "said"),
    [
        (0.0004, "<0.1%"),
        (0.0421, "4.2%"),
        (0.42, "42%"),
        (1.04, "1.04 倍"),
        (4.684, "4.68 倍"),
        (24.43, "24 倍"),
        (239.56, "240 倍"),
        (math.nan, "—"),
        ("", "—"),
    ],
)
def test_shares_are_percent_below_the_limit_and_multiples_from_it_on(share, said):
    assert emfsheet.percent(share) == said
