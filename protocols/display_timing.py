r"""How late a panel's light is: flash it, and read a photodetector shot by shot.

All blocks of the panel are switched between full gratings and none. From the moment at which a
frame is handed over, single shots are taken one after the other; their times are the bench's.
Frames are handed over at random moments, so that the readings of many flashes lie much closer
together than one reading takes. Every flash is fitted with

.. math:: y(t) = 1 - e^{-(t - t_0) / \tau} \\qquad (t > t_0)

where ``y`` goes from the light before to the light after, ``t_0`` is when it begins to change and
``tau`` the time constant of the liquid crystal, the same for all flashes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import least_squares

from instruments.calibration_light import CalibrationLight
from instruments.errors import CalibrationError

Floats = npt.NDArray[np.float64]

SETTLED_WITHIN = 0.01
"""Share of a step that may be missing from light that counts as settled."""

_LONG_LOOK_SECONDS = 0.5
_READINGS = 60
_TAIL = 12
_CLEAR = 10.0
_SEEN = 0.3
_NOISE_SHOTS = 32
_READINGS_A_BIN = 20


@dataclass(frozen=True)
class DisplayTiming:
    """What was found. All times in seconds.

    Attributes
    ----------
    panel
        Name of the instrument.
    flashes, unseen
        How often the light was switched, and how often nothing came of it.
    skipped_frames
        By how many refreshes in all the light came later than the panel said.
    refresh
        From one frame to the next, as the panel says.
    reading
        From one shot to the next: how well a single flash is resolved.
    latency, latency_spread, earliest, latest
        From handing a frame over to the first change of the light: mean, standard deviation and
        range. Waiting for the next refresh is in it.
    time_constant
        Of the liquid crystal.
    settling
        From the first change until ``SETTLED_WITHIN`` of the step is missing.
    unstated_latency
        By how much later the light changes than refresh and latency of the panel's driver say.
    margin
        How long after the light had settled the panel said so, in the worst flash; below zero it
        said so too early.
    """

    panel: str
    flashes: int
    unseen: int
    skipped_frames: int
    refresh: float
    reading: float
    latency: float
    latency_spread: float
    earliest: float
    latest: float
    time_constant: float
    settling: float
    unstated_latency: float
    margin: float


@dataclass
class _Flash:
    """Readings after a frame was handed over at ``shown``, and when it is on by the panel's word.

    ``light`` is 0 before and 1 after the change.
    """

    shown: float
    said: float
    times: Floats
    light: Floats


class _Patch:
    """The panel's blocks in one input's light, seen by the stage's taps."""

    def __init__(self, light: CalibrationLight, stage: str) -> None:
        section, hardware = light.file.stages[stage], light.stages[stage]
        source, bank = section.inputs, section.taps.z or section.taps.a
        if source is None or hardware.source is None:
            raise CalibrationError(
                f"stages.{stage}.inputs: missing; '{section.weights}' is lit through another stage "
                "only: measure a panel whose stage has inputs of its own"
            )
        if bank is None:
            raise CalibrationError(
                f"stages.{stage}.taps: neither z nor a; nobody sees the light of "
                f"'{section.weights}'"
            )
        self._light, self._stage, self._bank, self._source = light, stage, bank, source
        kind = np.float32 if hardware.bank.levels is None else np.uint16
        self._dark = np.zeros(hardware.geometry.shape, kind)
        self._bright = np.full(hardware.geometry.shape, hardware.bank.levels or 1, kind)
        light.open_arms("reference", "forward")
        light.bypass(section.taps.z is None)
        table = hardware.source.table
        light.rest_volts[source] = table.dark_drive
        fields = np.diag(table.highest_fields).astype(np.float32)
        each = np.empty((len(fields), table.channels), np.float32)
        table.encode(fields, each)
        # A block of half its range, amplified, is as much light as in operation.
        weights = np.full(hardware.geometry.shape, 0.5, np.float32)
        hardware.set_field_gain(max(1.0, hardware.bank.required_field_gain(weights)))
        self._find_light(each)

    def _find_light(self, each: npt.NDArray[np.float32]) -> None:
        """Choose the input that gives most light, and weigh the taps by what they see of it."""
        light, bank = self._light, self._bank
        light.show(self._stage, self._dark, self._dark)
        dark = light.take({self._source: each}, [bank])[bank].astype(np.float64)
        light.show(self._stage, self._bright, self._dark)
        steps = light.take({self._source: each}, [bank])[bank] - dark
        best = int(np.argmax(np.square(steps).sum(axis=1)))
        self._drive = {self._source: each[best : best + 1]}
        self._weights = steps[best] / np.square(steps[best]).sum()
        self._dark_volts = dark[best]
        # Seen anew: the best of many inputs looks like light even where there is none.
        bright = np.array([self.read() for _ in range(_NOISE_SHOTS)])
        light.show(self._stage, self._dark, self._dark)
        seen = bright.mean() - np.mean([self.read() for _ in range(_NOISE_SHOTS)])
        if not seen > max(_SEEN, _CLEAR * bright.std(ddof=1)):
            raise CalibrationError(
                f"{light.file.origin}: '{bank}' sees no clear change of light when the panel of "
                f"stage '{self._stage}' is switched; check that light goes through the panel and "
                "that the references are on"
            )

    def read(self) -> float:
        """Take one shot: 0 with the panel dark, 1 with it bright."""
        return float((self._volts() - self._dark_volts) @ self._weights)

    def switch(self, bright: bool) -> None:
        """Hand the other frame over."""
        depth = self._bright if bright else self._dark
        self._light.start_showing(self._stage, depth, self._dark)

    def _volts(self) -> Floats:
        read = self._light.take(self._drive, [self._bank])[self._bank]
        return np.asarray(read[0], np.float64)


