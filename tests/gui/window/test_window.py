"""The window shows what the trainer says, and asks before it does harm."""

import time
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("qtpy")

from gui.model.view import View
from gui.panels.panel import PanelState, PanelTable
from gui.qt import QtCore, QtWidgets
from gui.window.history_bar import HistoryBar
from protocols.live.client import LiveClient
from protocols.record import open_run
from tests.protocols.live.conftest import until

KEY = QtCore.Qt.Key
MODIFIER = QtCore.Qt.KeyboardModifier


def shown_state(window):
    """The state in the header, as a person reads it."""
    return window.header.state.text().split(">")[1].split("<")[0]


@pytest.fixture
def live(new_window, trainer, qtbot):
    """A window on a trainer at work, connected."""
    trainer.step(30)
    window = new_window(trainer.path)
    qtbot.waitUntil(lambda: window.model.link.kind == "live" and len(window.model.steps) == 30)
    qtbot.waitUntil(window.commands.action("pause").isEnabled)
    return window


class TestShowing:
    def test_hardware_or_simulated_is_said_in_words(self, new_window, bench_run, ideal_run):
        window = new_window(bench_run)
        assert "SIMULATED BENCH" in window.header.hardware.text()
        window.open(str(ideal_run))
        assert "COMPUTED" in window.header.hardware.text()

    def test_the_curve_is_the_models(self, live, trainer, qtbot):
        with qtbot.waitSignal(live.painted):
            trainer.step(1)
        qtbot.waitUntil(lambda: len(live.model.steps) == 31)
        with qtbot.waitSignal(live.painted):
            trainer.step(1)
        x, y = live.tabs.card("loss").panel.widget._curves["train raw"].getData()
        np.testing.assert_allclose(10 ** y[-1], live.model.steps["loss"][len(x) - 1])

    def test_many_steps_between_two_frames_are_drawn_once(self, live, trainer, qtbot):
        live._timer.stop()
        frames = []
        live.painted.connect(lambda: frames.append(1))
        trainer.step(1000)
        until(lambda: live.model.look() or len(live.model.steps) == 1030)
        live.paint_news()
        live.paint_news()
        assert len(frames) <= 2
        assert "1 030" in live.header.progress.toolTip()

    def test_a_hidden_tab_draws_nothing(self, live, trainer, qtbot):
        live.open_tab(3)
        hidden = live.tabs.card("cosine").panel.widget
        live.open_tab(0)
        with qtbot.assertNotEmitted(hidden.painted, wait=400):
            trainer.step(50)

    def test_a_tab_draws_what_it_missed_when_it_is_shown(self, new_window, bench_run, qtbot):
        window = new_window(bench_run)
        window.open_tab(1)
        window.open_tab(0)
        card = window.tabs.card("seen-1")
        window.tabs.mark({"taps"})
        with qtbot.waitSignal(card.painted):
            window.commands.action("tab 2").trigger()
        assert card.state.empty == ""

    def test_an_empty_card_says_why(self, new_window, ideal_run, qtbot):
        window = new_window(ideal_run)
        window.open_tab(2)
        for name in ("captured", "gain", "slit", "reciprocity"):
            card = window.tabs.card(name)
            qtbot.waitUntil(lambda card=card: bool(card.state.empty))
            assert len(card.state.empty) > 40
            assert card.accessibleDescription() == card.state.empty

    def test_a_past_run_has_no_transport(self, new_window, bench_run):
        window = new_window(bench_run)
        assert not any(button.isVisible() for button in window.header.buttons.values())
        assert not window.commands.action("abort").isEnabled()
        assert "completed" in window.header.left.text()

    def test_every_card_has_a_name_and_a_description(self, new_window, bench_run, qtbot):
        window = new_window(bench_run)
        for index in range(window.tabs.count()):
            window.open_tab(index)
            QtWidgets.QApplication.processEvents()
            window.redraw()
        for card in window.tabs:
            assert card.accessibleName()
            assert card.accessibleDescription(), card.name

    def test_a_card_shows_the_same_as_numbers(self, new_window, bench_run, qtbot):
        window = new_window(bench_run)
        stored = open_run(bench_run)
        table = window.tabs.card("accuracy").table()
        validation = [row for row in table.rows if row[0] == "validation"]
        assert [row[2] for row in validation] == stored.epochs["validation_accuracy"].tolist()


