"""Which exposures a training batch takes and how long they last, known before anything is on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from instruments.bench_file.schema import BenchFile
from instruments.exposure import Light
from instruments.opening import PreparedInstrument
from instruments.shot_marks import MARKS

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

    def shots(self, samples: int) -> int:
        """Return how many shots it takes."""
        return self.shots_per_sample * samples + self.extra_shots


@dataclass(frozen=True, slots=True)
class PanelPace:
    """How long a stage's panel takes from one frame to the next.

    Attributes
    ----------
    instrument
        The panel.
    seconds
        Half a refresh, the mean wait for the next one, and the settling after it; ``None`` where
        the driver's settings do not tell.
    """

    instrument: str
    seconds: float | None


@dataclass(frozen=True, slots=True)
class ShotPace:
    """The instrument that decides how fast shots can follow each other.

    Attributes
    ----------
    instrument
        The trigger source, or a device that is slower than its period.
    seconds
        Time from one shot to the next.
    """

    instrument: str
    seconds: float


@dataclass(frozen=True, slots=True)
class TimedExposure:
    """An exposure of a batch with the time it takes.

    Attributes
    ----------
    planned
        What it is.
    shots
        How many it takes.
    settling_seconds
        How long the panels that show something new take; they do so together.
    shots_seconds
        How long the shots take.
    paced_by
        The instrument that takes longest: the slowest panel or panels, or what paces the shots.
    """

    planned: PlannedExposure
    shots: int
    settling_seconds: float
    shots_seconds: float
    paced_by: str

    @property
    def seconds(self) -> float:
        """How long it takes as a whole."""
        return self.settling_seconds + self.shots_seconds


@dataclass(frozen=True, slots=True)
class BatchPlan:
    """All exposures of one training batch, in their order, and what writing weights costs."""

    exposures: tuple[TimedExposure, ...]

    @property
    def seconds(self) -> float:
        """How long the batch takes; the computer's own time comes on top."""
        return sum(one.seconds for one in self.exposures)

    @property
    def writing_seconds(self) -> float:
        """How much of it panels take to show weights."""
        return sum(one.settling_seconds for one in self.exposures)

    @property
    def frames(self) -> int:
        """How many times panels show something new."""
        return sum(bool(one.planned.shows) for one in self.exposures)

    @property
    def paced_by(self) -> str:
        """The instrument that takes most of the batch's time."""
        shares: dict[str, float] = {}
        for one in self.exposures:
            shares[one.paced_by] = shares.get(one.paced_by, 0.0) + one.seconds
        return max(shares, key=lambda name: shares[name])


def panel_paces(
    bench: BenchFile, prepared: Mapping[str, PreparedInstrument]
) -> dict[str, PanelPace]:
    """Return the pace of each stage's panel, from its driver's ``refresh`` and ``settling``."""
    paces = {}
    for name, stage in bench.stages.items():
        settings = prepared[stage.weights].request.settings
        refresh = getattr(settings, "refresh", None)
        settling = getattr(settings, "settling", None)
        seconds = None
        if refresh is not None and settling is not None:
            seconds = 0.5 * refresh + settling
        paces[name] = PanelPace(stage.weights, seconds)
    return paces


def shot_pace(bench: BenchFile, prepared: Mapping[str, PreparedInstrument]) -> ShotPace:
    """Return what paces the shots: the trigger source, unless mirrors need longer for a picture.

    From the settings ``shortest_picture`` and the file's limits; such a bench does not run before
    its ``shot_period`` is made as long.
    """
    pace = ShotPace(bench.exposure.trigger, bench.exposure.shot_period)
    for name in bench.mirrors:
        request = prepared[name].request
        limit = request.limits.get("picture_seconds")
        shortest = getattr(request.settings, "shortest_picture", None) or 0.0
        seconds = max(shortest, limit.low if limit else 0.0)
        if seconds > pace.seconds * (1 + 1e-9):
            pace = ShotPace(name, seconds)
    return pace


def plan_batch(
    bench: BenchFile,
    paces: Mapping[str, PanelPace],
    samples: int,
    shots: ShotPace | None = None,
) -> BatchPlan:
    """Return the exposures of a batch of ``samples``, timed; unknown paces count as none.

    Without ``shots`` they follow each other as the trigger source has it.
    """
    pace = shots or ShotPace(bench.exposure.trigger, bench.exposure.shot_period)
    return BatchPlan(
        tuple(_timed(one, pace, paces, samples) for one in plan_exposures(bench)),
    )


