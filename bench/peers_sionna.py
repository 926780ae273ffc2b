"""sionna-rt on boxes of the same city, in its own Python: boxes and sectors come as one npz file.

Run as ``python peers_sionna.py CITY.npz``; prints figures as JSON on the last line.
"""

import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

FACES = [[0, 1, 5], [0, 5, 4], [1, 2, 6], [1, 6, 5], [2, 3, 7], [2, 7, 6], [3, 0, 4], [3, 4, 7], [4, 5, 6], [4, 6, 7]]
MATERIAL = '<bsdf type="itu-radio-material" id="m"><string name="type" value="concrete"/></bsdf>'


def ply(path, points, faces):
    """A mesh file."""
    head = ["ply", "format ascii 1.0", f"element vertex {len(points)}"]
    head += [f"property float {axis}" for axis in "xyz"]
    head += [f"element face {len(faces)}", "property list uchar int vertex_indices", "end_header"]
    rows = [" ".join(f"{v:.3f}" for v in p) for p in points] + [" ".join(map(str, (3, *f))) for f in faces]
    path.write_text("\n".join(head + rows) + "\n", encoding="utf-8")


def scene_file(folder, city):
    """All buildings as one mesh and the ground as another."""
    west, south, east, north, high = city["boxes"].T
    corners = [(west, south), (east, south), (east, north), (west, north)]
    points = np.stack([np.column_stack([x, y, z]) for z in (0 * high, high) for x, y in corners], axis=1)
    faces = np.asarray(FACES)[None] + 8 * np.arange(len(west))[:, None, None]
    ply(folder / "houses.ply", points.reshape(-1, 3), faces.reshape(-1, 3))
    wide, tall = city["extent"]
    ply(folder / "ground.ply", [(0, 0, 0), (wide, 0, 0), (wide, tall, 0), (0, tall, 0)], [[0, 1, 2], [0, 2, 3]])
    shapes = [
        f'<shape type="ply" id="mesh-{n}"><string name="filename" value="{n}.ply"/>'
        '<boolean name="face_normals" value="true"/><ref id="m" name="bsdf"/></shape>'
        for n in ("houses", "ground")
    ]
    path = folder / "scene.xml"
    path.write_text(f'<scene version="2.1.0">{MATERIAL}{"".join(shapes)}</scene>', encoding="utf-8")
    return path


def main(city):
    from sionna import rt  # noqa: PLC0415 - only this Python has it

    with tempfile.TemporaryDirectory() as name:
        scene = rt.load_scene(str(scene_file(Path(name), city)))
    scene.frequency = 3.45e9
    scene.tx_array = rt.PlanarArray(num_rows=1, num_cols=1, pattern="tr38901", polarization="V")
    scene.rx_array = rt.PlanarArray(num_rows=1, num_cols=1, pattern="iso", polarization="V")
    wide, tall = (float(v) for v in city["extent"])
    spent = []
    for number, (east, north, high, turn) in enumerate(city["sectors"].tolist()):
        place = {"position": [east, north, high], "orientation": [turn, 0.1, 0.0], "power_dbm": 17.9}
        scene.add(rt.Transmitter(f"t{number}", **place))
        wall, cpu = time.perf_counter(), time.process_time()
        size = {"cell_size": (10.0, 10.0), "size": (wide, tall), "orientation": (0.0, 0.0, 0.0)}
        found = rt.RadioMapSolver()(scene, center=(wide / 2, tall / 2, 1.5), samples_per_tx=10**6, max_depth=3, **size)
        np.array(found.rss)
        spent.append((time.perf_counter() - wall, time.process_time() - cpu))
        scene.remove(f"t{number}")
    first, later = spent[0][0], np.mean(spent[1:] or spent, axis=0) * int(city["total"])
    note = f"mean of {len(spent)} sectors times {int(city['total'])}; 3 reflections, 1e6 rays a sector: richer physics"
    print(json.dumps({"wall_s": later[0], "cpu_s": later[1], "first_s": first, "note": f"{rt.__version__}; {note}"}))


main(np.load(sys.argv[1]))
