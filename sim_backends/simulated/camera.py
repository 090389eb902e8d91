"""Simulated camera."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from instruments.errors import InstrumentError
from instruments.interfaces.camera import Region, check_regions, region_means
from instruments.interfaces.sequence import SequenceState
from instruments.limits import Limit
from instruments.opening import OpeningRequest
from sim_backends.simulated.settings import CameraSettings
from sim_backends.simulated.simulated_instrument import SimulatedInstrument, check_all_fired
from sim_backends.simulated.stage_light import powers, stage_looked_at
from sim_backends.simulated.trigger_line import check_keeps_up, shared_trigger_line
from sim_backends.simulated.twin_of_bench import SPOT_RADIUS, camera_layout
from sim_backends.twin.camera import CameraTruth
from sim_backends.twin.imperfections import Imperfections

Frames = npt.NDArray[np.uint16]


class SimulatedCamera(SimulatedInstrument):
    """A camera; every neuron is a Gaussian spot (``sim_backends.twin.camera``).

    As a tap of a stage it sees the tap's light and the reference that interferes with it. Any other
    looks at the port its settings name, without a reference: it sees powers, no signs.
    """

    kind: ClassVar[str] = "camera"
    Settings: ClassVar[type[CameraSettings]] = CameraSettings

    def __init__(self, request: OpeningRequest[CameraSettings]) -> None:
        own = request.settings
        super().__init__(
            request,
            {
                "exposure_seconds": Limit(own.shortest_exposure, own.longest_exposure, "s"),
                "shots": Limit(1, own.most_shots, "shots"),
            },
        )
        self._own = own
        self.rows = own.rows
        self.columns = own.columns
        self.black_level_counts = own.black_level
        self.full_well_counts = own.full_well
        self.electrons_per_count = own.electrons_per_count
        limit = self._limits["exposure_seconds"]
        self._exposure_seconds = min(max(own.nominal_exposure, limit.low), limit.high)
        self._regions: tuple[Region, ...] = (Region(0, 0, own.rows, own.columns),)
        self._counter = 0
        self.sequence = SequenceState(self.name, loads=False)
        self._frames: list[Frames] = []
        self._is_tap = self.name in self.twin.cameras
        self._stage = None if self._is_tap else stage_looked_at(request)
        self._spots = self._make_spots()
        shared_trigger_line(request).watchers[self.name] = self

    @classmethod
    def open(cls, request: OpeningRequest[Any]) -> Self:
        """Return the camera, stopped.

        Raises
        ------
        InstrumentError
            If the stage it looks at does not exist, or has more neurons than spots fit.
        """
        return cls(request)

    @property
    def channels(self) -> int:
        """How many regions there are."""
        return len(self._regions)

    def exposure_seconds(self) -> float:
        """Return the exposure time."""
        self._check_open()
        return self._exposure_seconds

    def set_exposure_seconds(self, seconds: float) -> None:
        """Set the exposure time; errors as of the interface."""
        self.sequence.check_load()
        self._exposure_seconds = self._checked("exposure_seconds", seconds)

    def regions(self) -> tuple[Region, ...]:
        """Return the regions."""
        self._check_open()
        return self._regions

    def set_regions(self, regions: Sequence[Region]) -> None:
        """Give every channel its region; errors as of the interface."""
        self._check_open()
        self.sequence.check_load()
        check_regions(self.name, regions, self.rows, self.columns)
        self._regions = tuple(regions)

    def region_of(self, neuron: int) -> Region:
        """Return the square around a neuron's spot."""
        pitch = self._own.spot_pitch
        across = self.columns // pitch
        return Region(neuron // across * pitch, neuron % across * pitch, pitch, pitch)

    def frame_counter(self) -> int:
        """Return how many frames the sensor has taken."""
        self._check_open()
        return self._counter

    def arm(self, shots: int) -> None:
        """Get ready to take ``shots`` frames.

        Raises
        ------
        InstrumentError
            If triggers come faster than the exposures.
        """
        self._checked("shots", shots)
        check_keeps_up(self.name, "exposes", self._exposure_seconds, self.twin)
        self.sequence.armed(shots)
        self._frames.clear()

    def read(self, timeout_seconds: float) -> npt.NDArray[np.float32]:
        """Return each region's mean counts ``[shots, channels]``."""
        return region_means(self.read_frames(timeout_seconds), self._regions)

    def read_frames(self, timeout_seconds: float) -> Frames:
        """Return the frames ``[shots, rows, columns]``."""
        self._check_open()
        check_all_fired(self.sequence, timeout_seconds)
        frames = np.concatenate(self._frames)
        self._frames = []
        self.sequence.read_out()
        return frames

    def take_new_frames(self) -> Frames:
        """Hand over the frames ``[n, rows, columns]`` that came so far, and wait for none."""
        self._check_open()
        came, self._frames = self._frames, []
        empty = np.zeros((0, self.rows, self.columns), np.uint16)
        return np.concatenate([empty, *came])

    def stop(self) -> None:
        """Abandon what is armed or not yet read."""
        self._check_open()
        self._go_safe()

    def after_shots(self, shots: int) -> None:
        """Take a frame of every shot it was armed for."""
        if self.sequence.stage == "armed":
            taken = self.sequence.triggered(shots)
            self._counter += taken
            self._frames.append(self._frames_of(taken))

    def _frames_of(self, shots: int) -> Frames:
        share = self._exposure_seconds / self._own.nominal_exposure
        if self._is_tap:
            return self.twin.photograph(self.name, shots, share)
        light = np.zeros((1, shots, 0), np.float32)
        if self._stage is not None:
            light = np.sqrt(powers(self._stage, self._own.port))[np.newaxis, :shots]
        noise = self.twin.noise
        return self._spots.frames(light, reference=False, share=share, noise=noise)

    def _make_spots(self) -> CameraTruth:
        """Return the spots of a camera that is no tap, all of them where they should be."""
        own = self._own
        centres: list[tuple[float, float]] = []
        if self._stage is not None:
            neurons, pitch = self._stage.layout.outputs, own.spot_pitch
            fit = (self.rows // pitch) * (self.columns // pitch)
            if neurons > fit:
                raise InstrumentError(
                    f"{self.name}: stage '{own.stage}' has {neurons} neurons; {fit} spots of "
                    f"{pitch} pixels fit its {self.rows} x {self.columns} pixels"
                )
            for neuron in range(neurons):
                at = self.region_of(neuron)
                centres.append((at.row + (pitch - 1) / 2, at.column + (pitch - 1) / 2))
        layout = camera_layout(own, tuple(centres), SPOT_RADIUS * own.spot_pitch, 0.0, None)
        exact = Imperfections.perfect().cameras
        return CameraTruth(layout, exact, 1.0, np.random.default_rng(0))

    def _go_safe(self) -> None:
        self.sequence.stopped()
        self._frames = []
