import pytest

from siting import words
from siting.reports import figures

COVERAGE = {"run": "r", "measure": "persons", "calibrated": False, "no_sites": False, "persons": 21500.04,
    "indoor_gap_share": 0.17918, "revisions": {"a": 1}, "provenance": {"x": "y"}}  # fmt: skip


def say(lang="zh_CN", **result):
    return figures.lines(result, lang=lang)


def test_every_figure_has_a_title_in_both_languages_and_a_known_kind():
    for lang in words.LANGUAGES:
        assert [n for n in figures.rows() if not words.has(f"cli.figure.{n}", lang=lang)] == []
    assert {row["kind"] for row in figures.rows().values()} <= {*figures.WRITERS, "amount"}


def test_a_result_reads_in_chinese_with_units_and_without_what_is_for_machines():
    assert say(**COVERAGE) == ["任务编号：r", "度量：人", "模型校准：未校准", "现网站点：有", "总量：21,500.0 人", "室内缺口占比：17.92 %"]  # fmt: skip


def test_a_result_reads_in_english_too():
    assert say("en", calibrated=False, persons=3.0, cost_yuan=1234567.0) == [
        "Model calibration: uncalibrated",
        "Total: 3.0 people",
        "Cost (to be verified): 1,234,567 yuan",
    ]


def test_amounts_follow_what_was_measured():
    assert say(measure="area_m2", uncovered=1e6)[1] == "未覆盖：1,000,000.0 平方米"


def test_what_is_not_known_is_left_out():
    assert say(indoor_gap_share=None, checked_added=None) == []


@pytest.mark.parametrize(("share", "text"), [(0.0, "0.00 %"), (2e-8, "< 0.01 %"), (1e-4, "0.01 %"), (1.0, "100.00 %")])
def test_a_small_gap_is_not_shown_as_none(share, text):
    assert say(gap=share) == [f"间隙（相对可新增量）：{text}"]


def test_counts_by_code_stand_in_words_the_largest_first():
    found = say(states={"eligible": 2, "unknown": 11, "martian": 1}, findings={})
    assert found == ["可用性：情况不明，仅供研究 11，可用（纸面核验通过，须现场复核） 2，martian 1", "问题：—"]


def test_limits_and_matched_columns_are_pairs():
    assert say(limit={"budget_yuan": 1_000_000.0}) == ["限额：预算(元) = 1,000,000"]
    assert say(mapped={"owner_org": "权属单位"}) == ["字段对应：owner_org = 权属单位"]
