"""How to connect chosen places: streets as a network, metres to the nearest access point."""
