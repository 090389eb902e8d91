r"""Cameras: which pixels belong to which neuron, and how their wavefronts lie to each other.

Neurons of a port are lit one after the other, by the row or column of blocks that leads to them,
with the reference shut: the centroid of each spot on the camera is where its neuron is. An affine
map from the nominal middles to the centroids, fitted so that a stray spot does not pull it (P. J.
Huber, Ann. Math. Stat. 35, 73 (1964)), moves all regions, those of neurons that stay dark included.
With the reference let in, the fringes of each lit spot give the phase of its light.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from instruments.calibration.camera_regions import CameraRegionsTable, middles
from instruments.calibration_light import Arm, CalibrationLight
from instruments.camera_taps import CameraTaps
from instruments.stage_hardware import Emitter
from protocols.calibration.results import Curve, ProtocolResult, listed_channels
from protocols.calibration.session import CalibrationSession

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

NAME = "camera registration"

_SHOTS = 16
_HUBER = 1.5
_ROUNDS = 30
_PILOTS = 6
"""Neurons whose spots tell whether a camera is still where it was."""

_BRIGHT = 0.7
"""Share of the full well that the brightest pixel of a spot takes at most."""

_LEAST_SIGNAL = 6.0
"""A spot counts as seen from so many times the noise of a pixel on."""

_MOST_UNSEEN = 0.25
_LARGEST_MISFIT = 0.5
"""Pixels rms by which spots may lie beside the map."""


@dataclass
class _Spots:
    """Centroids ``[n, 2]``, their errors ``[n]`` in pixels, and which were seen."""

    centres: Floats
    sigmas: Floats
    seen: Flags


def camera_ports(session: CalibrationSession, stage: str) -> list[tuple[str, str]]:
    """Return the ports of a stage that cameras tap, with the banks."""
    taps = session.section(stage).taps.present()
    return [
        (port, bank)
        for port, bank in taps.items()
        if isinstance(session.light.detectors(bank), CameraTaps)
    ]


def calibrate_cameras(session: CalibrationSession, stage: str) -> list[ProtocolResult]:
    """Register the cameras at the ports of a stage."""
    return [_registered(session, stage, port, bank) for port, bank in camera_ports(session, stage)]


def _registered(session: CalibrationSession, stage: str, port: str, bank: str) -> ProtocolResult:
    result = ProtocolResult(NAME, bank)
    light, reader = session.light, session.light.detectors(bank)
    assert isinstance(reader, CameraTaps)
    lamp = _Lamp(session, stage, port)
    if lamp.emitter is None:
        result.notes.append("no emitter lights it: its regions stay where they are meant to be")
        return result
    # Whatever was known of its place before does not matter.
    reader.use_regions(reader.nominal_regions)
    light.bypass(True)
    shut = light.can_close("reference")
    light.open_arms(lamp.arm)
    if not shut:
        result.notes.append("the reference cannot be shut: its fringes stand on the spots")
    dark = _unlit(light, lamp, bank)
    level = lamp.level_for(reader, dark, bank)
    frames = [
        light.photograph({lamp.name: lamp.drive(level)}, bank, _SHOTS).mean(axis=0) - dark
        for _ in lamp.light_each()
    ]
    spots = _centroids(np.stack(frames), reader)
    nominal = middles(reader.nominal_regions)[: len(frames)]
    unseen = ~spots.seen
    if unseen.mean() > _MOST_UNSEEN or np.count_nonzero(spots.seen) < 4:
        result.refuse(
            f"{np.count_nonzero(unseen)} of {unseen.size} spots were not seen; look at the picture "
            "while everything is lit"
        )
        _restore(session)
        return result
    affine, covariance, weights, misfit = _fit_affine(nominal, spots)
    stray = spots.seen & (weights < 0.2)
    if misfit > _LARGEST_MISFIT:
        result.refuse(
            f"spots lie {misfit:.2f} pixels rms beside an affine map; {_LARGEST_MISFIT} are allowed"
        )
    if unseen.any():
        result.notes.append(f"not seen, put where the others have it: {listed_channels(unseen)}")
    if stray.any():
        result.notes.append(f"beside the map and left out: {listed_channels(stray)}")
    _report(result, affine, covariance, misfit, nominal, spots)
    wavefront = np.zeros(reader.channels)
    table = CameraRegionsTable(
        affine, wavefront, provenance=session.provenance(bank), covariance={"affine": covariance}
    )
    if result.accepted and reader.fringes is not None:
        # Through the regions found, and with the reference on.
        reader.use_table(table)
        light.open_arms("reference", lamp.arm)
        phases, sigmas = _wavefronts(session, lamp, bank, reader, level)
        wavefront[: phases.size] = np.where(spots.seen, phases, 0.0)
        table = CameraRegionsTable(
            affine,
            wavefront,
            provenance=session.provenance(bank),
            covariance={"affine": covariance, "wavefront_radians": np.square(sigmas)},
        )
        result.add_spread("wavefront phase", phases[spots.seen], sigmas[spots.seen], "rad")
    if result.accepted:
        result.tables.append((bank, table))
    _restore(session)
    return result


def spots_moved(
    session: CalibrationSession, stage: str, port: str, bank: str
) -> tuple[float, float] | None:
    """Light a few neurons; return how far their spots are from where they are read.

    Returns
    -------
    The length of their median shift in pixels with its standard error, half a region where most of
    them are not to be seen; ``None`` where no emitter lights them.
    """
    light, reader = session.light, session.light.camera(bank)
    lamp = _Lamp(session, stage, port)
    if lamp.emitter is None:
        return None
    table = session.tables.camera_regions.get(bank)
    nominal = reader.nominal_regions
    expected = middles(nominal) if table is None else table.centres(nominal)
    pilots = np.unique(np.linspace(0, lamp.neurons - 1, _PILOTS).astype(int))
    light.bypass(True)
    light.open_arms(lamp.arm)
    try:
        dark = _unlit(light, lamp, bank)
        level = lamp.level_for(reader, dark, bank)
        frames = []
        for neuron in pilots.tolist():
            lamp.light(neuron)
            frame = light.photograph({lamp.name: lamp.drive(level)}, bank, _SHOTS).mean(axis=0)
            frames.append(frame - dark)
    finally:
        _restore(session)
    spots = _centroids(np.stack(frames), reader)
    if 2 * np.count_nonzero(spots.seen) < pilots.size:
        return 0.5 * min(nominal[0].height, nominal[0].width), 0.0
    # A stray spot or two do not count.
    shift = np.median((spots.centres - expected[pilots])[spots.seen], axis=0)
    error = float(np.median(spots.sigmas[spots.seen])) / np.sqrt(np.count_nonzero(spots.seen))
    return float(np.hypot(*shift)), 1.25 * error


def _restore(session: CalibrationSession) -> None:
    session.light.bypass(False)
    session.light.open_arms("reference", "forward", "backward")


class _Lamp:
    """Lights the neurons of a port one after the other.

    Forward light reaches a neuron through its row of blocks, all inputs lit alike; backward light
    through its column, all errors lit alike; an injector behind the port, directly.
    """

    def __init__(self, session: CalibrationSession, stage: str, port: str) -> None:
        self._session, self._stage, self._port = session, stage, port
        names = list(session.light.stages)
        place = names.index(stage)
        self._through: list[str] = []
        self._direct = False
        self.name = ""
        self.emitter: Emitter | None = None
        self.arm: Arm = "forward" if port in ("z", "a") else "backward"
        if self.arm == "forward":
            while session.section(names[place]).inputs is None and place:
                place -= 1
                self._through.append(names[place])
            self.name = session.section(names[place]).inputs or ""
            self.emitter = session.hardware(names[place]).source
            self._selecting = stage
        else:
            self._selecting = stage
            if port == "delta" and session.section(stage).injector is None:
                place += 1
                self._selecting = names[min(place, len(names) - 1)]
            while place < len(names) and session.section(names[place]).injector is None:
                place += 1
                if place < len(names):
                    self._through.append(names[place])
            if place < len(names):
                self.name = session.section(names[place]).injector or ""
                self.emitter = session.hardware(names[place]).injector
                self._direct = port == "delta" and names[place] == stage
            self._through = [one for one in self._through if one != self._selecting]
        hardware = session.hardware(stage)
        self.neurons = hardware.inputs if port == "rho" else hardware.outputs
        self._lit = 0

    def drive(self, level: float) -> npt.NDArray[np.float32]:
        """Return what lights the emitter at a share of its reach, ``[shots, n]``."""
        assert self.emitter is not None
        table = self.emitter.table
        lowest, highest = self.emitter.reach()
        reach = float(np.median(highest))
        fields = np.full((_SHOTS, table.channels), level * reach)
        if self._direct:
            dark = np.arange(table.channels) != self._lit
            fields[:, dark] = 0.0
        bounded = np.clip(fields, lowest, highest)
        return table.encode(bounded.astype(np.float32))

    def light_each(self) -> Iterator[int]:
        """Show, one after the other, what leads light to each neuron alone."""
        for neuron in range(self.neurons):
            self.light(neuron)
            yield neuron

    def light(self, neuron: int) -> None:
        """Lead light to one neuron, the panels on its way bright."""
        self._lit = neuron
        if self._direct:
            return
        hardware = self._session.hardware(self._selecting)
        weights = np.zeros((hardware.outputs, hardware.inputs), np.float32)
        bright = np.float32(0.9 * hardware.bank.full_scale * hardware.field_gain)
        if self.arm == "forward":
            weights[neuron] = bright
        else:
            weights[:, neuron] = bright
        shown = hardware.encode(weights)
        self._session.light.show(self._selecting, shown.depth, shown.offset)

    def level_for(self, reader: CameraTaps, dark: Floats, bank: str) -> float:
        """Return at which level, and set at which gain, the first spot just does not fill pixels.

        The first one that is seen at all, from low gain upwards; others are about as bright.
        """
        session = self._session
        for name in self._through:
            self._show_bright(name)
        room = _BRIGHT * (reader.camera.full_well_counts - float(np.median(dark)))
        hardware = session.hardware(self._selecting)
        gains = [1.0]
        if hardware.amplifier_table is not None and not self._direct:
            highest = 10 ** (float(np.min(hardware.amplifier_table.highest_decibels)) / 20)
            gains = list(np.geomspace(1.0, highest, 10))
        for gain in gains:
            hardware.set_field_gain(gain)
            self.light(self.neurons // 2)
            peak = self._peak(bank, 1.0, dark)
            if peak > 0.3 * room:
                break
        level = 1.0
        while peak > room and level > 0.01:
            level *= 0.7
            peak = self._peak(bank, level, dark)
        return level

    def _peak(self, bank: str, level: float, dark: Floats) -> float:
        frames = self._session.light.photograph({self.name: self.drive(level)}, bank, _SHOTS)
        return float((frames.mean(axis=0) - dark).max())

    def _show_bright(self, name: str) -> None:
        """Let a panel on the way pass all it can at a gain that does not overwhelm."""
        hardware = self._session.hardware(name)
        weights = np.full(
            (hardware.outputs, hardware.inputs),
            0.9 * hardware.bank.full_scale * hardware.field_gain,
            np.float32,
        )
        shown = hardware.encode(weights)
        self._session.light.show(name, shown.depth, shown.offset)


def _unlit(light: CalibrationLight, lamp: _Lamp, bank: str) -> Floats:
    """Return the mean picture ``[rows, columns]`` with the lamp out."""
    frames = light.photograph({lamp.name: lamp.drive(0.0)}, bank, _SHOTS)
    return np.asarray(frames.mean(axis=0), np.float64)


def _centroids(frames: Floats, reader: CameraTaps) -> _Spots:
    """Return where each frame ``[n, rows, columns]`` is bright: a centroid around its maximum."""
    count = len(frames)
    centres, sigmas, seen = np.zeros((count, 2)), np.full(count, np.inf), np.zeros(count, np.bool_)
    half = max(reader.regions[0].height, reader.regions[0].width) // 2
    for index, frame in enumerate(frames):
        noise = 1.4826 * float(np.median(np.abs(frame - np.median(frame)))) + 1e-6
        peak = np.unravel_index(int(np.argmax(_smoothed(frame))), frame.shape)
        centre = np.array(peak, np.float64)
        # The window follows the spot, or its edge would pull the centroid.
        for _ in range(10):
            first = np.maximum(np.rint(centre).astype(int) - half, 0)
            last = np.minimum(np.rint(centre).astype(int) + half + 1, frame.shape)
            cut = frame[first[0] : last[0], first[1] : last[1]]
            down, across = (np.arange(begin, end) for begin, end in zip(first, last, strict=True))
            weight = np.exp(
                -((down[:, np.newaxis] - centre[0]) ** 2 + (across - centre[1]) ** 2)
                / (2.0 * (0.5 * half) ** 2)
            )
            light = cut * weight
            total = float(light.sum())
            if total <= 0.0:
                break
            mean = np.array([(light.sum(axis=1) * down).sum(), (light.sum(axis=0) * across).sum()])
            # A Gaussian window draws the mean halfway back: step twice as far.
            step = 2.0 * (mean / total - centre)
            centre = centre + np.clip(step, -2.0, 2.0)
            if np.abs(step).max() < 1e-3:
                break
        seen[index] = bool(frame[peak] > _LEAST_SIGNAL * noise and total > 0.0)
        centres[index] = centre
        spread = noise * np.sqrt((weight**2 * (down[:, np.newaxis] - centre[0]) ** 2).sum())
        # Photons of the spot itself add to what the empty sensor shows.
        electrons = reader.camera.electrons_per_count * _SHOTS
        photons = np.sqrt(max(total, 1e-9) / electrons) * 0.25 * half
        sigmas[index] = 2.0 * np.hypot(spread, photons) / max(total, 1e-9)
    return _Spots(centres, sigmas, seen)


def _smoothed(frame: Floats) -> Floats:
    """Return sums over three by three pixels, by which a hot pixel is no spot."""
    padded = np.pad(frame, 1, mode="edge")
    rows, columns = frame.shape
    total: Floats = sum(
        (padded[i : i + rows, j : j + columns] for i in range(3) for j in range(3)),
        np.zeros_like(frame),
    )
    return total


def _fit_affine(nominal: Floats, spots: _Spots) -> tuple[Floats, Floats, Floats, float]:
    """Fit ``centre = A nominal + b``, distances beyond 1.5 sigmas counted linearly.

    Returns the map ``[2, 3]``, the covariance ``[2, 3, 3]`` of either row, the weights ``[n]``, and
    the rms distance in pixels of what was not left out.
    """
    columns = np.column_stack([nominal, np.ones(len(nominal))])
    base = np.where(spots.seen, 1.0 / np.maximum(spots.sigmas, 1e-3), 0.0)
    weights = np.ones(len(nominal))
    affine = np.zeros((2, 3))
    scale = 1.0
    for _ in range(_ROUNDS):
        own = base * np.sqrt(weights)
        affine = np.linalg.lstsq(columns * own[:, np.newaxis], spots.centres * own[:, np.newaxis])[
            0
        ].T
        distances = np.hypot(*(columns @ affine.T - spots.centres).T) * base
        # Two components a spot: the median of their distance is 1.18 sigmas.
        scale = max(1.0, float(np.median(distances[spots.seen])) / 1.1774)
        weights = np.minimum(1.0, _HUBER * scale / np.maximum(distances, 1e-12))
    own = base * np.sqrt(weights)
    normal = np.linalg.inv((columns * own[:, np.newaxis]).T @ (columns * own[:, np.newaxis]))
    kept = spots.seen & (weights > 0.2)
    distances = np.hypot(*(columns @ affine.T - spots.centres).T)
    misfit = float(np.sqrt(np.mean(distances[kept] ** 2)))
    return affine, np.stack([scale**2 * normal] * 2), weights, misfit


def _wavefronts(
    session: CalibrationSession, lamp: _Lamp, bank: str, reader: CameraTaps, level: float
) -> tuple[Floats, Floats]:
    """Return the phase of every lit neuron's fringes against the mean of all, and its error."""
    light = session.light
    fields = np.zeros(lamp.neurons, np.complex128)
    noises = np.ones(lamp.neurons)
    for neuron in lamp.light_each():
        read = light.interference({lamp.name: lamp.drive(level)}, bank, _SHOTS)[:, neuron]
        fields[neuron] = read.mean()
        noises[neuron] = float(np.std(read.real)) / np.sqrt(_SHOTS)
    mean = np.angle(fields.sum())
    phases = np.angle(fields * np.exp(-1j * mean))
    return phases, noises / np.maximum(np.abs(fields), 1e-12)