class TestTransport:
    def test_pausing_is_shown_until_the_trainer_has_paused(self, live, trainer, qtbot):
        states = []
        live.state_changed.connect(states.append)
        with qtbot.waitSignal(live.state_changed, check_params_cb=lambda s: s == "pausing"):
            live.commands.action("pause").trigger()
        assert shown_state(live) == "PAUSING"
        assert live.header.buttons["pause"].text() == "Pausing…"
        assert live.header.buttons["abort"].isEnabled()
        with qtbot.waitSignal(live.state_changed, check_params_cb=lambda s: s == "paused"):
            holding = trainer.hold()
        assert live.header.buttons["resume"].isEnabled()
        with qtbot.waitSignal(live.state_changed, check_params_cb=lambda s: s == "running"):
            live.header.buttons["resume"].click()
        holding.join(5)
        assert states == ["pausing", "paused", "running"]

    def test_a_pause_now_is_told_from_a_pause(self, live, trainer, qtbot):
        def state_is(wanted):
            return qtbot.waitSignal(live.state_changed, check_params_cb=lambda s: s == wanted)

        with state_is("pausing"):
            live.commands.action("pause").trigger()
        assert live.commands.action("pause now").isEnabled()
        with state_is("pausing now"):
            live.commands.action("pause now").trigger()
        assert shown_state(live) == "PAUSING NOW"
        assert live.header.buttons["pause"].text() == "Pausing now…"
        assert not live.commands.action("pause now").isEnabled()
        with state_is("paused"):
            holding = trainer.hold()
        with state_is("running"):
            live.header.buttons["resume"].click()
        holding.join(5)

    def test_a_button_alone_changes_nothing(self, live, trainer, monkeypatch):
        monkeypatch.setattr(live.model.client, "send", lambda name: "")
        live.commands.action("pause").trigger()
        live.paint_news()
        assert shown_state(live) == "RUNNING"

    @pytest.mark.parametrize("key", [KEY.Key_Escape, KEY.Key_Return])
    def test_escape_and_enter_do_not_abort(self, live, trainer, qtbot, key):
        box = self.ask(live, qtbot, "abort")
        qtbot.keyClick(box, key)
        qtbot.waitUntil(lambda: not live.findChildren(QtWidgets.QMessageBox, "confirmation"))
        live.tick()
        assert trainer.control.state == "running"

    def test_yes_aborts_once(self, live, trainer, qtbot, monkeypatch):
        sent = []
        monkeypatch.setattr(live.model.client, "send", sent.append)
        box = self.ask(live, qtbot, "abort")
        box.findChild(QtWidgets.QPushButton, "agree").click()
        assert sent == ["abort"]

    def test_an_abort_reaches_the_trainer(self, live, trainer, qtbot):
        box = self.ask(live, qtbot, "abort")
        with qtbot.waitSignal(live.state_changed, check_params_cb=lambda s: s == "aborting"):
            box.findChild(QtWidgets.QPushButton, "agree").click()
        assert trainer.control.state == "aborting"

    def test_a_stop_is_asked_for_too(self, live, trainer, qtbot):
        box = self.ask(live, qtbot, "stop")
        with qtbot.waitSignal(live.state_changed, check_params_cb=lambda s: s == "stopping"):
            box.findChild(QtWidgets.QPushButton, "agree").click()
        assert live.header.buttons["stop"].text() == "Stopping…"
        assert live.commands.action("abort").isEnabled()

    def test_a_refusal_is_told(self, live, trainer, qtbot):
        with LiveClient.to_run(trainer.path) as other:
            other.ask("take")
            live.commands.action("pause").trigger()
            qtbot.waitUntil(lambda: "take control" in live.statusBar().currentMessage())
        assert trainer.control.state == "running"

    def test_a_lost_trainer_is_lost_and_not_done(self, live, trainer, qtbot):
        trainer.recorder._lock.release()
        with qtbot.waitSignal(live.state_changed, check_params_cb=lambda s: s == "lost"):
            pass
        assert shown_state(live) == "LOST"
        assert "done" not in live.header.left.text()
        trainer.recorder._lock.acquire()

    def test_closing_the_window_leaves_the_run_alone(self, live, trainer):
        live.close()
        trainer.step(10)
        assert trainer.control.state == "running"

    @staticmethod
    def ask(window, qtbot, what):
        window.commands.action(what).trigger()
        qtbot.waitUntil(lambda: bool(window.findChildren(QtWidgets.QMessageBox, "confirmation")))
        (box,) = window.findChildren(QtWidgets.QMessageBox, "confirmation")
        qtbot.waitUntil(box.isActiveWindow)
        return box


