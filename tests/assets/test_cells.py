from datetime import date

import pytest

from siting.assets import schema
from siting.assets.cells import parse_cell, parse_date, parse_degrees, parse_number
from siting.assets.raw import NumberText


@pytest.mark.parametrize(
    ("text", "unit", "value", "problem"),
    [
        ("12", "m", 12, ""),
        ("１２．５", "m", 12.5, ""),
        ("12米", "m", 12, ""),
        ("12 m", "m", 12, ""),
        ("1200cm", "m", 12, ""),
        ("30ft", "m", 9.144, ""),
        ("0.5kW", "kVA", 0.5, ""),
        ("30KVA", "kVA", 30, ""),
        ("500W", "kVA", 0.5, ""),
        ("1,234.5", "kg", 1234.5, ""),
        ("2吨", "kg", 2000, ""),
        ("３㎡", "m2", 3, ""),
        ("约12", "m", 12, "CAUTIOUS"),
        ("≥10", "m", 10, "CAUTIOUS"),
        ("12~15", "m", 12, "CAUTIOUS"),
        ("12-15米", "m", 12, "CAUTIOUS"),
        ("6层", "1", 6, ""),
        ("-3", "m", -3, ""),
        ("1e3", "m", 1000, ""),
        ("12公斤", "m", None, "UNIT"),
        ("十二", "m", None, "TYPE"),
        ("#REF!", "m", None, "TYPE"),
        ("1,23", "m", None, "UNIT"),
        ("", "m", None, ""),
        ("无", "m", None, ""),
        ("—", "m", None, ""),
        ("N/A", "m", None, ""),
        (None, "m", None, ""),
    ],
)
def test_a_number_is_read_with_its_unit_and_the_cautious_end(text, unit, value, problem):
    parsed = parse_number(text, unit=unit)
    assert parsed.value == (None if value is None else pytest.approx(value))
    assert parsed.problem == problem


@pytest.mark.parametrize(
    "text",
    [
        "2026-9-18",
        "2026/9/18",
        "2026.9.18",
        "20260918",
        "2026年9月18日",
        "46283",
        "２０２６-09-18",
        "2026-09-18T10:00:00",
    ],
)
def test_every_form_of_a_date_gives_the_same_day(text):
    assert parse_date(text).value == date(2026, 9, 18)


@pytest.mark.parametrize("text", ["2026-02-30", "2026-13-01", "20260231", "18/9/2026", "2014", "明天", "99999999"])
def test_an_impossible_date_is_refused(text):
    assert (parse_date(text).value, parse_date(text).problem) == (None, "TYPE")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("117.15", 117.15),
        ("117°09′00″", 117.15),
        ("117°9'0\"", 117.15),
        ("117度9分", 117.15),
        ("东经117.15", 117.15),
        ("117.15E", 117.15),
        ("W71.1", -71.1),
        ("南纬37°49′", -37.816666666666),
        ("-37.8", -37.8),
        ("１１７．１５", 117.15),
    ],
)
def test_every_form_of_degrees_is_read(text, value):
    assert parse_degrees(text).value == pytest.approx(value)


@pytest.mark.parametrize("text", ["117°70′", "east", "117.15.2", "117,15", "1e400x"])
def test_what_is_no_degree_is_refused(text):
    assert parse_degrees(text).problem == "TYPE"


@pytest.mark.parametrize(
    ("name", "text", "value", "problem"),
    [
        ("class", "路灯杆", "street_light", ""),
        ("class", "Street light", "street_light", ""),
        ("class", "STREET_LIGHT", "street_light", ""),
        ("class", "路灯", None, "VOCAB"),
        ("power", "无", "none", ""),
        ("duct_available", "有", "yes", ""),
        ("advisories", "学校、医院", ["school", "hospital"], ""),
        ("advisories", '["school"]', ["school"], ""),
        ("advisories", "学校,月球", None, "VOCAB"),
        ("year", "2014年", 2014, ""),
        ("year", "2014.5", None, "TYPE"),
        ("height_m", "700", None, "RANGE"),
        ("asset_id", "{BC5E9F24-86ED-4807-9D8C-BFAFAE240ECA}", "bc5e9f24-86ed-4807-9d8c-bfafae240eca", ""),
        ("asset_no", "00123", "00123", ""),
        ("phone", "+8613800000000", "+8613800000000", "FORMULA_TEXT"),
        ("name", "a\u202eb\u200b", "ab", "INVISIBLE"),
        ("name", "#N/A", None, "TYPE"),
    ],
)
def test_a_cell_becomes_what_its_column_says(name, text, value, problem):
    parsed = parse_cell(text, schema.column("assets", name))
    assert (parsed.value, parsed.problem) == (value, problem)


def test_the_nearest_word_of_the_vocabulary_is_offered():
    assert parse_cell("路灯", schema.column("assets", "class")).hint == "street_light"


@pytest.mark.parametrize(
    ("text", "value"), [("是", True), ("有", True), ("√", True), ("否", False), ("无", False), ("", None)]
)
def test_yes_and_no_are_read_in_every_common_form(text, value):
    assert parse_cell(text, schema.column("roads", "bridge")).value is value


@pytest.mark.parametrize("text", ["1.20104E+19", "1201040010011234"])
def test_an_identifier_that_lost_its_digits_is_refused(text):
    column = schema.column("assets", "asset_no")
    assert parse_cell(NumberText(text), column).problem == "DIGITS_LOST"
    assert parse_cell(text, column).value == text


@pytest.mark.parametrize(
    "text", ["{{7*7}}", "{% raw %}", "${1}", "<img src=x onerror=alert(1)>", "</script>", "`x`", "' OR 1=1 --", "＜b＞"]
)
def test_a_text_that_would_run_elsewhere_stays_the_text_it_is(text):
    assert parse_cell(text, schema.column("assets", "name")).value == text


def test_a_foreign_identifier_always_gives_the_same_uuid():
    column = schema.column("sites", "site_id")
    first, second = parse_cell("10003026", column), parse_cell("10003026", column)
    assert first == second
    assert (first.problem, len(str(first.value))) == ("ID_FOREIGN", 36)
