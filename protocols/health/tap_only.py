"""A check of the light that needs neither tables nor a twin: ``delta_out / delta_in = a / z``.

In a saturable medium that is local and has no gratings, a weak probe passes as the pump does. So
what leaves a unit in front, over what enters it from behind, is what its forward light behind
is over that in front: at every neuron and every sample, whatever weights and errors are. Written
as ``delta_out z = delta_in a``, without dividing by anything small, it is one slope a neuron. What
the tap of ``a`` adds of its own comes with ``delta_in`` alone and is fitted along with it: behind a
deep absorber ``a`` may be no larger than an offset.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from instruments.bench import Bench
from instruments.bench_file.schema import BenchFile
from instruments.network import Array
from instruments.unit_ports import UnitPorts

Floats = npt.NDArray[np.float64]

LARGEST_DEVIATION = 0.2
"""Nominal tables of four ports, each off by some per cent, leave half of that."""

LARGEST_CHANGE = 0.15
"""How far the slope may change from weak to strong light: tap scales do not change it."""

LARGEST_SHARE_OFF = 0.05
"""Share of neurons that may be off: hardly lit ones are, where taps have offsets of their own."""

_SIGMAS = 3.0
_MOST_LEVERAGE = 0.99


@dataclass(frozen=True)
class TapOnly:
    """The check at the unit behind one layer.

    Attributes
    ----------
    layer
        Counted from 1.
    slopes, sigmas
        ``[n]`` of ``delta_out z`` against ``delta_in a``: 1 in a sound medium. NaN for neurons
        without light.
    change
        Slope of all neurons in strong light over that in weak; each has half of what is to be seen.
    change_sigma
        One standard deviation of it.
    """

    layer: int
    slopes: Floats
    sigmas: Floats
    change: float
    change_sigma: float

    @property
    def mean_slope(self) -> float:
        """Mean over neurons, each weighted by how well it is known."""
        known = np.isfinite(self.slopes)
        if not known.any():
            return float("nan")
        weights = 1.0 / np.square(self.sigmas[known])
        return float(np.sum(self.slopes[known] * weights) / weights.sum())

    @property
    def wrong(self) -> npt.NDArray[np.int64]:
        """Neurons whose slope is off by more than scales and noise let expect."""
        off = np.abs(self.slopes - 1.0) > LARGEST_DEVIATION + _SIGMAS * self.sigmas
        return np.flatnonzero(off & np.isfinite(self.slopes))

    @property
    def sound(self) -> bool:
        """Whether probe and pump see the same medium."""
        off = abs(self.change - 1.0) > LARGEST_CHANGE + _SIGMAS * self.change_sigma
        return not off and self.wrong.size <= LARGEST_SHARE_OFF * self.slopes.size

    def sentence(self) -> str:
        """Return what there is to say, in words."""
        start = (
            f"behind layer {self.layer}: delta_out/delta_in is {self.mean_slope:.3f} times a/z, "
            f"{self.change:.3f} times as much in strong light as in weak"
        )
        if self.sound:
            return start
        which = f"{self.wrong.size} of {self.slopes.size} neurons"
        named = ", ".join(map(str, self.wrong[:6].tolist()))
        which += f" ({named}{', ..' if self.wrong.size > 6 else ''})" if self.wrong.size else ""
        return (
            f"{start}; {which} are off. Taps read wrongly, or the laser is off line centre: light "
            "from either side then meets atoms of other velocities. Look at the laser's lock, then "
            "calibrate the taps"
        )


def tap_only_checks(bench: Bench, inputs: Array, output_errors: Array) -> list[TapOnly]:
    """Check every unit that has all four ports; ``why_not`` says why there may be none."""
    return [check_ports(ports) for ports in bench.unit_ports(inputs, output_errors)]


def check_ports(ports: UnitPorts) -> TapOnly:
    """Check the fields of one unit."""
    z, a, entering, leaving = (
        one.astype(np.float64) for one in (ports.z, ports.a, ports.entering, ports.leaving)
    )
    slopes, sigmas = np.full((2, z.shape[1]), np.nan)
    found, expected = np.zeros((2, *z.shape))
    for neuron in range(z.shape[1]):
        columns = np.stack([entering[:, neuron] * a[:, neuron], entering[:, neuron]], axis=1)
        read = leaving[:, neuron] * z[:, neuron]
        if not columns.any(axis=0).all():
            continue
        fit, sigma = _fitted(columns, read)
        slopes[neuron], sigmas[neuron] = fit[0], sigma
        expected[:, neuron] = columns[:, 0] + columns[:, 1] * fit[1] / fit[0]
        found[:, neuron] = read
    change, change_sigma = _change(np.abs(z), expected, found)
    return TapOnly(ports.layer + 1, slopes, sigmas, change, change_sigma)


def _fitted(columns: Floats, read: Floats) -> tuple[Floats, float]:
    """Return coefficients ``[k]`` for columns ``[B, k]``, and the standard error of the first.

    Noise is larger where there is more light, and a few bright samples may decide alone: the error
    follows from what each sample misses the fit of all the others by (MacKinnon and White, Journal
    of Econometrics 29, 305).
    """
    scales = np.linalg.norm(columns, axis=0)
    scaled = columns / scales
    fit = np.linalg.lstsq(scaled, read, rcond=1e-9)[0]
    left = read - scaled @ fit
    inverse = np.linalg.pinv(scaled.T @ scaled)
    leverage = np.clip(((scaled @ inverse) * scaled).sum(axis=1), 0.0, _MOST_LEVERAGE)
    covariance = inverse @ (scaled.T * (left / (1.0 - leverage)) ** 2) @ scaled @ inverse
    return fit / scales, float(np.sqrt(covariance[0, 0]) / scales[0])


def _change(strength: Floats, expected: Floats, found: Floats) -> tuple[float, float]:
    """Return by what the slope differs between strong light and weak, and its standard error."""
    order = np.argsort(strength, axis=None)
    x, y = expected.reshape(-1)[order], found.reshape(-1)[order]
    power = np.cumsum(x * x)
    if power[-1] == 0.0:
        return float("nan"), float("nan")
    middle = int(np.searchsorted(power, 0.5 * power[-1]))
    (weak, weak_sigma), (strong, strong_sigma) = (
        _slope(x[part], y[part]) for part in (slice(0, middle + 1), slice(middle, None))
    )
    change = strong / weak
    return change, abs(change) * float(np.hypot(weak_sigma / weak, strong_sigma / strong))


def _slope(x: Floats, y: Floats) -> tuple[float, float]:
    fit, sigma = _fitted(x[:, np.newaxis], y)
    return float(fit[0]), sigma


def why_not(file: BenchFile) -> str:
    """Return which port is missing for the check; empty if it can be made somewhere."""
    names = list(dict.fromkeys(file.network.stages))
    missing = []
    for place, name in enumerate(names):
        if not file.stages[name].absorber:
            continue
        behind = names[place + 1] if place + 1 < len(names) else name
        wanted = [(name, port) for port in ("z", "a", "delta")] + [(behind, "rho")]
        lacking = [
            f"stages.{stage}.taps.{port}"
            for stage, port in wanted
            if getattr(file.stages[stage].taps, port) is None
        ]
        if not lacking:
            return ""
        missing += lacking
    if not missing:
        return "there is no absorber"
    return f"it needs all four ports of an absorber; not in the file: {', '.join(missing)}"
