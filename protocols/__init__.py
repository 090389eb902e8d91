"""What is done with a network or a bench: train, evaluate, and keep the record."""

DISTRIBUTION = "backbeam"