def measure_display_timing(
    light: CalibrationLight,
    stage: str,
    *,
    flashes: int,
    generator: np.random.Generator,
    after_each: Callable[[], None] = lambda: None,
) -> DisplayTiming:
    """Flash the panel of a stage and time its light.

    Parameters
    ----------
    light, stage
        The bench, switched on, and whose panel; light reaches it from the stage's own inputs.
    flashes
        How many.
    generator
        Draws the moments at which frames are handed over.
    after_each
        Called after every flash.

    Raises
    ------
    CalibrationError
        If no tap sees the panel's light, or it never changes.
    """
    clock, panel = light.bench.clock, light.stages[stage].panel
    patch = _Patch(light, stage)
    refresh = panel.refresh_seconds
    readings: list[float] = []

    def look(seconds: float, begin: float) -> tuple[Floats, Floats]:
        pause = seconds / _READINGS
        times, values = [], []
        while clock.now() < begin + seconds:
            before = clock.now()
            values.append(patch.read())
            after = clock.now()
            readings.append(after - before)
            times.append(0.5 * (before + after) - begin)
            clock.wait(max(0.0, pause - (after - before)))
        return np.array(times), np.array(values)

    def flash(bright: bool, before: float, seconds: float) -> tuple[_Flash | None, float]:
        clock.wait(float(generator.uniform(0.0, refresh or panel.settling_seconds)))
        begin = clock.now()
        patch.switch(bright)
        times, values = look(seconds, begin)
        said = panel.shown_at_seconds()
        after = float(np.mean(values[-_TAIL:]))
        if abs(after - before) < _SEEN or said is None:
            return None, after
        return _Flash(begin, said, times, (values - before) / (after - before)), after

    patch.switch(False)
    _, level = flash(False, 1.0, _LONG_LOOK_SECONDS)
    first, level = flash(True, level, _LONG_LOOK_SECONDS)
    if first is None:
        raise CalibrationError(
            f"{light.file.origin}: the light of stage '{stage}' did not change within "
            f"{_LONG_LOOK_SECONDS:g} s after its panel was switched"
        )
    # Long enough for the slowest flash, and no longer: readings lie the closer.
    settled = float(first.times[np.flatnonzero(np.abs(first.light - 1.0) > 0.05)[-1]])
    seconds = 1.5 * settled + 2.0 * refresh + panel.settling_seconds
    seen: list[_Flash] = []
    for number in range(flashes):
        one, level = flash(number % 2 == 1, level, seconds)
        if one is not None:
            seen.append(one)
        after_each()
    if len(seen) < 2:
        raise CalibrationError(
            f"{light.file.origin}: the light of stage '{stage}' changed in {len(seen)} of "
            f"{flashes} flashes; is the panel shown as the file says?"
        )
    name = light.file.stages[stage].weights
    stated = panel.settling_seconds
    return _evaluated(name, seen, flashes, refresh, stated, float(np.median(readings)))


