"""What a tally of masts stands for, in the order of the units."""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt
import pandas as pd

from siting.findings import Finding
from siting.radio import kernels_shapes as shapes
from siting.radio import kernels_tally as kernel
from siting.radio.decibel import dbm_to_mw, mw_to_dbm, noise_per_re_dbm
from siting.radio.links import Kinds, Masts, Places
from siting.radio.network import Network, defaults
from siting.radio.pathloss import FLAGS
from siting.radio.scene import UNKNOWN, Terrain
from siting.radio.verdict import Coverage, Floats, Kept, Singles, Strongest


def result(kept: Kept, masts: Masts, units: pd.DataFrame | None) -> Coverage:
    """The coverage that a tally stands for, in the order of the units frame."""
    scene, tally = kept.scene, kept.tally
    network, classes = scene.network, scene.classes
    back = np.empty(len(scene.places.order), np.int64)
    back[scene.places.order] = np.arange(len(back))
    kind, state = scene.places.kind[back], tally.state[back]
    server, drawn_mw = kernel.servers_of(tally.key[back])
    served = server >= 0
    wall = classes.kinds.mean_wall_db[kind]
    rsrp = np.where(served, mw_to_dbm(drawn_mw) - wall, np.nan)
    p_los = np.where(served, tally.p_los[back], np.nan)
    flags = tally.flags[back] | np.where(served, 0, FLAGS["no_server"]).astype(np.uint16)
    flags |= np.where(kept.cell_unknown, FLAGS["cell_unknown"], 0).astype(np.uint16)
    return Coverage(
        network=network,
        unit_id=kept.unit_id,
        rsrp_dbm=rsrp.astype(np.float32),
        server=server,
        p_los=p_los.astype(np.float32),
        state=state,
        sinr_db=(rsrp - _noise_dbm(network, tally, back, wall)).astype(np.float32),
        sigma_db=sigma_db(classes.kinds, classes.spread_db, kind, state, p_los).astype(np.float32),
        flags=flags,
        sectors=masts.frame,
        calibrated=classes.calibrated,
        no_sites=not len(masts.frame),
        findings=masts.findings + _no_sites(masts.frame, network),
        provenance=_provenance(kept, masts.frame),
        kind=kind,
        kinds=classes.kinds,
        spread_db=classes.spread_db,
        strongest=_strongest(tally, back, kept.levels),
        kept=kept,
        units=units,
    )


def _noise_dbm(network: Network, tally: shapes.Tally, back: npt.NDArray[np.int64], wall_db: Floats) -> Floats:
    """Noise and loaded powers of all sectors but the server's, behind the wall [dBm]."""
    own = (tally.mean_mw.astype(np.float64) * kernel.STEPS_PER_MW).astype(np.int64)
    other = kernel.powers_mw(tally.total_fx - own)[back]
    noise = dbm_to_mw(noise_per_re_dbm(network.scs_khz, network.noise_figure_db))
    return mw_to_dbm(noise + network.load_factor * other * dbm_to_mw(-wall_db))


def _no_sites(sectors: pd.DataFrame, network: Network) -> list[Finding]:
    """The finding that nothing is there yet."""
    return [] if len(sectors) else [Finding(code="radio_no_sites", severity="warning", value=network.name)]


def _strongest(tally: shapes.Tally, back: npt.NDArray[np.int64], levels: Floats) -> Strongest:
    """Levels by kind of path in the order of the units frame."""

    def level(power_mw: Singles) -> Singles:
        return mw_to_dbm(power_mw[back]).astype(np.float32)

    return Strongest(
        level(tally.los_mw),
        level(tally.nlos_mw),
        level(tally.maybe_los_mw),
        level(tally.maybe_nlos_mw),
        tally.p_maybe[:, back],
        tuple(float(v) for v in levels),
    )


def sigma_db(
    kinds: Kinds,
    spread_db: Floats,
    kind: npt.NDArray[np.uint8],
    state: npt.NDArray[np.uint8],
    p_los: Floats,
) -> Floats:
    """Spread of the server's level by unit: states mixed by p, wall models by weight [dB].

    Parameters
    ----------
    kinds : Kinds
        Weights of the walls of each class.
    spread_db : ndarray
        [class, wall, path].
    kind, state : ndarray of uint8
        Class of each unit, state of its server's path.
    p_los : ndarray
        Probability of line of sight of that path.
    """
    weight = kinds.weight
    total = np.maximum(weight.sum(axis=1), 1e-9)
    variance = (weight[:, :, None] * spread_db**2).sum(axis=1) / total[:, None]
    unknown = state == UNKNOWN
    clear = variance[kind, np.where(unknown, kernel.MAYBE_LOS_AT, kernel.LOS_AT)]
    hidden = variance[kind, np.where(unknown, kernel.MAYBE_NLOS_AT, kernel.NLOS_AT)]
    return np.sqrt(p_los * clear + (1.0 - p_los) * hidden)


def obstacles_of(terrain: Terrain, places: Places) -> str:
    """Hash of obstacles and units."""
    digest = hashlib.blake2b(digest_size=16)
    for array in (terrain.surface_m, terrain.building, places.receivers.units, places.height_m):
        digest.update(np.ascontiguousarray(array).view(np.uint8).data)
    return digest.hexdigest()


def _provenance(kept: Kept, sectors: pd.DataFrame) -> dict[str, str]:
    scene = kept.scene
    digest = hashlib.blake2b(kept.obstacles.encode(), digest_size=16)
    facts = (scene.network, sorted(defaults().items()), kept.calibration, sorted(scene.gear.patterns.items()))
    for what in (*facts, kept.radius_m):
        digest.update(repr(what).encode())
    plain = pd.DataFrame(sectors.drop(columns="geometry", errors="ignore")).astype(str)
    digest.update(pd.util.hash_pandas_object(plain, index=False).to_numpy().tobytes())
    models = sectors.groupby("model").size().to_dict() if len(sectors) else {}
    return {
        "inputs": digest.hexdigest(),
        "network": scene.network.name,
        "sigma_db": "measured" if scene.classes.calibrated else str(defaults()["uncalibrated_sigma_db"]),
        "models": ", ".join(f"{name} {count}" for name, count in sorted(models.items())),
        "units": str(len(kept.unit_id)),
        "radius_m": str(kept.radius_m),
        "calibration": kept.calibration,
    }
