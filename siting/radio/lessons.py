"""What is kept of a learned second stage: a table and a text, from which the same stage is learned again."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from siting.errors import BadInput
from siting.radio import heldout, learn
from siting.radio.calibration import Calibration
from siting.radio.classes import Key, predict
from siting.radio.learn import FEATURES, Correction, Domain

Floats = npt.NDArray[np.float64]
#: Columns of the table: what each path tells, and what the calibration leaves there [dB].
REST = "rest_db"
COLUMNS = (*FEATURES, REST)


@dataclass(frozen=True)
class Record:
    """What, beside its table, a learned stage is learned again from.

    Parameters
    ----------
    adopted : bool
        Whether it met its conditions on unseen blocks.
    seed : int
        Of the learner.
    settings : mapping
        Of the learner, as they were.
    sigma_db : tuple of (network, state, kind, sigma_db)
        Spread of what both stages leave on unseen blocks.
    low, high : tuple of float
        Where it may speak: range of every feature.
    level_dbm : float
        The level below which a place counted as weak.
    data_hash : str
        Of the samples behind the calibration.
    table_hash : str
        Of the table.
    """

    adopted: bool
    seed: int
    settings: dict[str, Any]
    sigma_db: tuple[tuple[str, int, str, float], ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    level_dbm: float
    data_hash: str
    table_hash: str


def table_of(calibration: Calibration, features: pd.DataFrame) -> pd.DataFrame:
    """The table that a correction was learned from.

    Parameters
    ----------
    calibration : Calibration
        The first stage.
    features : DataFrame
        As `learn.fit_correction` got them.

    Returns
    -------
    DataFrame
        `COLUMNS`, as float64: neither places nor names.
    """
    first = predict(calibration.fits, calibration.devices, features).level_dbm
    values = features[list(FEATURES)].astype(np.float64)
    return values.assign(**{REST: np.nan_to_num(heldout.errors_db(features, first))}).reset_index(drop=True)


def record_of(correction: Correction, calibration: Calibration, table: pd.DataFrame, *, seed: int) -> Record:
    """What has to be kept beside the table.

    Parameters
    ----------
    correction, calibration : Correction, Calibration
        Both stages.
    table : DataFrame
        From `table_of`.
    seed : int
        As `learn.fit_correction` got it.
    """
    return Record(
        adopted=correction.adopted,
        seed=seed,
        settings=learn.settings(seed),
        sigma_db=tuple((*key, float(value)) for key, value in sorted(correction.sigma_db.items())),
        low=tuple(float(v) for v in correction.domain.low),
        high=tuple(float(v) for v in correction.domain.high),
        level_dbm=correction.level_dbm,
        data_hash=calibration.data_hash,
        table_hash=hash_of(table),
    )


def hash_of(table: pd.DataFrame) -> str:
    """Of a table's names and numbers, to the last bit."""
    digest = hashlib.blake2b("\n".join(COLUMNS).encode(), digest_size=16)
    digest.update(np.ascontiguousarray(table[list(COLUMNS)].to_numpy(np.float64)).view(np.uint8).data)
    return digest.hexdigest()


def again(record: Record, table: pd.DataFrame, calibration: Calibration) -> Correction:
    """The correction, learned again: the same numbers give the same learner.

    Parameters
    ----------
    record, table : Record, DataFrame
        What was kept.
    calibration : Calibration
        The first stage it belongs to.

    Returns
    -------
    Correction
        Without held-out table and without the classifier of weak places, which no coverage asks.

    Raises
    ------
    BadInput
        If the table is not the one that was kept, or the calibration rests on other samples.
    """
    missing = [name for name in COLUMNS if name not in table]
    if missing or hash_of(table) != record.table_hash or calibration.data_hash != record.data_hash:
        raise BadInput("lessons.other", table=record.table_hash, samples=record.data_hash)
    return Correction(
        adopted=record.adopted,
        metrics=pd.DataFrame(),
        sigma_db=_spreads(record),
        level_dbm=record.level_dbm,
        domain=Domain(np.array(record.low), np.array(record.high)),
        regressor=learn.regressor(
            table[list(FEATURES)].to_numpy(np.float64), table[REST].to_numpy(np.float64), record.settings
        ),
        classifier=None,
    )


def _spreads(record: Record) -> dict[Key, float]:
    return {(network, state, kind): sigma for network, state, kind, sigma in record.sigma_db}


def to_json(record: Record) -> str:
    """A record as JSON; numbers come back to the last bit."""
    return json.dumps(asdict(record), ensure_ascii=False, allow_nan=False)


def from_json(text: str) -> Record:
    """The record that `to_json` wrote.

    Raises
    ------
    BadInput
        If the text is not one.
    """
    try:
        kept = json.loads(text)
        rows = tuple((str(n), int(state), str(kind), float(sigma)) for n, state, kind, sigma in kept["sigma_db"])
        ends = {name: tuple(float(v) for v in kept[name]) for name in ("low", "high")}
        return Record(**{**kept, **ends, "sigma_db": rows})
    except (ValueError, KeyError, TypeError) as error:
        raise BadInput("lessons.text", value=str(error)) from error
