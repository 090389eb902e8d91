"""Simulated panels: what a grating diffracts, when it is on, blocks against pixels."""

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulated_bench import (
    HIDDEN,
    INPUTS,
    PANEL_8_BIT,
    TIMEOUT,
    pattern,
    random_levels,
    simulated_bench,
    volts_for,
)

from instruments.errors import InstrumentError, LimitError
from instruments.interfaces.block_geometry import BlockGeometry
from instruments.interfaces.spatial_light_modulator import BlockPattern, expand_blocks

SHAPE = (HIDDEN, INPUTS)
REFRESH = 10e-3
SETTLING_TIME = 3e-3
CURVED = {
    "panels": {
        "quantised": True,
        "stroke_spread": 0.05,
        "bow": "0.4 rad",
        "region_spread": 0.5,
        "regions": 2,
        "cross_talk": 0.02,
    }
}


def lit(**changes):
    bench = simulated_bench(**changes)
    bench.switch_on()
    return bench


def with_levels(twin=None, **settings):
    """A bench whose first panel has grey levels."""
    own = {"slm_1": {**PANEL_8_BIT, **settings}, "slm_2": PANEL_8_BIT}
    return lit(settings=own, twin=twin or {"panels": {"quantised": True}})


def blocks_as_seen(bench):
    """Return the field ``[outputs, inputs]`` that each block of the first panel passes on."""
    bench.load(volts_for(np.eye(INPUTS)))
    bench["trigger"].fire(INPUTS)
    real, imaginary = bench.twin.stages[0].z
    return (real + 1j * imaginary).T


def relative(bench, depth, offset):
    """Return what blocks pass on, relative to blocks that diffract everything."""
    bench.show("slm_1", np.ones(SHAPE, np.float32), np.zeros(SHAPE, np.float32))
    full = blocks_as_seen(bench)
    bench.show("slm_1", depth, offset)
    return blocks_as_seen(bench) / full


def waves(*values):
    return np.resize(np.array(values, np.float32), SHAPE)


def show_and_expose(bench, at):
    """Let the clock reach ``at`` and look: blocks as seen at that moment."""
    period = bench["trigger"].period_seconds()
    bench.load(volts_for(np.ones((1, INPUTS))))
    bench.twin.clock.seconds = at - period
    bench["trigger"].fire(1)
    return bench.twin.stages[0].z[0, 0].copy()


# Examples of a property share a bench.
bench_with_levels = cache(with_levels)


class TestGratings:
    def test_the_depth_sets_the_amplitude_in_the_first_order(self):
        # sinc(1 - M) at the depths of amplitudes 1, 0.9, 0.5, 0.1 and 0. Nine pixels a period
        # make a staircase, sin(x) / (9 sin(x / 9)) with x = pi (1 - M): at most 0.0038 from it.
        depths = waves(1.0, 0.7496, 0.3966, 0.0921, 0.0)
        seen = np.abs(relative(lit(), depths, waves(0.0)))
        np.testing.assert_allclose(seen.ravel()[:5], [1.0, 0.9, 0.5, 0.1, 0.0], atol=0.004)
        x = np.pi * (1 - depths.astype(float))
        staircase = np.sinc(x / np.pi) / np.sinc(x / (9 * np.pi))
        np.testing.assert_allclose(seen, staircase, atol=1e-5)

    def test_a_shallow_grating_turns_the_phase_and_the_offset_turns_it_back(self):
        depths = waves(1.0, 0.8, 0.5, 0.3, 0.15)
        turned = relative(lit(), depths, waves(0.0))
        np.testing.assert_allclose(np.angle(turned), np.pi * (depths - 1), atol=1e-4)
        offsets = ((1 - depths) / 2).astype(np.float32)
        real = relative(lit(), depths, offsets)
        np.testing.assert_allclose(real.imag, 0.0, atol=1e-5)
        assert (real.real > 0.1).all()

    def test_half_a_wave_of_offset_makes_a_weight_negative(self):
        seen = relative(lit(), waves(1.0), waves(0.0, 0.5, 0.25))
        np.testing.assert_allclose(seen.ravel()[:3], [1.0, -1.0, 1j], atol=1e-5)

    def test_grey_levels_round_the_light_by_less_than_half_a_level(self):
        # Each pixel's phase is off by at most pi / 256, so the mean of unit phasors is too.
        depths, offsets = np.float32(np.random.default_rng(5).uniform(0, 1, (2, *SHAPE)))
        exact = relative(lit(), depths, offsets)
        bench = with_levels()
        bench.show("slm_1", np.full(SHAPE, 256, np.uint16), np.zeros(SHAPE, np.uint16))
        full = blocks_as_seen(bench)
        depth_levels = np.rint(256 * depths).astype(np.uint16)
        offset_levels = (np.rint(256 * offsets) % 256).astype(np.uint16)
        bench.show("slm_1", depth_levels, offset_levels)
        deviation = np.abs(blocks_as_seen(bench) / full - exact).max()
        # Rounding of depth and of offset, half a level each, on top of that of the ramp.
        assert 1e-4 < deviation < 3 * np.pi / 256

    def test_its_blocks_lose_light_to_the_fan_out_and_the_losses_of_the_path(self):
        # All light of one input in one output: transmission 50 %, fan-out and fan-in of 5 x 6;
        # the amplifier at 60 mA adds 30 dB (1 - exp(-2/3)).
        bench = lit()
        bench.show("slm_1", waves(1.0), waves(0.0))
        gain = 10 ** (3 * (1 - np.exp(-2 / 3)))
        expected = np.sqrt(0.5 / 30 * gain)
        np.testing.assert_allclose(blocks_as_seen(bench).real, expected, rtol=1e-5)


