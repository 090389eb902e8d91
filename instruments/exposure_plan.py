"""Which exposures a training batch takes and how long they last, known before anything is on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from instruments.bench_file.schema import BenchFile
from instruments.exposure import Light

DARK_SHOTS = 16
"""Shots averaged for the background of a bank that sees no forward light."""


@dataclass(frozen=True)
class PlannedExposure:
    """One exposure of a batch of B samples.

    Attributes
    ----------
    what
        What it is for.
    light
        What shines.
    shows
        Stages whose panels show something new before it.
    shots_per_sample, extra_shots
        It takes ``shots_per_sample B + extra_shots`` shots.
    """

    what: str
    light: Light
    shows: tuple[str, ...] = ()
    shots_per_sample: int = 1
    extra_shots: int = 0

    def seconds(
        self, samples: int, shot_period_seconds: float, panel_seconds: dict[str, float]
    ) -> float:
        """Return how long it takes: the slowest panel to settle, then the shots."""
        settling = max((panel_seconds[stage] for stage in self.shows), default=0.0)
        shots = self.shots_per_sample * samples + self.extra_shots
        return settling + shots * shot_period_seconds


def tile_slices(inputs: int, width: int) -> list[slice]:
    """Return the columns of each frame of a matrix on a panel ``width`` blocks wide."""
    return [slice(start, min(start + width, inputs)) for start in range(0, inputs, width)]


def plan_exposures(bench: BenchFile) -> list[PlannedExposure]:
    """Return the exposures of one training batch in their order."""
    names = bench.network.stages
    if len(set(names)) > 1:
        return [
            PlannedExposure("pass 1: activations and background", "forward", tuple(names)),
            PlannedExposure("pass 2: errors", "both"),
        ]
    width = bench.stages[names[0]].blocks.columns
    return _plan_in_turn(bench.network.layers, width, names[0])


def _plan_in_turn(sizes: Sequence[int], width: int, stage: str) -> list[PlannedExposure]:
    tiles = [len(tile_slices(inputs, width)) for inputs in sizes[:-1]]
    shows = (stage,)
    plan = []
    for number, count in enumerate(tiles, start=1):
        for tile in range(1, count + 1):
            part = f", tile {tile} of {count}" if count > 1 else ""
            plan.append(PlannedExposure(f"layer {number} forward{part}", "forward", shows))
        if count > 1 and number < len(tiles):
            plan.append(PlannedExposure(f"layer {number} absorber", "forward"))
    for number in range(len(tiles), 1, -1):
        for tile in range(tiles[number - 1]):
            # The last frame of the way forward still stands when the way back begins.
            stands = number == len(tiles) and tiles[number - 1] == 1 and tile == 0
            plan.append(
                PlannedExposure(
                    f"layer {number} backward",
                    "backward",
                    () if stands else shows,
                    extra_shots=DARK_SHOTS,
                )
            )
        tiled = tiles[number - 2] > 1
        plan.append(
            PlannedExposure(
                f"layer {number - 1} absorber, backward", "both", () if tiled else shows
            )
        )
    return plan
