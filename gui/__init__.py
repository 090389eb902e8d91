"""The live monitor's floor: it looks at runs and never touches an instrument."""

DISTRIBUTION = "backbeam"
