"""An axis that shows the numbers as they are, and labels that do not run into each other."""

from __future__ import annotations

import math
from collections.abc import Sequence

from gui.qt import pg


class ReadableAxis(pg.AxisItem):
    """Never scales by powers of a thousand; logarithmic labels at 1, 2, 5 or powers of ten."""

    def updateAutoSIPrefix(self) -> None:
        """Keep the scale at one.

        pyqtgraph chooses a scale also when it is told not to, whenever it is told.
        """
        self.autoSIPrefix = False
        self.autoSIPrefixScale = 1.0

    def logTickStrings(self, values: Sequence[float], scale: float, spacing: float) -> list[str]:
        """Return the labels of ticks at exponents ``values``."""
        low, high = sorted(self.range)
        kept = (1,) if high - low > 2.2 else (1, 2, 5)
        return [f"{10.0**value:.3g}" if _mantissa(value) in kept else "" for value in values]


def _mantissa(exponent: float) -> int:
    return round(10.0 ** (exponent - math.floor(exponent + 1e-9)))
