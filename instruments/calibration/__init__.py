"""The calibration seam: tables between device units and fields.

The same tables serve real and simulated instruments. Each is applied, inverted, saved, loaded and
checked for age, and has an id that records refer to.

Scales that only ever appear as products (encoder, fan-in, weight, amplifier, tap ratio,
visibility, reference, detector) are shared out by convention: mean input scale 1, mean output
scale 1, field 1 is the saturation field.
"""
