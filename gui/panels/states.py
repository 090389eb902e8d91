"""Which icon and which colour goes with a state; the word always stands beside them."""

from __future__ import annotations

from gui.theme.tokens import StateName

STATE_ICON = {
    "ok": "ok",
    "warning": "warning",
    "fault": "fault",
    "off": "off",
    "simulated": "simulated",
    "no report": "unknown",
    "passive": "unknown",
}

STATE_COLOUR: dict[str, StateName] = {
    "ok": "ok",
    "warning": "warning",
    "fault": "fault",
    "off": "off",
    "simulated": "simulated",
    "no report": "off",
    "passive": "off",
}

RUN_ICON = {
    "running": "running",
    "pausing": "pause",
    "pausing now": "pause",
    "paused": "pause",
    "stopping": "stop",
    "aborting": "abort",
    "completed": "ok",
    "stopped early": "stop",
    "interrupted": "stop",
    "failed": "fault",
    "lost": "fault",
    "killed": "fault",
    "damaged": "fault",
    "ended": "stop",
}

RUN_COLOUR: dict[str, StateName] = {
    "running": "ok",
    "pausing": "warning",
    "pausing now": "warning",
    "paused": "warning",
    "stopping": "warning",
    "aborting": "fault",
    "completed": "accent",
    "stopped early": "off",
    "interrupted": "off",
    "failed": "fault",
    "lost": "fault",
    "killed": "fault",
    "damaged": "fault",
    "ended": "off",
}
