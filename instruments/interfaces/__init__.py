"""The instrument seam: one structural interface for each kind of instrument, in device units.

An interface holds what a caller needs and nothing of a vendor. Properties are facts that were
known when the instrument was opened and cost nothing; whatever may have to ask the device is a
method. The unit is part of a name wherever it is not obvious.
"""
