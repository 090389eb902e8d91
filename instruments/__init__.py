"""The hardware abstraction: what each kind of instrument promises, and the network seam."""

DISTRIBUTION = "backbeam"
