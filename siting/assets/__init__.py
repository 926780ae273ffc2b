"""What can be shared: the data standard, the gate, reading, checking and matching of layers."""
