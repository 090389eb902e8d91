"""The digital twin: physics, the ideal network, simulated instruments."""

DISTRIBUTION = "backbeam"
