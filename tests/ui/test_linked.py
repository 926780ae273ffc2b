import json

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from siting.ui import linked


def script():
    import pandas as pd  # noqa: PLC0415 - the script of a page
    import streamlit as st  # noqa: PLC0415 - the script of a page

    from siting.ui import linked  # noqa: PLC0415 - the script of a page

    if st.button("map"):
        linked.select("here", "b")
    if st.button("nothing"):
        linked.select("here", None)
    frame = pd.DataFrame({"x": [1, 2]})
    linked.table(frame, name="here", ids=pd.Series(["a", "b"]), height_px=100)
    st.text(f"{linked.selected('here')} {linked.turn('here')}")


def shown(at):
    assert not at.exception
    return at.text[0].value


def test_a_selection_from_the_map_is_kept_counted_and_put_into_the_address():
    at = AppTest.from_function(script).run()
    assert shown(at) == "None 0"
    at.button[0].click().run()
    assert shown(at) == "b 1"
    assert at.query_params["id"] == "b"
    at.button[1].click().run()
    assert shown(at) == "None 2"
    assert "id" not in at.query_params


def test_selecting_the_same_again_moves_nothing():
    at = AppTest.from_function(script).run()
    at.button[0].click().run()
    at.button[0].click().run()
    assert shown(at) == "b 1"


def test_an_id_in_the_address_is_selected_at_first():
    at = AppTest.from_function(script)
    at.query_params["id"] = "a"
    assert shown(at.run()) == "a 0"


@pytest.mark.parametrize("text", ["<script>", "a b", "", "x" * 200, "{{7*7}}"])
def test_anything_in_the_address_that_is_no_id_is_ignored(text):
    at = AppTest.from_function(script)
    at.query_params["id"] = text
    assert shown(at.run()) == "None 0"


def ticking():
    import pandas as pd  # noqa: PLC0415 - the script of a page
    import streamlit as st  # noqa: PLC0415 - the script of a page

    from siting.ui import linked  # noqa: PLC0415 - the script of a page

    st.session_state.setdefault("ticked", {"a", "far"})
    if st.button("all"):
        st.session_state["ticked"] = {"a", "b"}

    def change(new, gone):
        st.session_state["ticked"] = st.session_state["ticked"] - gone | (new - {"c"})

    ticks = linked.Ticks(st.session_state["ticked"], change)
    frame = pd.DataFrame({"x": [1, 2, 3]})
    linked.table(frame, name="here", ids=pd.Series(["a", "b", "c"]), height_px=100, ticks=ticks)
    st.text(" ".join(sorted(st.session_state["ticked"])))


def drawn(at):
    """Name of the table's widget, and the rows ticked when it is drawn anew."""
    proto = at.dataframe[0].proto
    return proto.id, json.loads(proto.selection_default)["selection"]["rows"]


def test_ticks_made_elsewhere_are_drawn_and_those_of_rows_unseen_are_kept():
    at = AppTest.from_function(ticking).run()
    assert shown(at) == "a far"
    first, rows = drawn(at)
    assert rows == [0]
    at.button[0].click().run()
    second, rows = drawn(at)
    assert rows == [0, 1]
    assert second != first
    at.run()
    assert drawn(at)[0] == second


@pytest.mark.parametrize(
    ("cells", "format_"), [([1723.0, 2358.3], "%,.1f"), ([0.5, 2.0], "%,.1f"), ([1723.0, 26000.0], "localized")]
)
def test_the_numbers_of_a_column_are_written_alike(cells, format_):
    made = linked.number_columns(pd.DataFrame({"n": cells}))
    assert made["n"]["type_config"]["format"] == format_
