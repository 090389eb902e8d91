"""All four ports of a nonlinear unit read at the same samples."""

from __future__ import annotations

from dataclasses import dataclass

from instruments.network import Array


@dataclass(frozen=True)
class UnitPorts:
    """Fields on both sides of the unit behind a layer, both ways, each ``[B, n]``.

    Attributes
    ----------
    layer
        The layer in front of it, 0 for the first.
    z, a
        Forward light in front of the unit and behind it.
    entering, leaving
        Backward light: what arrives from behind, and ``delta`` which leaves in front, in the same
        units.
    """

    layer: int
    z: Array
    a: Array
    entering: Array
    leaving: Array
