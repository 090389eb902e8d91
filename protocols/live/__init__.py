"""A run while it happens: published to any number of monitors, commanded by them.

The record on the disk is the truth; what is published is a hint that may be lost. ``messages``
is the form on the wire, ``publisher`` the trainer's side, ``client`` a monitor's.
"""
