"""Light through a stage whose panel changes: complex light meets what its parts meet."""

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st
from lit_twin import HIDDEN, INPUTS, LEVELS, lit

from sim_backends.twin.noise import NoiseStream

QUIET = NoiseStream(0)
LIT = [("show", 1, 0.0), ("wait", 1000.0), ("complex light",)]
MILLISECONDS = st.sampled_from([0.0, 0.5, 3.0, 1000.0])
EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("show"), st.integers(0, 2**32 - 1), MILLISECONDS),
        st.tuples(st.just("wait"), MILLISECONDS),
        st.tuples(st.sampled_from(["dark", "restore", "real light", "complex light"])),
    ),
    min_size=1,
    max_size=8,
)


def show(twin, stage, seed, delay_milliseconds):
    generator = np.random.default_rng(seed)
    depth = generator.integers(0, LEVELS + 1, (HIDDEN, INPUTS)).astype(np.uint16)
    offset = generator.integers(0, LEVELS, (HIDDEN, INPUTS)).astype(np.uint16)
    stage.show(depth, offset, twin.clock.now() + 1e-3 * delay_milliseconds)


def z_of(twin, stage, x):
    stage.shine(np.ascontiguousarray(x), None, twin.clock.now(), QUIET, {})
    return stage.z[0] + 1j * stage.z[1]


@given(st.sampled_from([0.0, 0.2]), EVENTS)
@example(0.0, [*LIT, ("show", 2, 0.0), ("wait", 1000.0)])
@example(0.0, [*LIT, ("show", 2, 0.0), *LIT[1:], ("dark",)])
@example(0.0, [*LIT, ("dark",)])
@settings(max_examples=60, deadline=None)
def test_complex_light_is_real_light_and_a_quarter_turn_of_real_light(decentring, events):
    twin = lit("panels", levels=True, diagonal=False, settling_time="3 ms")
    stage = twin.stages[0]
    stage.slit_decentring = decentring
    stage.column_turns = decentring * np.linspace(-1, 1, INPUTS)
    x = np.random.default_rng(1).normal(size=(2, 3, INPUTS)).astype(np.float32)
    for what, *how in events:
        if what == "show":
            show(twin, stage, *how)
        elif what == "wait":
            twin.clock.wait(1e-3 * how[0])
        elif what == "dark":
            stage.go_dark()
        elif what == "restore":
            stage.restore(stage.state())
        else:
            z_of(twin, stage, x[:1] if what == "real light" else x)
    found = z_of(twin, stage, x)
    expected = z_of(twin, stage, x[:1]) + 1j * z_of(twin, stage, x[1:])
    scale = np.sqrt(INPUTS) * stage.row_gains.max() * float(stage.amplifier.carrier_gain)
    np.testing.assert_allclose(found, expected, atol=1e-5 * scale)
