"""A calibration as text: what is kept of it is what comes back."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import pandas as pd

from siting.errors import BadInput
from siting.findings import Finding, Findings
from siting.radio.calibration import Calibration, ClassFit

FORMAT = 1


def to_json(calibration: Calibration) -> str:
    """A calibration as JSON; numbers come back to the last bit."""
    return json.dumps(
        {
            "format": FORMAT,
            "fits": [asdict(fit) for fit in calibration.fits],
            "devices": dict(calibration.devices),
            "metrics": _table(calibration.metrics),
            "reliability": _table(calibration.reliability),
            "usable": calibration.usable,
            "findings": [{**asdict(f), "values": dict(f.values)} for f in calibration.findings],
            "data_hash": calibration.data_hash,
        },
        ensure_ascii=False,
        allow_nan=False,
    )


def from_json(text: str) -> Calibration:
    """The calibration that `to_json` wrote.

    Raises
    ------
    BadInput
        If the text is not one.
    """
    try:
        kept = json.loads(text)
        if kept["format"] != FORMAT:
            raise BadInput("calibrate.text", value=str(kept["format"]))
        return Calibration(
            fits=tuple(_fit(row) for row in kept["fits"]),
            devices={str(name): float(offset) for name, offset in kept["devices"].items()},
            metrics=_frame(kept["metrics"]),
            reliability=_frame(kept["reliability"]),
            usable=bool(kept["usable"]),
            findings=Findings(tuple(Finding(**row) for row in kept["findings"])),
            data_hash=str(kept["data_hash"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadInput("calibrate.text", value=str(error)) from error


def _table(frame: pd.DataFrame) -> dict[str, list[Any]]:
    """Columns with None for what is missing."""
    return {str(name): [None if pd.isna(v) else v for v in frame[name].tolist()] for name in frame}


def _frame(columns: dict[str, list[Any]]) -> pd.DataFrame:
    return pd.DataFrame({name: pd.Series(values, dtype=_kind(values)) for name, values in columns.items()})


def _kind(values: list[Any]) -> str:
    if any(isinstance(v, str) for v in values):
        return "str"
    return "int64" if values and all(isinstance(v, int) for v in values) else "float64"


def _fit(row: dict[str, Any]) -> ClassFit:
    return ClassFit(**{**row, "covariance": tuple(tuple(line) for line in row["covariance"])})
