"""Mean height of the known roofs around places."""
# mypy: disable-error-code="no-untyped-def"

import numpy as np
from numba import njit


@njit(cache=True, error_model="numpy")
def roof_means(surface, building, row, col, reach):  # noqa: ANN001, ANN201 - compiled
    """Mean surface of building cells within a reach (in cells) of each place [m above datum]; NaN without a known one.

    Sums are in double precision, where those of a few thousand heights are exact in any order.
    """
    found = np.full(len(row), np.nan)
    rows, cols = surface.shape
    for i in range(len(row)):
        total, count = 0.0, 0
        for r in range(max(row[i] - reach, 0), min(row[i] + reach + 1, rows)):
            down = r - row[i]
            for c in range(max(col[i] - reach, 0), min(col[i] + reach + 1, cols)):
                across = c - col[i]
                height = surface[r, c]
                if building[r, c] > 0 and down * down + across * across <= reach * reach and not np.isnan(height):
                    total += np.float64(height)
                    count += 1
        if count:
            found[i] = total / count
    return found
