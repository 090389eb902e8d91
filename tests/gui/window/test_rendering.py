"""What is drawn is all there: in both themes, at both scales, after many frames."""

import gc
import sys

import numpy as np
import pytest

pytest.importorskip("qtpy")

from gui.qt import QtCore, QtGui, QtWidgets
from gui.theme import icons
from gui.window.doctor import missing_signs

FRAMES = 60


def pixels(picture):
    """A picture as an array ``[rows, columns, 4]``."""
    image = picture.toImage().convertToFormat(QtGui.QImage.Format.Format_RGBA8888)
    bits = image.constBits()
    if hasattr(bits, "setsize"):
        # PyQt does not say how many there are.
        bits.setsize(image.sizeInBytes())
    data = np.frombuffer(bits, np.uint8).copy()
    return data.reshape(image.height(), image.width(), 4)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("scale", [1.0, 2.0])
def test_every_card_of_every_tab_is_drawn_and_lies_within_its_tab(
    new_window, bench_run, theme, scale
):
    window = new_window(bench_run)
    window.appearance.set_theme(theme)
    window.appearance.set_scale(scale)
    surface = QtGui.QColor(window.appearance.theme.surface).getRgb()[:3]
    for index in range(window.tabs.count()):
        window.open_tab(index)
        QtWidgets.QApplication.processEvents()
        window.redraw()
        for card in window.tabs:
            if not card.isVisible() or card.state.empty:
                continue
            found = pixels(card.grab())
            ink = np.any(found[..., :3] != surface, axis=-1).mean()
            assert ink > 0.01, f"{card.name} is blank"
            assert card.parentWidget().rect().contains(card.geometry()), card.name
            inner = card.panel.widget
            assert card.rect().contains(
                inner.rect().translated(inner.mapTo(card, inner.rect().topLeft()))
            )


@pytest.mark.parametrize("words", ["live · 9 ms old", "live · 888 ms old", "stale · 119 min old"])
@pytest.mark.parametrize("scale", [1.0, 1.4])
def test_the_age_in_the_header_is_never_cut_off(new_window, bench_run, words, scale):
    window = new_window(bench_run)
    window.appearance.set_scale(scale)
    QtWidgets.QApplication.processEvents()
    before = window.header.link.geometry()
    window.header.link.setText(words)
    assert window.header.link.sizeHint().width() <= window.header.link.width()
    QtWidgets.QApplication.processEvents()
    assert window.header.link.geometry() == before


def test_no_sign_the_window_writes_is_missing_from_the_font(application):
    assert missing_signs() == ""


def test_every_icon_is_drawn_in_the_colour_asked_for(application):
    for name in icons.NAMES:
        found = pixels(icons.pixmap(name, "#FF0000", 24))
        inked = found[found[..., 3] == 255]
        assert len(inked) > 10, name
        assert (inked[:, :3] == (255, 0, 0)).all()


def test_disabled_icons_have_another_colour(application):
    icon = icons.icon("pause", "#FFFFFF", "#808080")
    mode = QtGui.QIcon.Mode
    normal = pixels(icon.pixmap(24, 24, mode.Normal))
    disabled = pixels(icon.pixmap(24, 24, mode.Disabled))
    assert not np.array_equal(normal, disabled)


def test_the_theme_reaches_plots(new_window, bench_run):
    window = new_window(bench_run)
    card = window.tabs.card("loss")
    window.commands.action("theme").trigger()
    corner = pixels(card.panel.widget.grab())[2, 2, :3]
    assert tuple(corner) == QtGui.QColor(window.appearance.theme.surface).getRgb()[:3]


def test_many_frames_leave_nothing_behind_and_drop_no_reference(new_window, bench_run):
    """Catches bindings that lose a reference to None with every call, and items that pile up."""
    window = new_window(bench_run)
    window._timer.stop()

    def frame():
        window.tabs.mark({"all"})
        window.tabs.refresh()
        window.grab()

    for _ in range(20):
        frame()
    gc.collect()
    # None, True and False are immortal from Python 3.12 on; there the counts never change.
    before = [sys.getrefcount(one) for one in (None, True, False)]
    objects = len(gc.get_objects())
    for _ in range(FRAMES):
        frame()
    gc.collect()
    after = [sys.getrefcount(one) for one in (None, True, False)]
    drift = [now - then for then, now in zip(before, after, strict=True)]
    assert min(drift) > -50, f"references to None, True, False drifted by {drift}"
    assert len(gc.get_objects()) - objects < FRAMES / 2


def test_runs_opened_one_after_the_other_leave_nothing_behind(new_window, bench_run, ideal_run):
    window = new_window(bench_run)
    window._timer.stop()

    def change():
        for run in (ideal_run, bench_run):
            window.open_run(run)
            window.redraw()
            QtWidgets.QApplication.processEvents()
            QtCore.QCoreApplication.sendPostedEvents(None, QtCore.QEvent.Type.DeferredDelete)

    for _ in range(2):
        change()
    gc.collect()
    objects = len(gc.get_objects())
    for _ in range(5):
        change()
    gc.collect()
    assert len(gc.get_objects()) - objects < 2000
