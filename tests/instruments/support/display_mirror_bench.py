"""Mirrors at a video output with the trigger source that lets them play, on a window in memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from window_in_memory import REFRESH, ClockByHand, WindowInMemory
from wire_bench import wire_bench_file

from instruments.display.bit_planes import PLANES
from instruments.drivers.display_mirrors import DisplayMirrors
from instruments.drivers.display_trigger import DisplayTrigger
from instruments.library import Library
from instruments.opening import SharedResources, prepare_instrument

ROWS, COLUMNS = 24, 36


@dataclass
class MirrorsAtAnOutput:
    mirrors: Any
    trigger: Any
    window: WindowInMemory


def mirrors_at_an_output(busy_refreshes=(), **settings):
    bench = wire_bench_file(
        libraries={"mirrors": "display mirrors", "trigger": "display trigger"},
        settings={"mirrors": settings},
        wire="real",
    )
    period = REFRESH / PLANES
    exposure = bench.exposure.model_copy(update={"shot_period": period})
    bench = bench.model_copy(update={"exposure": exposure})
    shared = SharedResources()
    clock = ClockByHand()
    window = WindowInMemory(ROWS, COLUMNS, clock, busy_refreshes)
    request = prepare_instrument(bench, "mirrors", shared).request
    mirrors = DisplayMirrors(request, Library(window, clock, simulated=True))
    trigger = prepare_instrument(bench, "trigger", shared)
    return MirrorsAtAnOutput(mirrors, DisplayTrigger.open(trigger.request), window)
