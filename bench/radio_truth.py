"""Who sees whom: rasters of several cell sizes against an exact march over obstacles of 1 m."""

import numpy as np
import peers_gis

from siting.geo.grid import Grid
from siting.radio import terrain

NEAR_M, TRUE_M = 400.0, 1.0
CELLS_M = (10.0, 5.0, 2.5)


def crop(scene, mast, cell_m):
    """Obstacles around a mast, corners on multiples of 10 m."""
    half = NEAR_M + 20.0
    west, south = (np.floor((mast[n] - half) / 10.0) * 10.0 for n in ("easting_m", "northing_m"))
    cells = round((2.0 * half + 10.0) / cell_m)
    grid = Grid(west, south + cells * cell_m, cell_m, cells, cells, scene.fine.crs)
    ground, _findings = terrain.from_layers(grid, scene.buildings)
    return ground


def judged(scene, *, masts, points):
    """Right and wrong sights by tool and cell size: {(tool, cell): [seen and true, true, seen]}."""
    draw = np.random.default_rng(2)
    picked = scene.sites.drop_duplicates("site_id").sample(masts, random_state=3)
    found = {}
    for number in range(masts):
        mast = picked.iloc[number : number + 1]
        place, truth = _truth(scene, mast.iloc[0], points, draw)
        for cell in CELLS_M:
            ground = crop(scene, mast.iloc[0], cell)
            row, col = ground.grid.cells_of(*place.T)
            for tool, seen in _seen(ground, mast).items():
                hit = seen[row, col]
                sums = np.array([(hit & truth).sum(), truth.sum(), hit.sum()])
                found[tool, cell] = found.get((tool, cell), np.zeros(3, int)) + sums
    return found


def _truth(scene, mast, points, draw):
    """Places outdoors around a mast, and whether each sees it."""
    ground = crop(scene, mast, TRUE_M)
    at = antenna(mast)
    turn, far = draw.uniform(0, 2 * np.pi, 4 * points), NEAR_M * np.sqrt(draw.random(4 * points))
    place = np.column_stack([at.easting_m + far * np.sin(turn), at.northing_m + far * np.cos(turn)])
    inside = (place > 0).all(axis=1) & (place < [scene.coarse.cols * 10.0, scene.coarse.rows * 10.0]).all(axis=1)
    place = place[inside & (ground.building_at(*place.T) == 0)][:points]
    return place, np.array([terrain.trace(ground, at, terrain.Receiver(*p)).state == 1 for p in place])


def antenna(mast):
    return terrain.Antenna(mast["easting_m"], mast["northing_m"], mast["antenna_height_m"], mast["mount"])


def _seen(ground, mast):
    """What each tool says of every cell around a mast."""
    clear = terrain.clear_height_m(ground, antenna(mast.iloc[0]), radius_m=2.0 * NEAR_M)
    top, left, rows, cols = clear.window
    ours = np.zeros(ground.surface_m.shape, bool)
    ours[top : top + rows, left : left + cols] = terrain.los_state(clear, peers_gis.RECEIVER_M) == 1
    others = {"gdal_viewshed": peers_gis.gdal, "r.viewshed": peers_gis.grass}
    kept = {name: call(ground, mast, keep=True)[1] for name, call in others.items()}
    return {"ours": ours, **{name: seen[0] for name, seen in kept.items() if seen}}
