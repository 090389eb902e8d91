"""What a calibration protocol found: numbers, whether to believe them, points for a plot."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from instruments.calibration.table import CalibrationTable

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Quantity:
    """One number of a result; ``sigma`` is one standard deviation, NaN where there is none."""

    name: str
    value: float
    sigma: float = math.nan
    unit: str = ""


@dataclass(frozen=True)
class Curve:
    """Measured points with a fit, to be plotted: all ``[n]``; ``fit`` may be missing."""

    title: str
    x: Floats
    measured: Floats
    fitted: Floats | None
    x_label: str
    y_label: str


@dataclass
class ProtocolResult:
    """The outcome of one protocol for one instrument or stage.

    Attributes
    ----------
    protocol, target
        Which protocol, and the instrument or stage it measured.
    quantities
        Numbers for the table of results.
    refusals
        Why the fit is not believed; empty if it is.
    notes
        What else a person should know: dead channels, what was worked round, what is not done.
    tables
        ``(name, table)`` of what was measured; stored only if the result is accepted.
    fallbacks
        Tables to keep where nothing was measured before and the fit is refused.
    curves
        For the plot.
    """

    protocol: str
    target: str
    quantities: list[Quantity] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    tables: list[tuple[str, CalibrationTable]] = field(default_factory=list)
    fallbacks: list[tuple[str, CalibrationTable]] = field(default_factory=list)
    curves: list[Curve] = field(default_factory=list)

    @property
    def accepted(self) -> bool:
        """Whether nothing speaks against it."""
        return not self.refusals

    def add(self, name: str, value: float, sigma: float = math.nan, unit: str = "") -> None:
        """Note a number."""
        self.quantities.append(Quantity(name, float(value), float(sigma), unit))

    def add_spread(self, name: str, values: Floats, sigmas: Floats, unit: str = "") -> None:
        """Note the mean over channels, its uncertainty, and the spread."""
        known = np.isfinite(values) & np.isfinite(sigmas)
        if not known.any():
            return
        count = int(np.count_nonzero(known))
        mean = float(values[known].mean())
        sigma = float(np.sqrt(np.square(sigmas[known]).sum()) / count)
        self.add(f"{name}, mean of {count}", mean, sigma, unit)
        if count > 1:
            self.add(f"{name}, spread", float(values[known].std(ddof=1)), unit=unit)

    def refuse(self, reason: str) -> None:
        """Note why it is not believed; nothing happens without a reason."""
        if reason:
            self.refusals.append(reason)


def listed_channels(flags: npt.NDArray[np.bool_], most: int = 8) -> str:
    """Return the places of true flags, as a person reads them."""
    places = [", ".join(map(str, place)) for place in np.argwhere(flags)[:most].tolist()]
    rest = int(np.count_nonzero(flags)) - len(places)
    shown = "; ".join(f"[{place}]" if "," in place else place for place in places)
    return shown + (f" and {rest} more" if rest > 0 else "")
