"""Contrast of two colours as WCAG 2.2 defines it (relative luminance, success criterion 1.4.3)."""

from __future__ import annotations


def relative_luminance(colour: str) -> float:
    """Return the relative luminance of ``#RRGGBB``, 0 for black to 1 for white."""
    channels = [int(colour[index : index + 2], 16) / 255 for index in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio, from 1 to 21."""
    lighter, darker = sorted((relative_luminance(one), relative_luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def mixed(one: str, other: str, share: float) -> str:
    """Return a colour with a share of the other in it, ``#RRGGBB``."""
    parts = [
        round((1 - share) * int(one[i : i + 2], 16) + share * int(other[i : i + 2], 16))
        for i in (1, 3, 5)
    ]
    return "#" + "".join(f"{part:02X}" for part in parts)


def readable(colour: str, ground: str, text: str, smallest: float = 4.5) -> str:
    """Return a colour one can read on a ground, as near to the given one as possible.

    Series colours are chosen for lines, where a contrast of 3 is enough; writing wants more.
    """
    for share in (0.0, 0.15, 0.3, 0.45, 0.6, 0.8):
        nearer = mixed(colour, text, share)
        if contrast(nearer, ground) >= smallest:
            return nearer
    return text
