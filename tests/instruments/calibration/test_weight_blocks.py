import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from instruments.calibration import weight_blocks
from instruments.calibration.weight_blocks import CLIPPED_SHIFT, OFFSET_SHIFT, STEPS, WORDS

SIZES = st.integers(1, 40)
SEEDS = st.integers(0, 2**32 - 1)


@settings(deadline=None)  # the first example waits for the loops to be compiled
@given(outputs=SIZES, inputs=SIZES, seed=SEEDS)
def test_the_required_gain_is_the_largest_ratio_of_all(outputs, inputs, seed):
    generator = np.random.default_rng(seed)
    weights = generator.normal(size=(outputs, inputs)).astype(np.float32)
    # Larger than the matrix, unlike for the two signs, with dead rows and columns.
    shape = (2, outputs + 2, inputs + 1)
    inverse = generator.lognormal(0, 2, shape).astype(np.float32)
    inverse[:, generator.random(shape[1]) < 0.2] = 0
    inverse[:, :, generator.random(shape[2]) < 0.2] = 0
    used = inverse[:, :outputs, :inputs]
    largest = max((weights * used[0]).max(), (-weights * used[1]).max(), 0)
    for columns in (np.ones(shape[2]), generator.lognormal(0, 1, shape[2])):
        column_bounds = columns.astype(np.float32)
        row_bounds = (inverse / column_bounds).max(axis=(0, 2)) * np.float32(1 + 1e-6)
        found = weight_blocks.required_gain(weights, inverse, row_bounds, column_bounds)
        assert found == largest


# All examples are meant to be worked on by as many cores.
@pytest.mark.usefixtures("cores")
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(outputs=SIZES, inputs=SIZES, seed=SEEDS)
def test_every_weight_gets_the_word_nearest_to_it_in_its_region(outputs, inputs, seed):
    generator = np.random.default_rng(seed)
    words = generator.integers(0, 2**32, 3 * WORDS, dtype=np.uint32)
    shape = (outputs + 1, inputs + 2)
    region = generator.integers(0, 3, shape, dtype=np.uint16)
    weights = generator.normal(0, 0.6, (outputs, inputs)).astype(np.float32)
    rows = generator.uniform(-1.5, 1.5, shape[0]).astype(np.float32)
    columns = generator.uniform(-1.5, 1.5, shape[1]).astype(np.float32)
    depth, offset = np.full(shape, 7, np.uint16), np.full(shape, 7, np.uint16)
    clipped, largest = weight_blocks.encode_levels(
        weights, rows, columns, region, words, depth, offset
    )

    scale = (rows[:outputs, np.newaxis] * np.float32(STEPS)) * columns[:inputs]
    steps = np.clip(np.rint(weights * scale), -STEPS - 1, STEPS + 1).astype(np.int64)
    zero = WORDS * region.astype(np.int64) + STEPS + 1
    expected = words[zero[:outputs, :inputs] + steps]
    np.testing.assert_array_equal(depth[:outputs, :inputs], expected & 0xFFFF)
    np.testing.assert_array_equal(offset[:outputs, :inputs], (expected >> OFFSET_SHIFT) & 0x7FFF)
    assert clipped == np.count_nonzero(expected >> CLIPPED_SHIFT)
    assert largest == min(np.abs(steps).max() / STEPS, 1.0)
    for levels in (depth, offset):
        assert not levels[outputs:].any()
        assert not levels[:, inputs:].any()
