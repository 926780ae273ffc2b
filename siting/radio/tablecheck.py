"""Whether rows that a district writes into the radio tables can be computed with; everything wrong is said at once."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import cache
from pathlib import Path

from siting.findings import Finding, Findings
from siting.radio import tablecells
from siting.radio.network import DATA, read_rows
from siting.radio.tablecells import YES, Column, found

Cells = Mapping[str, str]

TABLES = ("networks", "equipment", "thresholds")
COLUMNS = Path(__file__).with_name("columns.csv")
# Indoor-only carriers [MHz].
INDOOR_MHZ = (3300.0, 3400.0)


def columns(table: str) -> tuple[Column, ...]:
    """Columns of one of `TABLES`, in the order in which they are shown."""
    return tablecells.read_columns(COLUMNS, table)


def tidy(table: str, cells: Cells) -> dict[str, str]:
    """Cells of a row in one spelling: every column present, blanks off, numbers without idle digits."""
    return tablecells.tidied(columns(table), cells)


def check(
    table: str, rows: Sequence[Cells], *, others: Sequence[Cells] = (), patterns: Collection[str] = ()
) -> Findings:
    """What is wrong with new or changed rows of a table.

    Parameters
    ----------
    table : str
        One of `TABLES`.
    rows : sequence of mapping
        The rows in text cells, as `tidy` gives them.
    others : sequence of mapping
        Rows of the table that stay as they are.
    patterns : collection of str
        Names of measured patterns that a unit may use.

    Returns
    -------
    Findings
        ``sheet`` is the row's name, ``column`` the column's code; nothing may be stored while one is an error.
    """
    told: list[Finding] = []
    for row in rows:
        own = tablecells.wrong(columns(table), row)
        told += own or _WHOLE[table](row, [*others, *(r for r in rows if r is not row)], patterns)
    return Findings(tuple(told))


def _network(row: Cells, others: Sequence[Cells], _patterns: Collection[str]) -> list[Finding]:
    """Resource blocks against width and spacing, the indoor band, one frequency per channel."""
    told = []
    width, spacing, blocks = (float(row[name]) for name in ("bandwidth_mhz", "scs_khz", "n_rb"))
    most = _blocks().get((spacing, width))
    if most is None:
        told.append(
            found("radio_carrier_unknown", row, "bandwidth_mhz", f"{width:g}", values={"scs_khz": f"{spacing:g}"})
        )
    elif blocks > most:
        named = {"bandwidth_mhz": f"{width:g}", "scs_khz": f"{spacing:g}"}
        told.append(found("radio_blocks_many", row, "n_rb", f"{blocks:g}", values={"most": most, **named}))
    elif blocks < most:
        told.append(found("radio_blocks_few", row, "n_rb", f"{blocks:g}", severity="warning", values={"most": most}))
    centre = 1000.0 * float(row["frequency_ghz"])
    inside = centre - width / 2.0 < INDOOR_MHZ[1] and centre + width / 2.0 > INDOOR_MHZ[0]
    if inside and row["active"] == YES:
        told.append(found("radio_indoor_band", row, "frequency_ghz", row["frequency_ghz"]))
    same = [o for o in others if o["channel_id"] == row["channel_id"] and o["frequency_ghz"] != row["frequency_ghz"]]
    told += [
        found("radio_channel_shared", row, "channel_id", row["channel_id"], values={"other": o["name"]}) for o in same
    ]
    return told


def _unit(row: Cells, _others: Sequence[Cells], patterns: Collection[str]) -> list[Finding]:
    """The envelope holds the broadcast beam, and a named pattern exists."""
    told = []
    broadcast, envelope = float(row["broadcast_gain_dbi"]), float(row["envelope_gain_dbi"])
    if envelope < broadcast:
        told.append(
            found(
                "radio_envelope_low", row, "envelope_gain_dbi", f"{envelope:g}", values={"broadcast": f"{broadcast:g}"}
            )
        )
    if row["pattern"] and row["pattern"] not in patterns:
        known = ", ".join(patterns) or "—"
        told.append(found("radio_pattern_unknown", row, "pattern", row["pattern"], values={"known": known}))
    return told


def _profile(_row: Cells, _others: Sequence[Cells], _patterns: Collection[str]) -> list[Finding]:
    return []


@cache
def _blocks() -> dict[tuple[float, float], int]:
    """Largest number of resource blocks by subcarrier spacing [kHz] and channel width [MHz]."""
    rows = read_rows(DATA / "blocks.csv")
    return {(float(row["scs_khz"]), float(row["bandwidth_mhz"])): int(row["n_rb"]) for row in rows}


_WHOLE = {"networks": _network, "equipment": _unit, "thresholds": _profile}