class TestTiming:
    def test_a_frame_appears_at_the_next_refresh_and_settles_exponentially(self):
        bench = lit(twin={"panels": {"settling_time": f"{SETTLING_TIME} s"}})
        panel = bench["slm_1"]
        now = bench.twin.clock.now()
        panel.show_blocks(pattern(panel, waves(1.0), waves(0.0)))
        on = panel.shown_at_seconds() - panel.settling_seconds
        assert now <= on < now + REFRESH
        assert on / REFRESH == pytest.approx(round(on / REFRESH), abs=1e-6)
        settled = show_and_expose(bench, on + 1.0)
        for constants in (0.3, 1.0, 3.0):
            seen = show_and_expose(bench, on + constants * SETTLING_TIME)
            np.testing.assert_allclose(seen / settled, 1 - np.exp(-constants), rtol=1e-5)

    def test_before_its_refresh_the_frame_before_is_seen(self):
        bench = lit(twin={"panels": {"settling_time": f"{SETTLING_TIME} s"}})
        bench.show("slm_1", waves(1.0), waves(0.0))
        before = show_and_expose(bench, 10.0001)
        panel = bench["slm_1"]
        panel.show_blocks(pattern(panel, waves(1.0), waves(0.5)))
        np.testing.assert_allclose(show_and_expose(bench, 10.009), before, rtol=1e-4)
        np.testing.assert_allclose(show_and_expose(bench, 10.1), -before, rtol=1e-4)

    @pytest.mark.parametrize("settling", ["0 s", "3 ms"])
    def test_of_two_frames_within_a_refresh_only_the_second_is_ever_seen(self, settling):
        bench = lit(twin={"panels": {"settling_time": settling}})
        bench.show("slm_1", waves(1.0), waves(0.0))
        before = show_and_expose(bench, 10.0001)
        panel = bench["slm_1"]
        for depth, offset in ((waves(0.5), waves(0.0)), (waves(1.0), waves(0.5))):
            panel.show_blocks(pattern(panel, depth, offset))
        np.testing.assert_allclose(show_and_expose(bench, 10.005), before, rtol=1e-4)
        np.testing.assert_allclose(show_and_expose(bench, 10.1), -before, rtol=1e-4)

    def test_waiting_takes_the_twins_time_and_leaves_nothing_of_the_frame_before(self):
        bench = lit(twin={"panels": {"settling_time": f"{SETTLING_TIME} s"}})
        panel = bench["slm_1"]
        panel.show_blocks(pattern(panel, waves(1.0), waves(0.0)))
        panel.wait_until_settled(TIMEOUT)
        assert bench.twin.clock.now() == panel.shown_at_seconds()
        now = show_and_expose(bench, panel.shown_at_seconds() + 1e-4)
        later = show_and_expose(bench, panel.shown_at_seconds() + 1.0)
        np.testing.assert_allclose(now, later, rtol=1e-4)