class TestNeurons:
    def test_a_click_traces_a_neuron_and_another_lets_go(self, live, trainer, qtbot):
        card = live.tabs.card("activations")
        for step in (1, 2, 3):
            qtbot.waitUntil(lambda: trainer.recorder.wants_taps)
            trainer.recorder.show_taps(step, {"activation_1": np.full((16, 4), float(step))})
            qtbot.waitUntil(lambda step=step: live.model.taps.step == step)
        qtbot.waitUntil(lambda: card.state.empty == "")
        picture = card.panel.widget
        picture.image.clicked.emit(2, 0)
        assert picture.trace.isVisible()
        x, y = picture.trace._curves["neuron 2"].getData()
        assert x.tolist() == y.tolist() == [1, 2, 3]
        picture.image.clicked.emit(2, 0)
        assert not picture.trace.isVisible()

    def test_without_a_mouse_arrows_go_to_a_neuron_and_enter_traces_it(self, live, trainer, qtbot):
        card = live.tabs.card("activations")
        qtbot.waitUntil(lambda: trainer.recorder.wants_taps)
        trainer.recorder.show_taps(1, {"activation_1": np.arange(16 * 4.0).reshape(16, 4)})
        qtbot.waitUntil(lambda: card.state.newest != "")
        picture = card.panel.widget
        card.setFocus()
        for key in (KEY.Key_Down, KEY.Key_Down, KEY.Key_Down, KEY.Key_PageDown, KEY.Key_Up):
            qtbot.keyClick(card, key)
        assert not picture.trace.isVisible()
        assert picture.image._mark.rect() == QtCore.QRectF(0, 2, 16, 1)
        qtbot.keyClick(card, KEY.Key_Return)
        assert picture.neuron == 2
        assert picture.trace.isVisible()
        qtbot.keyClick(card, KEY.Key_PageUp)
        qtbot.keyClick(card, KEY.Key_Return)
        assert picture.neuron == 0
        qtbot.keyClick(card, KEY.Key_Enter)
        assert picture.neuron is None
        assert not picture.trace.isVisible()


class TestHistory:
    def test_a_step_that_came_after_the_last_drawing_can_be_gone_to(self, application):
        view, model = View(), SimpleNamespace(steps=[0] * 10)
        bar = HistoryBar(view)
        bar.show_run(model)
        model.steps += [0] * 90
        bar.go(45)
        assert view.step == 45
        bar.go(1000)
        assert view.step == 99

    def test_the_slider_shows_the_past_and_l_comes_back(self, new_window, bench_run, qtbot):
        window = new_window(bench_run)
        newest = window.model.taps.step
        window.history.slider.setValue(25)
        assert window.model.taps.step == 20
        assert not window.history.follow.isChecked()
        window.follow()
        assert window.model.taps.step == newest
        assert window.history.follow.isChecked()

    def test_zooming_leaves_live(self, new_window, bench_run, qtbot):
        window = new_window(bench_run)
        plot = window.tabs.card("loss").panel.widget
        plot.getViewBox().sigRangeChangedManually.emit([True, True])
        assert not plot.following
        assert not window.history.follow.isChecked()
        window.follow()
        assert plot.following

    def test_zooming_into_a_long_past_run_shows_every_step_there(self, new_window, tmp_path, qtbot):
        from tests.gui.conftest import Trainer

        trainer = Trainer(tmp_path / "long")
        trainer.step(60_000)
        trainer.close()
        window = new_window(trainer.path)
        card = window.tabs.card("loss")
        plot = card.panel.widget
        assert len(plot._curves["train raw"].getData()[0]) < 6000
        with qtbot.waitSignal(card.painted):
            plot.getViewBox().setXRange(30_000, 30_050, padding=0)
            plot.getViewBox().sigRangeChangedManually.emit([True, True])
        x, _ = plot._curves["train raw"].getData()
        assert x.tolist() == list(range(29_999, 30_052))

    def test_another_size_is_drawn_for_once(self, new_window, bench_run, qtbot):
        window = new_window(bench_run)
        card = window.tabs.card("loss")
        with qtbot.waitSignal(card.painted):
            window.resize(1000, 700)

    def test_the_newest_value_is_that_of_the_moment_shown(self, new_window, bench_run, qtbot):
        window = new_window(bench_run)
        now = window.tabs.card("loss").state.newest
        window.history.go(0)
        assert window.tabs.card("loss").state.newest != now


