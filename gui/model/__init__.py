"""What a monitor knows about a run. Nothing here knows Qt."""
