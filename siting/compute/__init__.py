"""Where work runs: the same ordered map on this machine or on a cluster."""
