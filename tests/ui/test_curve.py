"""The curves of value and bound that a page draws while a plan is solved."""

import numpy as np
import pandas as pd

from siting.ui import curve


def points(*rows):
    return pd.DataFrame(rows, columns=["step", "seconds", "value", "bound"])


def test_a_bound_stays_on_the_chart_while_the_search_gives_none():
    drawn = curve.best(
        points(
            ("greedy", 0.0, 90.0, 180.0),
            ("search", 1.0, 10.0, np.inf),
            ("search", 2.0, 95.0, np.inf),
            ("bound", 3.0, 95.0, 97.0),
        )
    )
    assert drawn["bound"].tolist() == [180.0, 180.0, 180.0, 97.0]
    assert drawn["value"].tolist() == [90.0, 90.0, 95.0, 95.0]


def test_before_any_bound_is_known_none_is_drawn():
    drawn = curve.best(points(("search", 0.0, 10.0, np.inf), ("search", 1.0, 12.0, np.inf)))
    assert drawn["bound"].isna().all()