def _evaluated(
    panel: str,
    seen: list[_Flash],
    flashes: int,
    refresh: float,
    stated_settling: float,
    reading: float,
) -> DisplayTiming:
    fits = np.array([_fitted(one) for one in seen])
    time_constant = float(np.median(fits[:, 1]))
    begins = np.array([_begin_of(one, time_constant) for one in seen])
    settling = _settling(seen, begins)
    shown = np.array([one.shown for one in seen])
    said = np.array([one.said for one in seen])
    behind = shown + begins - said
    late = np.rint((behind - np.median(behind)) / refresh) if refresh else np.zeros(len(seen))
    return DisplayTiming(
        panel=panel,
        flashes=flashes,
        unseen=flashes - len(seen),
        skipped_frames=int(late[late > 0].sum()),
        refresh=refresh,
        reading=reading,
        latency=float(begins.mean()),
        latency_spread=float(begins.std(ddof=1)),
        earliest=float(begins.min()),
        latest=float(begins.max()),
        time_constant=time_constant,
        settling=settling,
        unstated_latency=float(np.median(behind)) + stated_settling,
        margin=float((-behind).min() - settling),
    )


def _step(times: Floats, begin: float, time_constant: float) -> Floats:
    since = np.maximum(times - begin, 0.0) / max(time_constant, 1e-9)
    changed: Floats = -np.expm1(-since)
    return changed


def _guess(one: _Flash) -> tuple[float, float]:
    """Return where the light begins to change and how fast, from where it crosses levels."""
    half = int(np.argmax(one.light > 0.5))
    begin = float(one.times[max(half - 1, 0)])
    risen = one.times[np.flatnonzero(one.light < 1.0 - np.exp(-1.0))[-1]]
    return begin, max(float(risen) - begin, 0.1 * float(np.diff(one.times).mean()))


def _fitted(one: _Flash) -> tuple[float, float]:
    """Return begin and time constant of one flash."""
    begin, time_constant = _guess(one)
    scale = max(time_constant, 1e-6)

    def misfit(parameters: Floats) -> Floats:
        begin, log_ratio = parameters
        return _step(one.times, begin * scale, float(np.exp(log_ratio)) * scale) - one.light

    found = least_squares(misfit, [begin / scale, 0.0], loss="soft_l1", f_scale=0.1)
    return float(found.x[0] * scale), float(np.exp(found.x[1]) * scale)


def _begin_of(one: _Flash, time_constant: float) -> float:
    """Return when the light of one flash begins to change, the time constant being known."""
    guess, _ = _guess(one)
    spacing = float(np.diff(one.times).mean())
    places = np.linspace(guess - 3.0 * spacing, guess + 3.0 * spacing, 241)
    misfit = [
        float(np.square(_step(one.times, place, time_constant) - one.light).sum())
        for place in places
    ]
    return float(places[int(np.argmin(misfit))])


def _settling(seen: list[_Flash], begins: Floats) -> float:
    """Return after which time the readings of all flashes together are where they will stay."""
    since = np.concatenate([one.times - begin for one, begin in zip(seen, begins, strict=True)])
    missing = np.concatenate([1.0 - one.light for one in seen])
    order = np.argsort(since)
    since, missing = since[order], missing[order]
    edges = range(0, since.size - _READINGS_A_BIN + 1, _READINGS_A_BIN)
    settled = 0.0
    for first in edges:
        part = slice(first, first + _READINGS_A_BIN)
        if abs(float(np.median(missing[part]))) > SETTLED_WITHIN and since[part].max() > 0.0:
            settled = float(np.median(since[part]))
    return settled