class TestOtherRuns:
    def test_runs_are_listed_filtered_and_opened(self, new_window, bench_run, ideal_run, qtbot):
        window = new_window(bench_run)
        tree = window.runs.tree
        assert tree.topLevelItemCount() == 2
        window.runs.filter.setText("ide[a")
        window.runs.filter.setText("^ideal")
        shown = [i for i in range(2) if not tree.topLevelItem(i).isHidden()]
        assert len(shown) == 1
        window.runs.opened.emit(ideal_run)
        assert window.model.name == "ideal"

    def test_a_checked_run_is_laid_over_and_its_differences_listed(
        self, new_window, bench_run, ideal_run, qtbot
    ):
        window = new_window(bench_run)
        window.runs.check(ideal_run)
        assert list(window.view.overlays) == [ideal_run]
        assert "ideal train" in window.tabs.card("loss").panel.widget._curves
        window.open_tab(5)
        card = window.tabs.card("differences")
        qtbot.waitUntil(lambda: bool(card.state.remark))
        settings = {row[0] for row in card.table().rows}
        assert "network.kind" in settings
        assert "settings.epochs" not in settings
        window.runs.uncheck_all()
        assert window.view.overlays == {}

    @pytest.mark.parametrize("alignment", ["step", "epoch", "time"])
    def test_runs_are_aligned_by_what_is_asked_for(
        self, new_window, bench_run, ideal_run, alignment
    ):
        window = new_window(bench_run)
        window.runs.check(ideal_run)
        window.open_tab(5)
        QtWidgets.QApplication.processEvents()
        window.commands.action(f"align {alignment}").trigger()
        x, _ = window.tabs.card("compare-accuracy").panel.widget._curves["bench"].getData()
        column = {"step": "step", "epoch": "epoch", "time": "seconds"}[alignment]
        np.testing.assert_allclose(x, window.model.epochs[column])


class TestFailingPanels:
    def test_a_panel_that_fails_says_so_and_the_others_go_on(
        self, new_window, bench_run, monkeypatch
    ):
        def fail(self, changes):
            raise RuntimeError("the light went out")

        monkeypatch.setattr("gui.panels.learning.LossPanel.update", fail)
        window = new_window(bench_run)
        window.redraw()
        assert "the light went out" in window.tabs.card("loss")._words.text()
        assert "validation" in window.tabs.card("accuracy").state.newest

    def test_a_panel_of_another_package_has_a_tab(self, new_window, bench_run, monkeypatch):
        class Foreign:
            title, keys = "Foreign", frozenset()

            def __init__(self, context):
                self.widget = QtWidgets.QLabel("from elsewhere")

            def update(self, changes):
                return PanelState("hello")

            def table(self):
                return PanelTable((), ())

        class Point:
            name = "foreign"

            def load(self):
                return Foreign

        monkeypatch.setattr("gui.panels.deck.metadata.entry_points", lambda group: [Point()])
        window = new_window(bench_run)
        assert window.tabs.tabText(6) == "&7 More"
        window.open_tab(6)
        QtWidgets.QApplication.processEvents()
        window.redraw()
        assert window.tabs.card("foreign").state.newest == "hello"


class TestMemory:
    def test_docks_come_back_where_they_were(self, new_window, bench_run):
        window = new_window(bench_run)
        window.docks["Events"].hide()
        window.memory.save(window)
        again = new_window(bench_run)
        assert again.docks["Events"].isHidden()
        again.reset_layout()
        assert not again.docks["Events"].isHidden()

    def test_a_layout_of_another_version_is_not_restored(self, new_window, bench_run, monkeypatch):
        window = new_window(bench_run)
        window.docks["Events"].hide()
        monkeypatch.setattr("gui.window.layout_memory.LAYOUT_VERSION", 99)
        window.memory.save(window)
        monkeypatch.setattr("gui.window.layout_memory.LAYOUT_VERSION", 100)
        assert not window.memory.restore(window)

    def test_every_dock_has_a_name_to_be_remembered_by(self, new_window):
        window = new_window()
        names = [dock.objectName() for dock in window.findChildren(QtWidgets.QDockWidget)]
        assert len(set(names)) == 4
        assert all(names)

    def test_recent_runs_are_kept_newest_first(self, new_window, bench_run, ideal_run):
        window = new_window(bench_run)
        window.open(str(ideal_run))
        window.open(str(bench_run))
        assert window.memory.recent() == [str(bench_run), str(ideal_run)]

    def test_the_menu_of_recent_runs_opens_them(self, new_window, bench_run, ideal_run):
        window = new_window(bench_run)
        window.open(str(ideal_run))
        menu = window.findChild(QtWidgets.QMenu, "recent")
        menu.aboutToShow.emit()
        assert [action.text() for action in menu.actions()] == [str(ideal_run), str(bench_run)]
        menu.actions()[1].trigger()
        assert window.model.path == bench_run


