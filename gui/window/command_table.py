"""The commands of the window: where each stands, its key, and what it does.

Transport keys follow the habit of debuggers (F5 goes on, F6 pauses, Shift+F5 stops). Single letters
are heard on the cards only.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from gui.window.commands import Command
from gui.window.opening import add_recent_menu, ask_folder, ask_trainer

if TYPE_CHECKING:
    from gui.window.main_window import MonitorWindow

Line = tuple[str, str, str, Callable[[], object]]


def add_commands(window: MonitorWindow) -> None:
    """Add every command to the window's registry, menu by menu."""
    _add(window, "Run", _opening_commands(window))
    add_recent_menu(window, window.commands.menu("Run"))
    _add(window, "Run", _run_commands(window))
    _add(window, "View", _view_commands(window))
    _add(window, "View", _card_view_commands(window), plot_only=True)
    window.commands.separate("View")
    for name, dock in window.docks.items():
        action = dock.toggleViewAction()
        action.setText(f"{name} list")
        window.commands.menu("View").addAction(action)
    _add(window, "Compare", _compare_commands(window))
    _add(window, "Tools", _tool_commands(window))
    _add(window, "Tools", _card_commands(window), plot_only=True)
    _add(window, "Help", _help_commands(window))


def _add(
    window: MonitorWindow, menu: str, lines: list[Line | None], *, plot_only: bool = False
) -> None:
    for line in lines:
        if line is None:
            window.commands.separate(menu)
        else:
            name, text, keys, do = line
            window.commands.add(Command(name, menu, text, keys, do, plot_only))


def _opening_commands(window: MonitorWindow) -> list[Line | None]:
    return [
        ("open", "&Open a run or a folder of runs…", "Ctrl+O", partial(ask_folder, window)),
        ("attach", "&Attach to a trainer…", "Ctrl+Shift+O", partial(ask_trainer, window)),
    ]


def _run_commands(window: MonitorWindow) -> list[Line | None]:
    ask = window.command
    return [
        None,
        ("pause", "&Pause after this minibatch", "F6", partial(ask, "pause")),
        ("pause now", "Pause &now", "Shift+F6", partial(ask, "pause_now")),
        ("resume", "&Resume", "F5", partial(ask, "resume")),
        ("stop", "&Stop after this epoch…", "Shift+F5", window.ask_stop),
        ("abort", "A&bort now…", "Ctrl+Shift+F5", window.ask_abort),
        ("take", "&Take control", "", partial(ask, "take")),
        None,
        ("close", "&Close this run", "Ctrl+W", partial(window.show_model, None)),
        ("quit", "&Quit, the run goes on", "Ctrl+Q", window.close),
    ]


def _view_commands(window: MonitorWindow) -> list[Line | None]:
    tabs: list[Line | None] = [
        (f"tab {number}", f"Tab &{number}", f"Ctrl+{number}", partial(window.open_tab, number - 1))
        for number in range(1, 7)
    ]
    return [
        *tabs,
        None,
        ("theme", "&Dark or light", "Ctrl+Shift+D", window.change_theme),
        ("larger", "&Larger writing", "Ctrl+=", partial(window.scale_writing, 1.1)),
        ("smaller", "S&maller writing", "Ctrl+-", partial(window.scale_writing, 1 / 1.1)),
        ("normal", "&Normal writing", "Ctrl+0", partial(window.scale_writing, 0.0)),
        ("thick", "&Thicker lines", "", window.change_lines),
        ("full screen", "F&ull screen", "F11", window.change_full_screen),
        ("reset", "&Reset layout", "", window.reset_layout),
        None,
    ]


def _card_view_commands(window: MonitorWindow) -> list[Line | None]:
    return [
        ("follow", "&Follow live", "L", window.follow),
        ("back", "Step &back in history", ",", partial(window.history.go_by, -1)),
        ("forth", "Step f&orward in history", ".", partial(window.history.go_by, 1)),
        ("first", "First step in &history", "Home", partial(window.history.go, 0)),
    ]


def _compare_commands(window: MonitorWindow) -> list[Line | None]:
    return [
        ("filter", "&Filter runs", "Ctrl+F", window.focus_filter),
        None,
        ("align step", "Align by &step", "", partial(window.set_alignment, "step")),
        ("align epoch", "Align by &epoch", "", partial(window.set_alignment, "epoch")),
        ("align time", "Align by &time", "", partial(window.set_alignment, "time")),
        None,
        ("uncheck", "&Uncheck all runs", "", window.runs.uncheck_all),
    ]


def _tool_commands(window: MonitorWindow) -> list[Line | None]:
    return [
        ("export", "&Export card…", "Ctrl+E", partial(window.on_card, "ask_and_export")),
        ("doctor", "&Doctor: what this window runs on", "", window.show_doctor),
        None,
    ]


def _card_commands(window: MonitorWindow) -> list[Line | None]:
    card = window.on_card
    return [
        ("copy", "&Copy card as picture", "Ctrl+C", partial(card, "copy_picture")),
        ("copy numbers", "Copy card as &numbers", "Ctrl+Shift+C", partial(card, "copy_table")),
        ("table", "Show card as &table", "T", partial(card, "toggle_table")),
        None,
        ("view all", "View &all", "A", partial(card, "do", "follow")),
        ("log x", "Logarithmic &x", "X", partial(card, "do", "log x")),
        ("log y", "Logarithmic &y", "Y", partial(card, "do", "log y")),
        ("grid", "&Grid", "G", partial(card, "do", "grid")),
        None,
        ("maximise", "&Maximise card, and back", "M", window.maximise_card),
        ("restore", "&Put maximised card back", "Esc", window.tabs.restore_card),
    ]


def _help_commands(window: MonitorWindow) -> list[Line | None]:
    return [
        ("palette", "&Find a command…", "Ctrl+Shift+P", window.open_palette),
        ("shortcuts", "&Shortcuts", "Ctrl+/", window.open_shortcuts),
        ("help", "&Help", "F1", window.show_help),
    ]
