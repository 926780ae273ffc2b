"""Who must do what by when: pure rules of screening, moves, clocks and the journal."""
