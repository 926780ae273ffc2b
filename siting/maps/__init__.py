"""How things look on a map: one table of colours and symbols, tiles, layers, legend, files that leave the system."""
