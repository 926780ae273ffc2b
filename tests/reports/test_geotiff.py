import numpy as np
from rasterio.io import MemoryFile

from siting.geo.grid import Grid
from siting.reports.geotiff import geotiff


def test_a_raster_comes_back_with_place_names_and_tags():
    grid = Grid(500_000, 4_330_000, 10, 3, 4, "EPSG:4548")
    values = np.arange(12, dtype=np.float32).reshape(3, 4)
    values[0, 0] = np.nan
    data = geotiff(grid, {"rsrp_dbm": values, "probability": values / 12}, tags={"calibrated": "false"})
    with MemoryFile(data) as memory, memory.open() as file:
        assert file.crs.to_epsg() == 4548
        assert file.bounds == (500_000, 4_329_970, 500_040, 4_330_000)
        assert file.descriptions == ("rsrp_dbm", "probability")
        assert file.tags()["calibrated"] == "false"
        np.testing.assert_array_equal(file.read(1), values)
        assert file.index(500_015, 4_329_975) == (2, 1)
