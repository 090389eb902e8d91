"""Driving a bench by hand before any calibration table exists, and seeing at once what it does.

Everything is in device units and goes through the limits of the instruments. Nothing here prints:
a terminal and a window call the same functions.
"""
