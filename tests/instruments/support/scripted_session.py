"""A session with a box whose replies a test writes down."""

from __future__ import annotations

from scripted_box import ScriptedBox, ScriptedWire

from instruments.transport.session import Session

ADDRESS = "USB0::1::2::3::INSTR"


def session_with(replies=None, boxes=None, **options):
    box = ScriptedBox(replies or {})
    wire = ScriptedWire(boxes or [box])
    return Session("laser", ADDRESS, wire, **options).open(), box, wire
