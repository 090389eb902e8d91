"""Which screens there are, asked of a process of its own: what asks imports no Qt."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence

from instruments.display.screens import Screen
from instruments.errors import InstrumentError

LISTING_SECONDS = 15.0

_DISPLAYS = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")


def has_display(environment: Mapping[str, str] = os.environ, platform: str = sys.platform) -> bool:
    """Return whether there is a window system to ask: on Linux, whether a variable names one."""
    if platform in ("win32", "darwin"):
        return True
    return any(environment.get(name) for name in _DISPLAYS)


def connected_screens(timeout_seconds: float = LISTING_SECONDS) -> list[Screen]:
    """Return the screens of this computer, in the window system's order.

    Raises
    ------
    InstrumentError
        If Qt is not installed, or no window system answers.
    """
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "instruments.display", "--json"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=timeout_seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise InstrumentError(
            f"screens cannot be listed: no answer within {timeout_seconds:g} s"
        ) from None
    for line in done.stdout.splitlines():
        try:
            return [Screen(**one) for one in json.loads(line)["screens"]]
        except (ValueError, KeyError, TypeError):
            # Qt's plug-ins may print what they like.
            continue
    if "QtBindingsNotFoundError" in done.stderr or "No module named" in done.stderr:
        raise InstrumentError(
            "screens cannot be listed without Qt; install it with: "
            'python -m pip install "backbeam[display]"'
        )
    said = [line for line in done.stderr.splitlines() if line.strip()]
    raise InstrumentError(
        f"screens cannot be listed: {said[0] if said else f'exit code {done.returncode}'}"
    )


def names_to_write(screens: Sequence[Screen]) -> list[str]:
    """Return what a bench file calls each screen, so that ``chosen_screen`` finds that one."""
    often = Counter(one.name for one in screens)
    seen: Counter[str] = Counter()
    names = []
    for one in screens:
        seen[one.name] += 1
        names.append(f"{one.name}#{seen[one.name]}" if often[one.name] > 1 else one.name)
    return names
