"""An emitter: samples in fields, marks behind them, in the drive its table asks for."""

import numpy as np
import pytest

from instruments.bench_file.reading import built_in_text, parse_bench_file
from instruments.bench_opening import open_bench
from instruments.calibration.encoder import EncoderTable
from instruments.stage_hardware import Emitter

FIELDS = np.full((3, 4), 0.2, np.float32)


class Loaded:
    """Modulators that keep what was loaded."""

    channels = 4

    def load(self, volts):
        self.volts = volts.copy()


def table(half_wave_volts):
    return EncoderTable.nominal(4, half_wave_volts, instrument="inputs", bench="test")


def test_marks_follow_the_table_that_is_adopted():
    modulators = Loaded()
    emitter = Emitter(modulators, table(3.5), marks=(1.0, -1.0))
    emitter.load(FIELDS)
    before = modulators.volts
    emitter.adopt(table(7.0))
    emitter.load(FIELDS)
    # Twice the half-wave voltage takes twice the volts for the same fields, those of marks too.
    np.testing.assert_allclose(modulators.volts, 2 * before, rtol=1e-5)
    assert modulators.volts.shape == (5, 4)
    emitter.load_steady(6)
    np.testing.assert_allclose(modulators.volts, np.tile(2 * before[3], (6, 1)), rtol=1e-5)


def test_its_reach_is_that_of_its_table_within_what_the_device_takes():
    emitter = Emitter(Loaded(), table(3.5), drive_within=(-3.5, 1.0))
    assert emitter.reach() is emitter.reach()
    for half_wave_volts in (3.5, 7.0):
        emitter.adopt(table(half_wave_volts))
        lowest, highest = emitter.reach()
        np.testing.assert_allclose(lowest, np.sin(-0.5 * np.pi * 3.5 / half_wave_volts))
        np.testing.assert_allclose(highest, np.sin(0.5 * np.pi * 1.0 / half_wave_volts))


@pytest.mark.parametrize("edge", [0, 1], ids=["lowest", "highest"])
def test_fields_at_the_edge_of_its_reach_are_ones_the_device_takes(edge):
    """Where the file's limits of the voltage end before the modulators are at full."""
    wide, narrow = 'volts = ["-5 V", "5 V"]', 'volts = ["-1.5 V", "2 V"]'
    text = built_in_text("digits")
    assert wide in text
    with open_bench(parse_bench_file(text.replace(wide, narrow), "digits")) as bench:
        source = bench.arrangement.stage_of(0).source
        source.load(np.tile(source.reach()[edge].astype(np.float32), (3, 1)))
        reached = 1.05 * np.sin(0.5 * np.pi * (-1.5, 2.0)[edge] / 3.5)
        np.testing.assert_allclose(source.reach()[edge], reached, rtol=1e-4)
