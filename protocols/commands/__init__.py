"""The subcommands of ``backbeam``, one file each. Heavy imports stay inside the functions."""
