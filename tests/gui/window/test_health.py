"""What a run tells of its bench's health reaches the lists, the drawing and the curves."""

import numpy as np
import pytest

pytest.importorskip("qtpy")

from gui.qt import QtCore, QtWidgets
from protocols.record import open_run
from tests.gui.conftest import Trainer

COLUMNS = ("gradient_cosine_1", "gradient_noise_1", "reciprocity_1", "slit_efficiency_1")
CARDS = {
    "gradient_cosine_1": (3, "cosine"),
    "gradient_noise_1": (3, "noise-floor"),
    "slit_efficiency_1": (2, "slit"),
    "reciprocity_1": (2, "reciprocity"),
}


@pytest.fixture
def measured(tmp_path, bench_run):
    """A run of the bench whose health is measured at every twentieth step."""
    network = open_run(bench_run).configuration["network"]
    trainer = Trainer(tmp_path / "run", columns=COLUMNS, network=network)
    for number in range(5):
        trainer.step(1, **dict.fromkeys(COLUMNS, 0.5 + 0.05 * number))
        trainer.step(19)
    yield trainer
    trainer.close()


@pytest.fixture
def window(new_window, measured, qtbot):
    found = new_window(measured.path)
    qtbot.waitUntil(lambda: len(found.model.steps) == 100)
    return found


@pytest.mark.parametrize("column", CARDS)
def test_what_is_measured_now_and_then_is_one_line_from_point_to_point(window, qtbot, column):
    tab, name = CARDS[column]
    window.open_tab(tab)
    card = window.tabs.card(name)
    qtbot.waitUntil(lambda: bool(card.state.newest))
    x, y = card.panel.widget._curves["layer 1"].getData()
    assert x.tolist() == [0, 20, 40, 60, 80]
    shown = 10**y if name == "noise-floor" else y
    np.testing.assert_allclose(shown, [0.5, 0.55, 0.6, 0.65, 0.7])
    assert "0.7" in card.state.newest
    assert [row[1] for row in card.table().rows] == [0, 20, 40, 60, 80]


def test_in_the_past_the_measurement_before_it_is_told(window, qtbot):
    window.open_tab(3)
    card = window.tabs.card("cosine")
    qtbot.waitUntil(lambda: bool(card.state.newest))
    window.history.go(45)
    qtbot.waitUntil(lambda: "0.6<" in card.state.newest)


def test_a_report_changes_state_and_reading_of_its_instrument(window, measured, qtbot):
    report = {"instrument": "amplifier_1", "state": "warning", "reading": "61 °C"}
    measured.recorder.event("health", "amplifier_1 is warm", **report)

    def line():
        return next(one for one in window.model.instruments() if one.name == "amplifier_1")

    qtbot.waitUntil(lambda: line().state == "warning")
    assert line().words == "simulated, warning"
    assert line().reading == "61 °C"
    item = window.instruments.findItems("amplifier_1", QtCore.Qt.MatchFlag.MatchExactly)[0]
    qtbot.waitUntil(lambda: item.text(1) == "simulated, warning")
    window.open_tab(4)
    card = window.tabs.card("bench")
    qtbot.waitUntil(lambda: "trouble with amplifier_1" in card.state.description)
    # A later report counts, whether it was heard or is read from the disk.
    measured.recorder.event("health", "amplifier_1 is well", **report | {"state": "ok"})
    qtbot.waitUntil(lambda: line().state == "ok")
    qtbot.waitUntil(lambda: len(window.model.events) == 2)
    assert line().state == "ok"


def test_an_instrument_has_a_page_with_its_settings_and_events(window, measured, qtbot):
    measured.recorder.event("health", "warm", instrument="amplifier_1", state="warning", reading="")
    qtbot.waitUntil(lambda: len(window.model.events) == 1)
    window.open_tab(4)
    card = window.tabs.card("bench")
    qtbot.waitUntil(lambda: bool(card.state.remark))
    card.panel.widget.chosen.emit("amplifier_1")
    page = window.findChild(QtWidgets.QDialog, "instrument page")
    model = page.findChild(QtWidgets.QTableView).model()
    lines = {
        model.index(row, 0).data(): model.index(row, 1).data() for row in range(model.rowCount())
    }
    assert lines["kind"] == "optical amplifier"
    assert "amplifier of first" in lines["does"]
    assert any(name.startswith("limits.") for name in lines)
    assert "warm" in lines.values()
    page.close()


def test_many_events_are_added_and_not_written_anew(window, measured, qtbot):
    measured.recorder.event("note", "the first")
    qtbot.waitUntil(lambda: window.events.topLevelItem(0).text(2) == "the first")
    first = window.events.topLevelItem(0)
    measured.recorder.event("note", "the second")
    qtbot.waitUntil(lambda: window.events.topLevelItemCount() == 2)
    assert window.events.topLevelItem(0) is first
