"""Where things are: datums, grids, shapes, regions."""
