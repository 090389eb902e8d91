"""Measuring every calibration table of a bench through its instruments alone.

One file a protocol; ``sequence`` runs them in the order in which they depend on each other.
"""