def epoch_seconds(
    bench: BenchFile,
    paces: Mapping[str, PanelPace],
    batch_size: int,
    samples: int,
    shots: ShotPace | None = None,
) -> float:
    """Return how long the training batches of ``samples`` take; the last may be smaller."""
    whole, rest = divmod(samples, batch_size)
    seconds = whole * plan_batch(bench, paces, batch_size, shots).seconds
    return seconds + (plan_batch(bench, paces, rest, shots).seconds if rest else 0.0)


def most_shots(prepared: Mapping[str, PreparedInstrument]) -> dict[str, int]:
    """Return how many shots each instrument takes in one go, as far as file and settings say."""
    most = {}
    for name, one in prepared.items():
        limit = one.request.limits.get("shots")
        stated = (limit.high if limit else None, *_stated_memory(one.request.settings))
        known = [int(bound) for bound in stated if bound is not None]
        if known:
            most[name] = min(known)
    return most


def _stated_memory(settings: Any) -> tuple[int | None, ...]:
    return tuple(getattr(settings, key, None) for key in ("most_shots", "most_frames"))


def _timed(
    planned: PlannedExposure, pace: ShotPace, paces: Mapping[str, PanelPace], samples: int
) -> TimedExposure:
    shots = planned.shots(samples)
    firing = shots * pace.seconds
    settling = max((paces[stage].seconds or 0.0 for stage in planned.shows), default=0.0)
    slowest = [paces[stage] for stage in planned.shows if paces[stage].seconds == settling]
    paced_by = pace.instrument
    if settling > firing:
        paced_by = ", ".join(dict.fromkeys(panel.instrument for panel in slowest))
    return TimedExposure(planned, shots, settling, firing, paced_by)


def tile_slices(inputs: int, width: int) -> list[slice]:
    """Return the columns of each frame of a matrix on a panel ``width`` blocks wide."""
    return [slice(start, min(start + width, inputs)) for start in range(0, inputs, width)]


def plan_exposures(bench: BenchFile) -> list[PlannedExposure]:
    """Return the exposures of one training batch in their order."""
    names = bench.network.stages
    if len(set(names)) > 1:
        plan = [
            PlannedExposure("pass 1: activations and background", "forward", tuple(names)),
            PlannedExposure("pass 2: errors", "both"),
        ]
    else:
        width = bench.stages[names[0]].blocks.columns
        plan = _plan_in_turn(bench.network.layers, width, names[0])
    repeats = bench.shots_per_sample
    if repeats > 1:
        plan = [
            replace(one, shots_per_sample=repeats, extra_shots=repeats * one.extra_shots)
            for one in plan
        ]
    return [_marked(one) for one in plan] if bench.exposure.marks else plan


def _marked(planned: PlannedExposure) -> PlannedExposure:
    """Add the marks behind the samples, and those behind the dark shots before them."""
    sequences = 2 if planned.extra_shots else 1
    return replace(planned, extra_shots=planned.extra_shots + sequences * MARKS)


def _plan_in_turn(sizes: Sequence[int], width: int, stage: str) -> list[PlannedExposure]:
    tiles = [len(tile_slices(inputs, width)) for inputs in sizes[:-1]]
    shows = (stage,)
    plan = []
    for number, count in enumerate(tiles, start=1):
        for tile in range(1, count + 1):
            part = f", tile {tile} of {count}" if count > 1 else ""
            # Where sums are tapped, what a frame adds in the dark is measured with it.
            dark = DARK_SHOTS if count > 1 or number == len(tiles) else 0
            plan.append(
                PlannedExposure(f"layer {number} forward{part}", "forward", shows, extra_shots=dark)
            )
        if count > 1 and number < len(tiles):
            plan.append(PlannedExposure(f"layer {number} absorber", "forward"))
    for number in range(len(tiles), 1, -1):
        for _ in range(tiles[number - 1]):
            # The frame shown last still stands: on the way forward, or behind the absorber.
            stands = tiles[number - 1] == 1
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