def _report(
    result: ProtocolResult,
    affine: Floats,
    covariance: Floats,
    misfit: float,
    nominal: Floats,
    spots: _Spots,
) -> None:
    sigma = np.sqrt(np.diagonal(covariance, axis1=1, axis2=2))
    turn = float(np.arctan2(affine[1, 0] - affine[0, 1], affine[0, 0] + affine[1, 1]))
    result.add("rotation", turn, 0.5 * float(np.hypot(sigma[0, 1], sigma[1, 0])), "rad")
    scale = float(np.sqrt(np.linalg.det(affine[:, :2])))
    result.add("scale", scale, 0.5 * float(np.hypot(sigma[0, 0], sigma[1, 1])))
    moved = (nominal @ affine[:, :2].T + affine[:, 2] - nominal).mean(axis=0)
    error = float(np.median(spots.sigmas[spots.seen])) / np.sqrt(np.count_nonzero(spots.seen))
    result.add("shift down", float(moved[0]), error, "pixels")
    result.add("shift across", float(moved[1]), error, "pixels")
    result.add("spots beside the map, rms", misfit, unit="pixels")
    result.add("spots seen", float(np.count_nonzero(spots.seen)))
    seen = spots.seen
    result.curves.append(
        Curve(
            f"{result.target}, columns of the spots",
            nominal[seen, 1],
            spots.centres[seen, 1] - nominal[seen, 1],
            (nominal @ affine[:, :2].T + affine[:, 2] - nominal)[seen, 1],
            "nominal column (pixels)",
            "shift across (pixels)",
        )
    )
