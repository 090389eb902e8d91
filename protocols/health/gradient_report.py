"""Everything that can be said of the gradient a bench measures, in one go."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from instruments.bench import Bench
from instruments.network import Array
from protocols.calibration.results import Curve
from protocols.health.bench_parts import file_of
from protocols.health.drift.checks import CHECKS, drift_checks
from protocols.health.drift.finding import Drift
from protocols.health.finite_differences import SpotChecks, spot_checks
from protocols.health.gradient_fidelity import LayerFidelity, Level, compare_layer, compared
from protocols.health.repeated_frames import mean_of, repeat
from protocols.health.signal_and_noise import TapErrors, tap_errors
from protocols.health.table_twin import TableTwin, exact_gradient
from protocols.health.tap_only import TapOnly, tap_only_checks, why_not
from protocols.losses import Labels, Loss


@dataclass(frozen=True)
class GradientReport:
    """What ``report_on`` found.

    Attributes
    ----------
    fidelity
        Of each layer, against what the tables let expect of a probe.
    probe_cosines
        Of each layer, the cosine of what a perfect probe would measure to the true gradient.
    measured, expected
        Of each layer, the mean measured gradient and the computed one.
    spots
        Of each layer, single weights moved.
    tap_only, why_no_tap_only
        Checks of taps alone; why there are none.
    taps
        Errors of every bank.
    drifts
        What was off; weights stand as before.
    """

    fidelity: list[LayerFidelity]
    probe_cosines: list[float]
    measured: list[Array]
    expected: list[Array]
    spots: list[SpotChecks]
    tap_only: list[TapOnly]
    why_no_tap_only: str
    taps: list[TapErrors]
    drifts: list[Drift]

    @property
    def below_stop(self) -> list[LayerFidelity]:
        """Layers with which training would stop."""
        return [one for one in self.fidelity if one.level is Level.STOP]

    def curves(self) -> list[Curve]:
        """Return what is worth drawing: gradients weight by weight, moved weights, taps."""
        curves = []
        for one, measured, expected in zip(
            self.fidelity, self.measured, self.expected, strict=True
        ):
            x = expected.ravel().astype(np.float64)
            curves.append(
                Curve(
                    f"layer {one.layer}: cosine {one.cosine:.3f}, gain {one.gain:.3f}",
                    x,
                    measured.ravel().astype(np.float64),
                    one.gain * x,
                    "gradient by the tables",
                    "measured with light",
                )
            )
        curves += [
            Curve(
                f"layer {one.layer}: single weights moved, cosine {one.cosine:.3f}",
                one.measured,
                one.slopes,
                one.measured,
                "gradient measured with light",
                "slope of the loss",
            )
            for one in self.spots
        ]
        curves += [
            Curve(
                f"{one.bank}, {one.port} of layer {one.layer}: signal error; line: noise",
                np.arange(one.signal.size, dtype=np.float64),
                one.signal / one.rms,
                one.noise / one.rms,
                "tap",
                "share of the fields",
            )
            for one in self.taps
            if one.rms
        ]
        return curves


def steps_of_report(bench: Bench, takes: int, spots: int) -> int:
    """Return how often ``report_on`` calls ``after``."""
    weights = sum(min(spots, one.inputs * one.outputs) for one in bench.layers)
    return takes + 1 + weights + len(CHECKS)


def report_on(
    bench: Bench,
    inputs: Array,
    labels: Labels,
    loss: Loss,
    *,
    takes: int,
    spots: int,
    generator: np.random.Generator,
    after: Callable[[], None],
) -> GradientReport:
    """Look at the gradient that a bench measures with the weights it shows.

    Parameters
    ----------
    inputs, labels
        The minibatch to look at it with.
    takes
        How often it is taken: what differs is noise.
    spots
        How many weights of each layer are moved.
    generator
        Draws which, and what is shown to look for drift.
    after
        Called behind every step, ``steps_of_report`` times.
    """
    twin = TableTwin(bench)
    repeats = repeat(bench, inputs, labels, loss, takes, after)
    errors = repeats.mean_output_errors()
    expected = twin.gradient(inputs, errors)
    exact = exact_gradient(twin, inputs, errors)
    measured = [mean_of(repeats.gradients_of(layer)) for layer in range(len(bench.layers))]
    lacking = why_not(file_of(bench))
    tap_only = [] if lacking else tap_only_checks(bench, inputs, errors)
    after()
    return GradientReport(
        fidelity=compared(repeats, expected),
        probe_cosines=[
            compare_layer(number, [probe], true).cosine
            for number, (probe, true) in enumerate(zip(expected, exact, strict=True), start=1)
        ],
        measured=measured,
        expected=expected,
        spots=spot_checks(bench, inputs, errors, measured, spots, generator, after),
        tap_only=tap_only,
        why_no_tap_only=lacking,
        taps=tap_errors(bench, twin, repeats),
        drifts=drift_checks(bench, inputs, generator, after),
    )
