import math

import pytest
from streamlit.testing.v1 import AppTest

from siting.ui import text

HOSTILE = ["![x](http://elsewhere.example/p.png)", "$x^2$", ":red[b]", "<img src=x onerror=alert(1)>", "[a](javascript:alert(1))",
    "**b**", "`c`", "# h", "{{7*7}}", "https://elsewhere.example", "a\n\n# b", "1. x", "- x", "> q", "&lt;"]  # fmt: skip


@pytest.mark.parametrize("given", HOSTILE)
def test_every_sign_with_a_meaning_in_markdown_is_escaped(given):
    written = text.md(given)
    assert "\n" not in written
    for sign in "*_`[](){}#<>!|~$:&":
        assert written.count(sign) == written.count("\\" + sign)
    assert written.replace("\\", "") == " ".join(given.split()).replace("\\", "")


@pytest.mark.parametrize(
    ("value", "shown"), [(1234567.4, "1,234,567"), (0, "0"), (math.nan, "—"), (None, "—"), ("x", "—")]
)
def test_an_unknown_number_is_shown_as_unknown_never_as_zero(value, shown):
    assert text.number(value) == shown


@pytest.mark.parametrize(("share", "shown"), [(0.1234, "12.3%"), (None, "—"), (math.nan, "—"), (0.0, "0.0%")])
def test_shares_are_percent(share, shown):
    assert text.percent(share) == shown


def test_codes_become_names_and_unknown_codes_stay():
    def script():
        import streamlit as st  # noqa: PLC0415 - the script of a page

        from siting.ui import text  # noqa: PLC0415 - the script of a page

        st.text("|".join(text.term("asset_class", v) for v in ("street_light", "no_such", None, float("nan"))))
        st.session_state[text.LANGUAGE_KEY] = "en"
        st.text(text.term("asset_class", "street_light"))

    shown = [element.value for element in AppTest.from_function(script).run().text]
    assert shown == ["路灯杆|no_such|—|—", "Street light"]
