"""Which sector a sample names: by the sector's own id, or by base station and cell number."""

import re
from collections.abc import Iterator

import pandas as pd

from siting.assets.cells import normal

_SIGNS = re.compile(r"[-_/:.\s]+")
_WHOLE = re.compile(r"^\d+(?:\.0+)?$")
# An NR cell identity has 36 bits (TS 38.413), of which the last 12 count the cells where the base station has 24;
# an E-UTRAN cell identity has 28 bits, 20 for the base station (TS 36.413).
_NR_CELLS, _LTE_CELLS, _LTE_MOST = 2**12, 2**8, 2**28
_LEAD = ("460",)
_CGI_PARTS = 4
COLUMNS = ("sector_id", "cell", "node")


def matched(samples: pd.DataFrame, sectors: pd.DataFrame) -> pd.DataFrame:
    """The sector of every sample, where the network has one of the name or number that it states.

    Parameters
    ----------
    samples : DataFrame
        ``network`` and the texts ``sector_id, cell, node`` as files bring them.
    sectors : DataFrame
        ``sector_id, site_id, network``.

    Returns
    -------
    DataFrame
        ``sector_id, site_id`` on the index of `samples`; None where nothing fits.
    """
    known = {
        (network, plain(sector)): (sector, site)
        for network, sector, site in zip(sectors["network"], sectors["sector_id"], sectors["site_id"], strict=True)
    }
    stated = list(zip(samples["network"], *(samples[name] for name in COLUMNS), strict=True))
    found = {row: _first(row, known) for row in dict.fromkeys(stated)}
    return pd.DataFrame(
        [found[row] for row in stated], columns=["sector_id", "site_id"], index=samples.index, dtype=object
    )


def plain(text: object) -> str:
    """A name for comparison: half-width, lower case, one sign between its parts.

    >>> plain(" 123456_1 "), plain("460-00-123456-1")
    ('123456-1', '460-00-123456-1')
    """
    return _SIGNS.sub("-", normal("" if text is None else str(text)).casefold()).strip("-")


def _first(row: tuple[object, ...], known: dict[tuple[object, str], tuple[str, str]]) -> tuple[str | None, str | None]:
    network, sector, cell, node = row
    names = _names(*(plain(v) if isinstance(v, str) else "" for v in (sector, cell, node)))
    return next((known[network, name] for name in names if (network, name) in known), (None, None))


def _names(sector: str, cell: str, node: str) -> Iterator[str]:
    yield from filter(None, (sector, cell))
    parts = cell.split("-")
    if len(parts) == _CGI_PARTS and parts[0] in _LEAD:
        yield "-".join(parts[2:])
    if node and cell:
        yield f"{node}-{cell}"
    if _WHOLE.match(cell):
        number = int(float(cell)) if "." in cell else int(cell)
        yield "-".join(map(str, divmod(number, _NR_CELLS)))
        if number < _LTE_MOST:
            yield "-".join(map(str, divmod(number, _LTE_CELLS)))
