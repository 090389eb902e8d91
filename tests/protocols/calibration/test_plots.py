import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from instruments.errors import CalibrationError
from protocols.calibration.plots import drawing, save_plot
from protocols.calibration.results import Curve, ProtocolResult

SVG = "{http://www.w3.org/2000/svg}"
X = np.linspace(0, 1, 30)


def curve(fitted=True, title="gain < 3"):
    return Curve(title, X, X**2, X**2 + 0.01 if fitted else None, "current (A)", "gain (dB)")


def points(text):
    return ElementTree.fromstring(text).iter(f"{SVG}circle")


def test_every_point_is_drawn_and_once_more_as_a_residual():
    assert len(list(points(drawing([curve()])))) == 2 * X.size
    assert len(list(points(drawing([curve(fitted=False)])))) == X.size


def test_curves_stand_one_below_the_other():
    one, two = (float(ElementTree.fromstring(drawing([curve()] * n)).get("height")) for n in (1, 2))
    assert two == 2 * one


def test_titles_are_text_whatever_is_in_them():
    texts = [one.text for one in ElementTree.fromstring(drawing([curve()])).iter(f"{SVG}text")]
    assert "gain < 3" in texts
    assert "current (A)" in texts


def test_readings_that_are_no_numbers_are_left_out():
    y = X.copy()
    y[3] = np.nan
    assert len(list(points(drawing([Curve("", X, y, None, "", "")])))) == X.size - 1


@pytest.mark.parametrize("y", [np.zeros(30), np.full(30, 7.0), np.full(30, -1e-9)])
def test_a_level_line_can_be_drawn(y):
    ElementTree.fromstring(drawing([Curve("", X, y, y, "", "")]))


def test_nothing_to_draw_is_an_empty_drawing():
    assert list(points(drawing([]))) == []


def test_the_same_curves_make_the_same_file(tmp_path):
    result = ProtocolResult("taps", "second, backward", curves=[curve()])
    path = save_plot(tmp_path, result)
    assert path.name == "taps-second-backward.svg"
    before = path.read_bytes()
    save_plot(tmp_path, result)
    assert path.read_bytes() == before


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(CalibrationError, match="the plot cannot be written"):
        save_plot(tmp_path / "missing", ProtocolResult("taps", "first", curves=[curve()]))
