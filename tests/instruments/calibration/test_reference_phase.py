import pytest

from instruments.calibration.reference_phase import ReferencePhaseTable
from instruments.calibration.table import Provenance
from instruments.errors import CalibrationError

PROVENANCE = Provenance("piezos", "digits", "measured", "2025-03-01T12:00:00+00:00")


def test_it_holds_rest_and_slope_of_every_actuator(tmp_path):
    table = ReferencePhaseTable([1.0, 2.5], [0.6, 0.7], provenance=PROVENANCE)
    assert table.channels == 2
    path = tmp_path / "phases.npz"
    table.save(path)
    loaded = ReferencePhaseTable.load(path, instrument="piezos", bench="digits")
    assert loaded.id == table.id
    assert loaded.rest_volts.tolist() == [1.0, 2.5]


@pytest.mark.parametrize("slopes", [[0.6, 0.0], [0.6, -0.7], [0.6], [0.6, float("nan")]])
def test_a_volt_has_to_turn_the_phase_forward(slopes):
    if len(slopes) == 1:
        slopes = slopes * 3
    with pytest.raises(CalibrationError):
        ReferencePhaseTable([1.0, 2.5], slopes, provenance=PROVENANCE)
