"""Which calibration is in force for a network."""

from __future__ import annotations

from dataclasses import dataclass

from siting.radio.calibration import Calibration
from siting.store.database import Database


@dataclass(frozen=True)
class InForce:
    """An adopted calibration: the run that made it, who adopted it and when, and what it says."""

    run: str
    adopted_by: str
    adopted_at: str
    calibration: Calibration


def in_force(db: Database, network: str) -> InForce | None:
    """The calibration adopted last for a network; None: the network is uncalibrated (未校准)."""
    return None
