"""The district's tables of networks, radio units, thresholds and antenna patterns: what every computation reads."""

from __future__ import annotations

from collections.abc import Mapping

from siting.radio import network
from siting.radio.network import Equipment, Gear, Network, Thresholds
from siting.store.database import Database


def networks(db: Database) -> Mapping[str, Network]:
    """Carrier layers of the district by name, those switched off included."""
    return network.load_networks()


def thresholds(db: Database) -> Mapping[str, Thresholds]:
    """Threshold profiles of the district by name."""
    return network.load_thresholds()


def equipment(db: Database) -> Mapping[str, Equipment]:
    """Radio units of the district by name."""
    return network.load_equipment()


def gear(db: Database) -> Gear:
    """Radio units and measured patterns of the district."""
    return Gear(equipment(db), {})
