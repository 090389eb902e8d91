"""Each imperfection of mirrors alone moves the readings of taps as physics says.

Through a panel that passes input ``i`` on to output ``i``, at a gain that makes up for its losses,
the taps in front of the absorber read the light on their own block of mirrors.
"""

import numpy as np
import pytest
from lit_twin import (
    EXACT,
    FIRST_PASSIVE,
    HIDDEN,
    INPUTS,
    QUARTER,
    Checks,
    amplify,
    complex_z,
    has_spread,
    show,
    z_at,
)
from mirror_bench import INPUTS as SECTION
from mirror_bench import mirror_bench

from sim_backends.simulated.twin_of_bench import twin_of_bench

CHECKS = Checks("mirrors")
FULL = 1.05
HOLOGRAM = 1 / np.pi
"""Field in the first order of stripes of half a period."""


@pytest.mark.parametrize("field", CHECKS.fields)
def test_each_imperfection_alone_moves_the_taps_by_what_physics_says(field):
    CHECKS.run(field)


def lit(seed=1, *, carrier=True, **own):
    section = SECTION if carrier else SECTION.replace("carrier = 4\n", "")
    truth = {"perfect": True, "seed": seed, "mirrors": own}
    twin = twin_of_bench(mirror_bench(inputs=section).model_copy(update={"twin": truth}))
    twin.set_laser(enabled=True, detuning_hertz=0.0)
    twin.set_oven(75.0)
    for shutter in ("pump_shutter", "probe_shutter", "reference_shutter"):
        twin.set_shutter(shutter, True)
    amplify(twin, "amplifier_1", FIRST_PASSIVE**-2)
    show(twin, "slm_1", np.eye(HIDDEN, INPUTS))
    return twin


def read(twin, shares, reader=z_at):
    twin.drive("inputs", np.full((1, INPUTS), shares, np.complex64))
    # The helper drives modulators; mirrors are told beforehand.
    return reader(_Told(twin), np.zeros((1, INPUTS)))[0]


class _Told:
    """A twin whose inputs are set already."""

    def __init__(self, twin):
        self._twin = twin
        self.expose, self.set_reference_phase = twin.expose, twin.set_reference_phase

    def drive(self, name, drive):
        pass


@CHECKS.shows("mirrors.leakage")
def mirrors_that_are_off_send_some_light_on():
    twin = lit(leakage=0.03, carrier=False)
    np.testing.assert_allclose(read(twin, 0.0), 0.03 * FULL, atol=EXACT)
    np.testing.assert_allclose(read(twin, 1.0), FULL, atol=EXACT)
    np.testing.assert_allclose(read(twin, 0.5), (0.5 * 0.97 + 0.03) * FULL, atol=EXACT)
    # Even light has no first order: a hologram only loses contrast.
    twin = lit(leakage=0.03)
    np.testing.assert_allclose(read(twin, 0.0), 0.0, atol=EXACT)
    np.testing.assert_allclose(read(twin, -HOLOGRAM), -0.97 * FULL, atol=EXACT)


@CHECKS.shows("mirrors.illumination_spread")
def blocks_are_unequally_lit():
    found = []
    for seed in range(4):
        twin = lit(seed, illumination_spread=0.04)
        gains = read(twin, HOLOGRAM) / FULL
        np.testing.assert_allclose(read(twin, -0.5 * HOLOGRAM), -0.5 * gains * FULL, atol=EXACT)
        found.append(gains - 1)
    has_spread(found, 0.04)


@CHECKS.shows("mirrors.wavefront")
def blocks_do_not_lie_in_a_plane():
    found = []
    for seed in range(4):
        twin = lit(seed, wavefront="0.1 rad")
        light = read(twin, HOLOGRAM, complex_z)
        np.testing.assert_allclose(np.abs(light), FULL, atol=2 * EXACT)
        # A quarter of a period of shift is a quarter of a wave.
        turned = read(twin, HOLOGRAM * np.exp(1j * QUARTER), complex_z)
        np.testing.assert_allclose(turned, 1j * light, atol=2 * EXACT)
        found.append(np.angle(light))
    has_spread(found, 0.1)


def single_blocks(twin):
    """Return what each block alone brings to the first columns, ``[blocks, columns]``."""
    return np.stack(
        [read(twin, np.eye(INPUTS)[block] * HOLOGRAM) / FULL for block in range(INPUTS)]
    )


def painted(shift, magnification, points=4000):
    """Return the same by throwing points of each block's image into columns."""
    inside = (np.arange(points) + 0.5) / points - 0.5
    blocks = np.arange(INPUTS)[:, np.newaxis] + inside
    middle = (INPUTS - 1) / 2
    image = (1 + magnification) * (blocks - middle) + middle + shift
    column = np.floor(image + 0.5)
    return np.stack([(column == one).mean(axis=1) for one in range(HIDDEN)], axis=1)


@CHECKS.shows("mirrors.image_shift")
def the_image_of_the_blocks_lies_beside_the_columns():
    found = []
    for seed in range(12):
        twin = lit(seed, image_shift=0.2)
        shift = twin.mirrors["inputs"].shift
        if seed < 2:
            np.testing.assert_allclose(single_blocks(twin), painted(shift, 0.0), atol=1e-3)
        found.append(shift)
    has_spread(found, 0.2)


@CHECKS.shows("mirrors.image_magnification")
def the_image_of_the_blocks_is_too_large():
    found = []
    for seed in range(12):
        twin = lit(seed, image_magnification=0.02)
        larger = twin.mirrors["inputs"].magnification
        if seed < 2:
            np.testing.assert_allclose(single_blocks(twin), painted(0.0, larger), atol=1e-3)
        found.append(larger)
    has_spread(found, 0.02)
