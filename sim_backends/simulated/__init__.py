"""Simulated instruments: each keeps its interface's promises and shares one twin with the rest."""
