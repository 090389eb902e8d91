"""Which screens there are, and what a bench file calls them."""

import os
import subprocess
import sys

import pytest
from virtual_screens import SIZES

from instruments.display import connected_screens as listing
from instruments.display.connected_screens import (
    connected_screens,
    has_display,
    names_to_write,
)
from instruments.display.screens import Screen, chosen_screen
from instruments.errors import InstrumentError


def test_the_screens_of_the_window_system_are_listed_with_their_pixels(screens):
    pytest.importorskip("qtpy")
    found = connected_screens()
    assert [(one.rows, one.columns) for one in found] == list(SIZES)


@pytest.mark.parametrize(
    "names", [("eDP-1", "HDMI-1"), ("screen", "screen"), ("screen", "HDMI-1", "screen")]
)
def test_each_screen_is_called_what_finds_it_again(names):
    screens = [Screen(name, "", "", "", 1080, 1920, 60.0) for name in names]
    found = [chosen_screen(name, screens) for name in names_to_write(screens)]
    assert found == list(range(len(names)))


@pytest.mark.parametrize(
    ("environment", "platform", "expected"),
    [
        ({}, "linux", False),
        ({"DISPLAY": ""}, "linux", False),
        ({"DISPLAY": ":0"}, "linux", True),
        ({"WAYLAND_DISPLAY": "wayland-0"}, "linux", True),
        ({}, "win32", True),
        ({}, "darwin", True),
    ],
)
def test_whether_there_is_a_display_to_ask(environment, platform, expected):
    assert has_display(environment, platform) is expected


@pytest.mark.parametrize(
    ("said", "complaint"),
    [
        ("qtpy.QtBindingsNotFoundError: No Qt bindings could be found", "install it with: "),
        ("could not connect to display :9\n(core dumped)", "could not connect to display :9"),
        ("", "exit code 1"),
    ],
)
def test_why_screens_cannot_be_listed_is_said_in_one_line(monkeypatch, said, complaint):
    def run(command, **_):
        return subprocess.CompletedProcess(command, 1, stdout="a plug-in's remark\n", stderr=said)

    monkeypatch.setattr(listing.subprocess, "run", run)
    with pytest.raises(InstrumentError, match="screens cannot be listed") as raised:
        connected_screens()
    assert complaint in str(raised.value)
    assert "\n" not in str(raised.value)


def test_without_qt_it_is_said_in_one_line_what_to_install(tmp_path):
    (tmp_path / "qtpy").mkdir()
    (tmp_path / "qtpy" / "__init__.py").write_text("raise ImportError('there is none')")
    path = os.pathsep.join(filter(None, (str(tmp_path), os.environ.get("PYTHONPATH"))))
    done = subprocess.run(
        [sys.executable, "-m", "instruments.display"],
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "need Qt (ImportError: there is none)" in line
    assert 'pip install "backbeam[display]"' in line
