"""Instruments simulated at the wire: each speaks its own command set, in the light of one twin."""
