import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad

from instruments.errors import SettingsError
from sim_backends.optics import liquid_crystal as layer

TURN = 2 * np.pi


class TestCurve:
    def test_a_straight_panel_steps_evenly(self):
        phase = layer.grey_to_phase(np.arange(256), 256, TURN)
        np.testing.assert_allclose(phase, np.arange(256) * TURN / 256)

    @settings(max_examples=40, deadline=None)
    @given(st.floats(-0.3, 0.3), st.floats(-0.15, 0.15))
    def test_rises_or_is_refused(self, bow, twist):
        try:
            phase = layer.grey_to_phase(np.arange(257), 256, TURN, bow, twist)
        except SettingsError:
            assert np.pi * abs(bow) + 2 * np.pi * abs(twist) >= 1
        else:
            assert np.all(np.diff(phase) > 0)
            assert phase[0] == 0
            assert phase[-1] == pytest.approx(TURN)

    def test_bow_is_the_deviation_at_mid_scale_and_twist_at_the_quarters(self):
        phase = layer.grey_to_phase([64, 128, 192], 256, 1.0, bow=0.05, twist=0.02)
        at_quarter = 0.05 * np.sqrt(0.5)
        np.testing.assert_allclose(
            phase, [0.25 + at_quarter + 0.02, 0.55, 0.75 + at_quarter - 0.02]
        )


class TestNearestGrey:
    @pytest.mark.parametrize("stroke", [0.9 * TURN, TURN, 1.2 * TURN])
    def test_is_what_an_exhaustive_search_on_the_circle_finds(self, stroke):
        curve = 0.4 + layer.grey_to_phase(np.arange(64), 64, stroke, bow=0.08, twist=-0.03)
        phase = np.random.default_rng(1).uniform(-15, 15, 2000)
        distance = np.abs(np.angle(np.exp(1j * (curve[:, None] - phase))))
        chosen = layer.nearest_grey(phase, curve)
        found = np.take_along_axis(distance, chosen[None], axis=0)[0]
        # Beyond one turn the curve repeats itself at other phases; the first turn is used.
        allowed = distance[curve < curve[0] + TURN]
        np.testing.assert_allclose(found, allowed.min(axis=0), atol=1e-9)

    def test_every_level_of_a_one_turn_panel_is_found_again(self):
        curve = layer.grey_to_phase(np.arange(256), 256, TURN, bow=-0.1)
        np.testing.assert_array_equal(layer.nearest_grey(curve, curve), np.arange(256))
        np.testing.assert_array_equal(layer.nearest_grey(curve - 3 * TURN, curve), np.arange(256))


class TestSettling:
    def test_obeys_the_rate_equation(self):
        times = np.linspace(0, 0.05, 5001)
        phase = layer.settled(1.0, 4.0, times, 0.008)
        slope = np.gradient(phase, times)
        np.testing.assert_allclose(slope[1:-1], (4.0 - phase[1:-1]) / 0.008, rtol=1e-5)
        assert phase[0] == 1.0

    def test_two_steps_are_one(self):
        halfway = layer.settled(0.2, 3.0, 0.004, 0.01)
        np.testing.assert_allclose(
            layer.settled(halfway, 3.0, 0.007, 0.01), layer.settled(0.2, 3.0, 0.011, 0.01)
        )

    def test_waiting_time_leaves_the_fraction_asked_for(self):
        wait = layer.settling_seconds(0.01, 0.002)
        assert layer.settled(1.0, 0.0, wait, 0.01) == pytest.approx(0.002)


class TestCrossTalk:
    @pytest.mark.parametrize("neighbour", [0, 1, 2, 3])
    def test_kernel_is_the_block_average_of_the_spread(self, neighbour):
        fringe, block = 1.7, 4.0

        def spread_of_one_block(x):
            near, far = x - neighbour * block, x - (neighbour + 1) * block

            def antiderivative(y):
                return 0.5 * np.sign(y) * -np.expm1(-abs(y) / fringe)

            return antiderivative(near) - antiderivative(far)

        expected, _ = quad(spread_of_one_block, 0, block, points=[0, block], epsabs=1e-12)
        kernel = layer.fringing_kernel(fringe, 4, reach=40)
        assert kernel[40 + neighbour] == pytest.approx(expected / block, abs=1e-9)

    @pytest.mark.parametrize("fringe", [0.0, 0.02, 0.7, 5.0])
    @pytest.mark.parametrize("block", [1, 9])
    def test_kernel_is_symmetric_positive_and_normalised(self, fringe, block):
        kernel = layer.fringing_kernel(fringe, block)
        assert kernel.sum() == pytest.approx(1.0, abs=1e-14)
        assert kernel.min() >= 0
        np.testing.assert_array_equal(kernel, kernel[::-1])
        assert np.argmax(kernel) == 2

    def test_no_fringe_leaves_the_frame_alone(self):
        frame = np.random.default_rng(2).random((3, 5, 7))
        kernel = layer.fringing_kernel(0.0, 8)
        np.testing.assert_array_equal(layer.cross_talk(frame, kernel, kernel), frame)

    def test_a_uniform_frame_stays_uniform_up_to_its_edges(self):
        kernel = layer.fringing_kernel(1.0, 3)
        mixed = layer.cross_talk(np.full((6, 4), 1.3), kernel, kernel)
        np.testing.assert_allclose(mixed, 1.3, rtol=1e-14)

    def test_pixels_averaged_over_blocks_are_the_blocks_mixed_directly(self):
        block, fringe = 12, 3.0
        frame = np.random.default_rng(3).random((9, 8))
        fine = np.kron(frame, np.ones((block, block)))
        pixel_kernel = layer.fringing_kernel(fringe, 1, reach=36)
        rows, columns = frame.shape
        by_pixel = layer.cross_talk(fine, pixel_kernel, pixel_kernel)
        by_pixel = by_pixel.reshape(rows, block, columns, block).mean(axis=(1, 3))
        block_kernel = layer.fringing_kernel(fringe, block, reach=3)
        by_block = layer.cross_talk(frame, block_kernel, block_kernel)
        np.testing.assert_allclose(by_pixel, by_block, atol=1e-5)


class TestFlicker:
    def test_has_the_rms_asked_for(self):
        times = np.arange(1000) / 1000 / 60.0
        ripple = layer.flicker_radians(times, 60.0, 0.05, start_phase_radians=0.4)
        assert np.sqrt(np.mean(ripple**2)) == pytest.approx(0.05)
        assert ripple.mean() == pytest.approx(0.0, abs=1e-15)

    def test_contrast_is_the_mean_field_over_a_period(self):
        times = np.arange(1000) / 1000 / 60.0
        ripple = layer.flicker_radians(times, 60.0, 0.7)
        assert np.exp(1j * ripple).mean() == pytest.approx(layer.flicker_contrast(0.7), abs=1e-12)