class TestExport:
    @pytest.mark.parametrize("ending", ["png", "svg", "csv"])
    def test_a_card_becomes_a_file(self, new_window, bench_run, tmp_path, ending):
        window = new_window(bench_run)
        path = tmp_path / f"loss.{ending}"
        window.tabs.card("loss").export(path)
        start = path.read_bytes()[:400]
        assert {"png": b"\x89PNG", "svg": b"<svg", "csv": b"curve,step"}[ending] in start
        if ending == "csv":
            assert path.read_text(encoding="utf-8").count("train,") > 50

    def test_a_file_that_cannot_be_written_is_told(self, new_window, bench_run, tmp_path):
        window = new_window(bench_run)
        window._try(lambda: window.tabs.card("loss").export(tmp_path / "no" / "loss.csv"))
        assert "cannot be written" in window.statusBar().currentMessage()


class TestAttaching:
    @pytest.fixture
    def answers(self, monkeypatch):
        """What is typed and chosen in the dialogs, and which of them were opened."""
        given = {"text": "", "file": ""}
        opened = []

        def text(*_):
            opened.append("text")
            return given["text"], True

        def file(*_):
            opened.append("file")
            return given["file"], ""

        monkeypatch.setattr(QtWidgets.QInputDialog, "getText", text)
        monkeypatch.setattr(QtWidgets.QFileDialog, "getOpenFileName", file)
        return given, opened

    def test_a_trainer_of_this_computer_needs_no_keys(self, new_window, trainer, answers):
        given, opened = answers
        window = new_window()
        given["text"] = f" {trainer.publisher.address.commands} "
        window.commands.action("attach").trigger()
        assert window.model.path == trainer.path
        assert opened == ["text"]

    def test_for_another_computers_the_keys_are_asked_for(self, new_window, answers):
        given, opened = answers
        given |= {"text": "tcp://lab.invalid:5571", "file": "no-such-monitor.json"}
        window = new_window()
        window.commands.action("attach").trigger()
        assert opened == ["text", "file"]
        assert "no-such-monitor.json" in window.statusBar().currentMessage()


class TestBadRuns:
    @pytest.fixture
    def odd(self, tmp_path):
        """A run whose numbers are none."""
        from tests.gui.conftest import Trainer

        def make(rows, name="unicode · µ λ 光"):
            trainer = Trainer(tmp_path / name)
            for row in rows:
                trainer.recorder.step(row)
            trainer.recorder.epoch((1, 1, np.nan, np.inf))
            trainer.close()
            return trainer.path

        return make

    @pytest.mark.parametrize(
        "rows",
        [
            [],
            [(0, 0, np.nan, np.nan, 0.0)] * 50,
            [(i, 0, np.inf if i % 2 else -np.inf, 0.0, 0.0) for i in range(50)],
            [(i, 0, 0.0, 0.0, 0.0) for i in range(50)],
            [(i, 0, -1.0, 0.0, 0.0) for i in range(50)],
        ],
        ids=["empty", "nan", "infinite", "zeros on a logarithmic axis", "negative"],
    )
    def test_it_is_shown_without_a_failing_card(self, new_window, odd, rows):
        window = new_window(odd(rows))
        for index in range(window.tabs.count()):
            window.open_tab(index)
            QtWidgets.QApplication.processEvents()
            window.redraw()
        assert [card.name for card in window.tabs if card.panel is None] == []

    def test_what_a_logarithmic_axis_cannot_show_is_counted(self, new_window, odd):
        window = new_window(odd([(i, 0, float(i % 2), 0.0, 0.0) for i in range(50)]))
        assert "not shown" in window.tabs.card("loss").state.newest

    def test_a_run_of_a_newer_version_is_told(self, new_window, bench_run, tmp_path):
        import json
        import shutil

        copy = shutil.copytree(bench_run, tmp_path / "newer")
        path = copy / "latest" / "zarr.json"
        document = json.loads(path.read_text(encoding="utf-8"))
        document["attributes"]["schema_version"] = 99
        path.write_text(json.dumps(document), encoding="utf-8")
        window = new_window()
        window.open_run(copy)
        assert "newer backbeam" in window.statusBar().currentMessage()


def test_a_million_steps_open_quickly(new_window, tmp_path):
    from tests.gui.conftest import Trainer

    trainer = Trainer(tmp_path / "long")
    count = 1_000_000
    for first in range(0, count, 4000):
        for n in range(first, first + 4000):
            trainer.recorder.step((n, 0, 1 / (n + 1), 0.5, n * 0.01))
    trainer.close()
    begun = time.perf_counter()
    window = new_window(trainer.path)
    assert len(window.model.steps) == count
    # A generous bound for a machine that does other things too; the benchmark tells the figure.
    assert time.perf_counter() - begun < 6
