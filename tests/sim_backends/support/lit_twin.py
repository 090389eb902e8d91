"""A digits twin with everything on, perfect but for what a test asks for.

Unless a test says otherwise block ``(j, j)`` of the first panel alone is open and amplifiers make
up for what fan-out and fan-in cost: ``z_j`` is the field ``x_j`` of 64 modulators and 48 neurons.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import light_by_hand as hand
import numpy as np
import pytest
from example_benches import bench_file
from pydantic import BaseModel

from sim_backends.simulated.twin_of_bench import twin_of_bench
from sim_backends.twin.imperfections import Imperfections

INPUTS, HIDDEN, OUTPUTS = 64, 48, 10
HALF_WAVE, FULL, ERROR_FULL = 3.5, 1.05, 0.35
MODULATOR_STEP = 10.0 / 2**14
Z_VOLTS, A_VOLTS, DELTA_VOLTS, OUTPUT_VOLTS = 0.1, 0.25, 2.0, 0.1
DETECTOR_STEP = 2.0 / 2**14
PERIOD, LEVELS = 9, 256
HIGHEST_DECIBELS, TRANSPARENCY, SCALE = 45.0, 0.02, 0.06
FIRST_PASSIVE = np.sqrt(0.5 / (HIDDEN * INPUTS))
SECOND_PASSIVE = np.sqrt(0.5 / (OUTPUTS * HIDDEN))
SATURATION_WATTS = 521e-9
WINDOW_SECONDS = 50e-6
PHOTONS = hand.photons(SATURATION_WATTS, WINDOW_SECONDS, 780.241e-9)
FAR_DETUNED = 20e9
QUARTER = np.pi / 2
EXACT = 2e-6

FIELDS = {
    section: [f"{section}.{field}" for field in info.annotation.model_fields]
    for section, info in Imperfections.model_fields.items()
    if isinstance(info.annotation, type) and issubclass(info.annotation, BaseModel)
}
"""Every imperfection there is, by section."""


class Checks:
    """What shows each imperfection of some sections."""

    def __init__(self, *sections: str) -> None:
        self.fields = [field for section in sections for field in FIELDS[section]]
        self._checks: dict[str, Callable[[], None]] = {}

    def shows(self, field: str) -> Callable[[Callable[[], None]], Callable[[], None]]:
        """Take a function as the check of a field."""
        assert field in self.fields

        def take(check: Callable[[], None]) -> Callable[[], None]:
            self._checks[field] = check
            return check

        return take

    def run(self, field: str) -> None:
        """Run the check of a field; there has to be one."""
        assert field in self._checks, f"nothing here shows what {field} does to the taps"
        self._checks[field]()


@cache
def file_of(levels, settings):
    return bench_file(
        twin={}, smooth_panels=not levels, settings={name: dict(own) for name, own in settings}
    )


def lit(section, seed=1, *, levels=False, settings=(), diagonal=True, **own):
    """Return a twin with everything on, perfect but for ``own`` values of one section."""
    truth = {"perfect": True, "seed": seed, section: own}
    file = file_of(levels, settings).model_copy(update={"twin": truth})
    twin = twin_of_bench(file)
    twin.set_laser(enabled=True, detuning_hertz=0.0)
    twin.set_oven(75.0)
    for shutter in ("pump_shutter", "probe_shutter", "reference_shutter"):
        twin.set_shutter(shutter, True)
    amplify(twin, "amplifier_1", FIRST_PASSIVE**-2)
    amplify(twin, "amplifier_2", SECOND_PASSIVE**-2)
    if diagonal:
        show(twin, "slm_1", np.eye(HIDDEN, INPUTS))
    return twin


def amplify(twin, name, gain):
    """Drive amplifiers with the current of their data sheet for a power gain."""
    decibels = 10 * np.log10(gain)
    amperes = TRANSPARENCY - SCALE * np.log(1 - decibels / HIGHEST_DECIBELS)
    assert hand.gain_decibels(amperes, HIGHEST_DECIBELS, TRANSPARENCY, SCALE) == pytest.approx(
        decibels
    )
    twin.set_current(name, np.full(HIDDEN if name == "amplifier_2" else 1, amperes), enabled=True)


def show(twin, panel, depth, offset=None):
    """Show blocks, in waves or grey levels, and wait until they stand still."""
    levels = twin.imperfections.panels.quantised
    offset = np.zeros(np.shape(depth)) if offset is None else offset
    kind = np.uint16 if levels else np.float32
    whole = LEVELS if levels and np.max(depth) <= 1 else 1
    twin.show(panel, (np.asarray(depth) * whole).astype(kind), np.asarray(offset).astype(kind))
    twin.clock.wait(1.0)


def volts_for(fields, full=FULL):
    return (2 * HALF_WAVE / np.pi * np.arcsin(np.asarray(fields) / full)).astype("f")


def z_at(twin, volts, bank="taps_z", per_field=Z_VOLTS):
    """Return fields ``[shots, n]`` read with modulators at ``volts [shots, 64]``."""
    twin.drive("inputs", np.asarray(volts, np.float32))
    return twin.expose(len(volts), [bank])[bank].astype(float) / per_field


def all_at(volts, shots=1):
    return np.full((shots, INPUTS), volts, np.float32)


def complex_z(twin, volts, bank="taps_z", per_field=Z_VOLTS):
    """Read both quadratures with the reference turned by a quarter in between."""
    real = z_at(twin, volts, bank, per_field)
    twin.set_reference_phase(bank, QUARTER)
    imaginary = z_at(twin, volts, bank, per_field)
    twin.set_reference_phase(bank, 0.0)
    return real + 1j * imaginary


def coefficients(twin):
    """Return what light meets at every block of the first panel, column by column."""
    return complex_z(twin, volts_for(np.eye(INPUTS))).T


def random_levels(generator):
    depth = generator.integers(0, LEVELS + 1, (HIDDEN, INPUTS))
    depth[0, 0] = LEVELS
    return depth, generator.integers(0, LEVELS, (HIDDEN, INPUTS))


def has_spread(deviations, rms):
    """Check zero mean and rms of a sample, each within four of its standard errors."""
    values = np.ravel(deviations)
    assert abs(values.mean()) < 4 * rms / np.sqrt(values.size)
    assert values.std() == pytest.approx(rms, rel=4 / np.sqrt(2 * values.size))


STRONG = (("inputs", (("field_at_full", 25.0),)),)
LIGHT = volts_for(np.full((1, INPUTS), 0.8))
