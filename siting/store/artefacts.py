"""Files that long runs leave behind: arrays, tables, texts and sparse matrices in the run's folder.

A result is written beside its final name and swapped in, so that a half-written file is never read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy.sparse as sp

from siting.errors import NotFound


def save_arrays(folder: Path, name: str, arrays: Mapping[str, npt.NDArray[Any]]) -> Path:
    """Save named arrays as ``NAME.npz``."""
    folder.mkdir(parents=True, exist_ok=True)
    making = folder / f".{name}.making.npz"
    with making.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)
    return making.replace(folder / f"{name}.npz")


def load_arrays(folder: Path, name: str, *, only: Sequence[str] | None = None) -> dict[str, npt.NDArray[Any]]:
    """Load named arrays; ``only`` some of them.

    Raises
    ------
    NotFound
        If the file is gone.
    """
    with np.load(_existing(folder / f"{name}.npz"), allow_pickle=False) as file:
        return {key: file[key] for key in (only or file.files)}


def save_matrix(folder: Path, name: str, matrix: sp.csc_array) -> Path:
    """Save a sparse matrix as ``NAME.npz``."""
    parts = {"data": matrix.data, "indices": matrix.indices, "indptr": matrix.indptr, "shape": np.array(matrix.shape)}
    return save_arrays(folder, name, parts)


def load_matrix(folder: Path, name: str) -> sp.csc_array:
    """Load a sparse matrix; NotFound if the file is gone."""
    parts = load_arrays(folder, name)
    shape = tuple(int(n) for n in parts["shape"])
    return sp.csc_array((parts["data"], parts["indices"], parts["indptr"]), shape=shape)


def save_table(folder: Path, name: str, frame: pd.DataFrame) -> Path:
    """Save a table, with or without geometry, as ``NAME.parquet``; its index is dropped."""
    folder.mkdir(parents=True, exist_ok=True)
    making = folder / f".{name}.making.parquet"
    frame.to_parquet(making, index=False, compression="zstd")
    return making.replace(folder / f"{name}.parquet")


def load_table(
    folder: Path, name: str, *, columns: Sequence[str] | None = None, filters: list[tuple[str, str, Any]] | None = None
) -> pd.DataFrame:
    """Load a table without geometry; ``columns`` and row ``filters`` (column, sign, value) as Parquet understands them."""
    return pd.read_parquet(
        _existing(folder / f"{name}.parquet"), columns=None if columns is None else list(columns), filters=filters
    )


def save_text(folder: Path, name: str, text: str) -> Path:
    """Save a text under its full name."""
    folder.mkdir(parents=True, exist_ok=True)
    making = folder / f".{name}.making"
    making.write_text(text, encoding="utf-8")
    return making.replace(folder / name)


def load_text(folder: Path, name: str) -> str:
    """Load a text by its full name; NotFound if the file is gone."""
    return _existing(folder / name).read_text(encoding="utf-8")


def has(folder: Path, name: str) -> bool:
    """Whether the run left this file (``name`` with its ending)."""
    return (folder / name).is_file()


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise NotFound("store.no_artefact", file=path.name, run=path.parent.name)
    return path
