import dataclasses
import datetime as dt
import json
import math
import struct

import numpy as np
import pandas as pd
import pytest

from siting.errors import BadInput
from siting.plan import solve
from siting.reports import planjson
from tests.plan.conftest_plan import random_problem

HARD = [0.1 + 0.2, -0.0, 5e-324, 1.7976931348623157e308, 1 / 3, 2**53 + 2.0, np.nan, np.inf, -np.inf]


def bits(value):
    """Every float of a value as its eight bytes, so that -0.0 and the last digit count."""
    if isinstance(value, float):
        return b"nan" if math.isnan(value) else struct.pack("<d", value)
    if isinstance(value, pd.DataFrame):
        return [(name, str(value[name].dtype), bits(value[name].tolist())) for name in value.columns]
    if dataclasses.is_dataclass(value):
        return {f.name: bits(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {name: bits(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(bits(part) for part in value)
    return value


@pytest.fixture(scope="module")
def solved():
    rng = np.random.default_rng(7)
    return [solve(random_problem(rng), seed=n) for n in range(6)]


def test_a_plan_reads_back_bit_by_bit_and_writes_the_same_bytes_again(solved):
    for plan in solved:
        data = planjson.dump(planjson.Record(plan, {"a": 1}))
        back = planjson.load(data)
        assert bits(back.plan) == bits(plan)
        assert planjson.dump(back) == data


def test_numbers_no_decimal_fraction_can_hold_and_those_that_are_none_come_back(solved):
    plan = dataclasses.replace(solved[0], bound=np.inf, checked_value=0.1 + 0.2)
    table = pd.DataFrame({"x": HARD, "f": np.array(HARD[:4] + HARD[4:], np.float64), "n": range(len(HARD)), "flag": True,
        "list": [[0.1, 1.0]] * len(HARD), "text": ["=1+1"] * len(HARD), "none": [None] * len(HARD)})  # fmt: skip
    data = planjson.dump(planjson.Record(plan, {}, {}, {"sites": table, "none": table.iloc[:0]}))
    assert not {"NaN", "Infinity"} & set(data.decode().replace(",", " ").split())
    back = planjson.load(data)
    assert bits(back.plan) == bits(plan)
    assert bits(back.tables["sites"]) == bits(table)
    assert (len(back.tables["none"]), list(back.tables["none"])) == (0, list(table))


def test_any_program_can_read_it_and_finds_what_it_is(solved):
    document = json.loads(planjson.dump(planjson.Record(solved[0], {"gap": 0.5})))
    assert (document["schema"], document["version"]) == ("siting.plan", 1)
    assert "不是许可" in document["nature"]
    assert "not a permit" in document["nature"]
    assert document["plan"]["chosen"] == list(solved[0].chosen)
    assert float(repr(solved[0].value)) == document["plan"]["value"]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text[: len(text) // 2],
        lambda text: text.replace('"version": 1', '"version": 2'),
        lambda text: text.replace('"schema": "siting.plan"', '"schema": "other"'),
        lambda text: text.replace('"value"', '"worth"', 1),
        lambda text: text.replace('"plan_tables"', '"tables_of_old"'),
        lambda _: "[]",
        lambda _: "\ufeff",
        lambda _: '{"schema": "siting.plan", "version": 1, "plan": []}',
    ],
)
def test_a_file_that_is_cut_off_changed_or_of_another_kind_is_refused_in_words(solved, spoil):
    text = planjson.dump(planjson.Record(solved[0], {})).decode()
    with pytest.raises(BadInput):
        planjson.load(spoil(text).encode())


def test_a_cell_that_json_has_not_is_refused_when_writing(solved):
    with pytest.raises(BadInput, match="date"):
        planjson.dump(planjson.Record(solved[0], {}, {}, {"t": pd.DataFrame({"d": [dt.date(2026, 1, 1)]})}))
