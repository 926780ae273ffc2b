"""Worded parts of a score: what is known of a host's strength and of the field at the nearest façade."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

# No façade farther than this can lie within the compliance distance of shipped equipment [m].
SEARCH_M = 300.0
STRUCTURE_DOUBTS = frozenset(
    {"WEIGHT_NEAR", "MOMENT_NEAR", "SAIL_NEAR", "LIMIT_UNKNOWN", "AGE_UNKNOWN", "OVER_AGE", "TEST_EXPIRED"}
)
STRUCTURE_REFUSALS = frozenset({"WEIGHT_OVER", "MOMENT_OVER", "SAIL_OVER", "TEST_FAILED", "HEIGHT_LOW"})


def structure(codes: Sequence[Collection[str]], status: Sequence[object]) -> list[str]:
    """State of the structure of each option, from its reason codes and the host's recorded test.

    Parameters
    ----------
    codes : sequence of collection of str
        Reason codes of `eligibility`.
    status : sequence
        ``structural_status`` of the host; unknown is None.

    Returns
    -------
    list of str
        ``excluded``, ``needs_test``, ``tested_ok`` or ``paper_ok``: never a bare "OK".
    """
    return [_structure(frozenset(own), known) for own, known in zip(codes, status, strict=True)]


def _structure(codes: frozenset[str], status: object) -> str:
    if codes & STRUCTURE_REFUSALS:
        return "excluded"
    if codes & STRUCTURE_DOUBTS or status == "needs_test":
        return "needs_test"
    return "tested_ok" if status == "tested_ok" else "paper_ok"


def emf(quotient: npt.ArrayLike, exempt: npt.ArrayLike) -> list[str]:
    """First word of the field pre-check: by power, by distance, or it has to be assessed.

    Parameters
    ----------
    quotient : array_like
        Compliance distance over the distance to the nearest building; below 1 no façade lies within it.
    exempt : array_like of bool
        Whether the equivalent radiated power needs no check.

    Returns
    -------
    list of str
        ``power_exempt``, ``passed_precheck`` or ``needs_assessment``; a pre-check by distance alone never excludes.
    """
    passed = np.asarray(quotient, np.float64) < 1.0
    return list(
        np.where(np.asarray(exempt, bool), "power_exempt", np.where(passed, "passed_precheck", "needs_assessment"))
    )


def nearest_building_m(options: pd.DataFrame, buildings: npt.NDArray[np.object_]) -> npt.NDArray[np.float64]:
    """Horizontal distance from each option to the nearest building that is not its host [m].

    Parameters
    ----------
    options : DataFrame
        ``easting_m, northing_m, mount``; a mount ``roof`` stands on the building under it.
    buildings : array of polygons
        In the project CRS.

    Returns
    -------
    ndarray [m]
        inf where there is no other building.
    """
    points = shapely.points(options["easting_m"].to_numpy(float), options["northing_m"].to_numpy(float))
    found = np.full(len(options), np.inf)
    if len(buildings) == 0:
        return found
    tree = shapely.STRtree(buildings)
    roof = (options["mount"] == "roof").to_numpy()
    (at, _), near = tree.query_nearest(points[~roof], return_distance=True, all_matches=False)
    found[np.flatnonzero(~roof)[at]] = near
    for place in np.flatnonzero(roof):
        others = tree.query(points[place], predicate="dwithin", distance=SEARCH_M)
        gaps = shapely.distance(points[place], buildings[others])
        found[place] = gaps[gaps > 0].min(initial=np.inf)
    return found
