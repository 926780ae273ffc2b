"""Weak areas as ranked blocks: what a model can honestly tell apart, in place of single painted cells."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from siting.errors import OutOfRange
from siting.radio.gap import Gap

SMALLEST_M, LARGEST_M = 100.0, 200.0
COLUMNS = ["rank", "easting_m", "northing_m", "persons", "uncovered", "unknown", "p05", "p95"]


def weak_blocks(gap: Gap, *, block_m: float = 150.0) -> pd.DataFrame:
    """Blocks by the people whom nothing is expected to cover, most first.

    Parameters
    ----------
    gap : Gap
        From `gap`, over units that stand somewhere.
    block_m : float
        Side of a block, 100 to 200 m; blocks start at multiples of it in the project CRS.

    Returns
    -------
    DataFrame
        ``rank`` (1 = most uncovered), ``easting_m, northing_m`` (middle of the block), ``persons, uncovered``
        (expected), ``unknown`` (counted apart), ``p05, p95`` (of uncovered, over draws of the model's error).
        Blocks with nobody uncovered are left out.

    Raises
    ------
    OutOfRange
        If the side is outside its range: smaller blocks claim more than a model knows, larger ones hide the place.
    """
    if not SMALLEST_M <= block_m <= LARGEST_M:
        raise OutOfRange("radio.block", value=block_m, low=SMALLEST_M, high=LARGEST_M)
    row, col = (np.floor(gap.table[name].to_numpy(np.float64) / block_m) for name in ("northing_m", "easting_m"))
    # A gap counts by map cell already: a block is a larger cell.
    wide = replace(gap, table=gap.table.assign(row=row.astype(np.int64), col=col.astype(np.int64)))
    blocks = wide.by("cell").query("uncovered > 0").reset_index(drop=True)
    middle = {"easting_m": (blocks["col"] + 0.5) * block_m, "northing_m": (blocks["row"] + 0.5) * block_m}
    return blocks.assign(**middle)[COLUMNS]
