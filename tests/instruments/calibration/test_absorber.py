import numpy as np
import pytest

from instruments.calibration.absorber import MODELS, AbsorberTable
from instruments.calibration.table import Provenance
from instruments.errors import CalibrationError

PROVENANCE = Provenance("first", "digits", "measured", "2025-03-01T12:00:00+00:00")
FIELDS = np.linspace(0, 4, 17)


def eq4(depth):
    return np.exp(-0.5 * depth / (1 + FIELDS**2))


def table(**changed):
    arguments = {
        "fields": FIELDS,
        "transmission": np.stack([eq4(5.0), eq4(10.0)]),
        "model": MODELS.index("eq4"),
        "optical_depth": [5.0, 10.0],
    }
    return AbsorberTable(**{**arguments, **changed}, provenance=PROVENANCE)


def test_each_neuron_has_its_own_curve():
    given = np.array([[1.0, 1.0], [-2.5, 3.0]])
    expected = given * np.exp(-0.5 * np.array([5.0, 10.0]) / (1 + given**2))
    np.testing.assert_allclose(table().passed(given), expected, atol=2e-3)


def test_one_curve_serves_all_neurons():
    alike = table(transmission=eq4(5.0), optical_depth=[5.0])
    passed = alike.passed(np.ones((1, 3)))
    np.testing.assert_allclose(passed, np.exp(-1.25), atol=2e-3)


def test_beyond_the_measured_fields_the_last_transmission_holds():
    assert table().passed(np.array([[10.0, 0.0]]))[0, 0] == pytest.approx(10 * eq4(5.0)[-1])


def test_the_way_through_a_file_changes_nothing(tmp_path):
    path = tmp_path / "absorber.npz"
    table().save(path)
    loaded = AbsorberTable.load(path, instrument="first", bench="digits")
    assert loaded.id == table().id
    assert loaded.model == "eq4"


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"model": 3}, "model 3; it is 0 to 2"),
        ({"fields": FIELDS[::-1]}, "do not rise"),
        ({"fields": FIELDS[:-1]}, "shape"),
        ({"optical_depth": [1.0, 2.0, 3.0]}, "shape"),
        ({"transmission": np.full((2, 17), np.nan)}, "not finite"),
    ],
)
def test_what_does_not_fit_together_is_refused(changed, message):
    with pytest.raises(CalibrationError, match=message):
        table(**changed)
