"""Whether a bench still does what its tables say, measured while it trains or before.

``gradient_fidelity`` compares gradients, ``signal_and_noise`` taps, ``tap_only`` needs no tables,
``drift`` asks what has wandered and ``recalibration`` measures it again; ``watch`` does all that
during training.
"""