class TestPixelsAndBlocks:
    """Equal but for rounding: tables are summed in single precision over the 9 pixels of a period,
    pixels over the 81 of a block. Both err by some 1e-6 of full scale; 1e-5 is allowed."""

    @pytest.mark.parametrize(
        "panel_settings",
        [{}, {"bit_depth": 10}, {"bit_depth": 8, "levels_per_wave": 200}],
        ids=["8-bit", "10-bit", "200 levels a wave"],
    )
    @pytest.mark.parametrize("way", ["faithful blocks", "frame"])
    def test_every_detector_reads_the_same(self, panel_settings, way):
        readings = []
        for faithful in (False, True):
            bench = with_levels(twin=CURVED, faithful=faithful, **panel_settings)
            panel = bench["slm_1"]
            wave = panel.levels_per_wave
            generator = np.random.default_rng(7)
            blocks = BlockPattern(
                generator.integers(0, wave + 1, SHAPE).astype(np.uint16),
                generator.integers(0, wave, SHAPE).astype(np.uint16),
                pattern(panel, *random_levels(panel, generator)).geometry,
                9,
                levels_per_wave=wave,
            )
            if faithful and way == "frame":
                dtype = np.uint16 if panel.bit_depth > 8 else np.uint8
                frame = np.zeros((panel.rows, panel.columns), dtype)
                panel.show_frame(expand_blocks(blocks, frame))
            else:
                panel.show_blocks(blocks)
            panel.wait_until_settled(TIMEOUT)
            bench.show("slm_2", *random_levels(bench["slm_2"], generator))
            inputs = generator.uniform(-3, 3, (8, INPUTS))
            errors = generator.uniform(-1, 1, (8, 4))
            readings.append(bench.expose(inputs, errors))
        for name, volts in readings[0].items():
            scale = np.abs(volts).max()
            assert scale > 1e-4
            np.testing.assert_allclose(readings[1][name], volts, atol=1e-5 * scale, err_msg=name)

    @given(st.integers(0, 2**32 - 1), st.sampled_from([(2, 3), (8, 8), (9, 1), (10, 6)]))
    @settings(max_examples=15, deadline=None)
    def test_rows_that_show_something_else_leave_the_share_of_the_others(self, seed, rows):
        # A flat row sends nothing into the first order.
        generator = np.random.default_rng(seed)
        bench = bench_with_levels()
        panel = bench["slm_1"]
        blocks = pattern(panel, *random_levels(panel, generator))
        frame = expand_blocks(blocks, np.zeros((panel.rows, panel.columns), np.uint8))
        panel.show_frame(frame)
        panel.wait_until_settled(TIMEOUT)
        whole = blocks_as_seen(bench)
        first, count = rows
        flat = slice(first, first + count)
        frame[flat] = generator.integers(0, 256)
        panel.show_frame(frame)
        panel.wait_until_settled(TIMEOUT)
        kept = np.ones(panel.rows)
        kept[flat] = 0
        share = kept.reshape(HIDDEN, 9).mean(axis=1)
        scale = np.abs(whole).max()
        np.testing.assert_allclose(
            blocks_as_seen(bench), share[:, np.newaxis] * whole, atol=1e-5 * scale
        )

    def test_a_grating_across_the_other_axis_sends_nothing_into_the_order(self):
        bench = with_levels()
        panel = bench["slm_1"]
        full, zero = np.full(SHAPE, 256, np.uint16), np.zeros(SHAPE, np.uint16)
        bench.show("slm_1", full, zero)
        bright = np.abs(blocks_as_seen(bench)).min()
        geometry = pattern(panel, full, zero).geometry
        panel.show_blocks(BlockPattern(full, zero, geometry, 9, "rows"))
        panel.wait_until_settled(TIMEOUT)
        assert np.abs(blocks_as_seen(bench)).max() < 1e-5 * bright

    def test_without_steps_in_the_twin_blocks_are_exact_and_pixels_are_rounded(self):
        # The rounding of a ramp to grey levels is all that is between them: half a level.
        generator = np.random.default_rng(3)
        bench = with_levels(twin={"panels": {"quantised": False}})
        panel = bench["slm_1"]
        blocks = pattern(panel, *random_levels(panel, generator))
        panel.show_blocks(blocks)
        panel.wait_until_settled(TIMEOUT)
        exact = blocks_as_seen(bench)
        panel.show_frame(expand_blocks(blocks, np.zeros((panel.rows, panel.columns), np.uint8)))
        panel.wait_until_settled(TIMEOUT)
        deviation = np.abs(blocks_as_seen(bench) - exact).max() / np.abs(exact).max()
        assert 1e-5 < deviation < np.pi / 256


class TestLimits:
    def test_levels_above_the_bench_files_limit_are_refused_in_frames_and_in_blocks(self):
        bench = lit(
            settings={"slm_1": PANEL_8_BIT, "slm_2": PANEL_8_BIT},
            twin={"panels": {"quantised": True}},
            limits={"slm_1": {"level": [0, 200]}},
        )
        panel = bench["slm_1"]
        zero = np.zeros(SHAPE, np.uint16)
        panel.show_blocks(pattern(panel, zero + 100, zero + 50))
        with pytest.raises(LimitError, match="grey levels"):
            panel.show_blocks(pattern(panel, zero + 256, zero))
        with pytest.raises(LimitError, match="grey levels"):
            panel.show_frame(np.full((panel.rows, panel.columns), 201, np.uint8))

    def test_a_panel_without_steps_takes_the_blocks_of_its_stage_only(self):
        panel = lit()["slm_1"]
        with pytest.raises(InstrumentError, match="float32 block patterns"):
            panel.show_frame(np.zeros((panel.rows, panel.columns), np.uint8))
        one = np.ones((1, 1), np.float32)
        with pytest.raises(InstrumentError, match="own raster"):
            panel.show_blocks(BlockPattern(one, one, BlockGeometry(1, 1, 9, 9), 9))

    def test_a_panel_without_steps_needs_a_twin_without_steps(self):
        with pytest.raises(InstrumentError, match="quantised = false"):
            simulated_bench(twin={"panels": {"quantised": True}})
