"""What drivers of cameras have in common: a frame at every trigger, regions, the frame counter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Protocol

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from instruments.clock import wait_for
from instruments.drivers.driven_instrument import DrivenInstrument
from instruments.drivers.frame_panel import check_size
from instruments.errors import InstrumentError
from instruments.interfaces.camera import Region, check_regions, region_means
from instruments.interfaces.instrument import Identity, InstrumentTimeoutError
from instruments.interfaces.sequence import SequenceState
from instruments.library import Library
from instruments.limits import Limit
from instruments.opening import OpeningRequest
from instruments.quantities import PositiveSeconds

POLL_SECONDS = 2e-3

Frames = npt.NDArray[np.uint16]
Count = Annotated[int, Field(strict=True, ge=1)]


class FrameGrabber(Protocol):
    """A camera as its library offers it: what a driver of this kind has to bring."""

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of a frame."""
        ...

    def identity(self) -> Identity:
        """Return who the camera says it is."""
        ...

    def exposure_seconds(self) -> float:
        """Return the exposure time."""
        ...

    def set_exposure_seconds(self, seconds: float) -> None:
        """Set the exposure time."""
        ...

    def start(self, shots: int) -> None:
        """Take a frame at each of the next ``shots`` triggers, with room for all of them."""
        ...

    def new_frames(self) -> list[npt.NDArray[Any]]:
        """Return the frames ``[rows, columns]`` that came since the last call, without waiting."""
        ...

    def frames_lost(self) -> int:
        """Return how many were taken since the start and cannot be had any more."""
        ...

    def stop(self) -> None:
        """Take no further frame. Allowed at any time."""
        ...

    def close(self) -> None:
        """Give the camera up."""
        ...


class TriggeredCameraSettings(BaseModel):
    """What a camera's data sheet says, whatever its library.

    Attributes
    ----------
    rows, columns
        Pixels of a frame.
    shortest_exposure, longest_exposure
        Range of the exposure time.
    black_level, full_well
        Counts of a pixel in the dark, and of a saturated one.
    electrons_per_count
        Photoelectrons that make one count.
    most_shots
        How many frames may be asked for at once; they have to fit into memory.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rows: Count
    columns: Count
    shortest_exposure: PositiveSeconds = 1e-5
    longest_exposure: PositiveSeconds = 1.0
    black_level: Annotated[float, Field(strict=True, ge=0, allow_inf_nan=False)] = 0.0
    full_well: Annotated[float, Field(strict=True, gt=0, allow_inf_nan=False)] = 4095.0
    electrons_per_count: Annotated[float, Field(strict=True, gt=0, allow_inf_nan=False)] = 1.0
    most_shots: Count = 4096


class TriggeredCamera(DrivenInstrument):
    """A camera behind any library.

    Parameters
    ----------
    request
        What it was opened with; its settings are ``TriggeredCameraSettings``.
    library
        The camera as its library offers it.
    """

    kind: ClassVar[str] = "camera"

    def __init__(self, request: OpeningRequest[Any], library: Library[FrameGrabber]) -> None:
        own: TriggeredCameraSettings = request.settings
        check_size(request.name, "the camera", library.handle.shape, own.rows, own.columns)
        super().__init__(
            request,
            {
                "exposure_seconds": Limit(own.shortest_exposure, own.longest_exposure, "s"),
                "shots": Limit(1, own.most_shots, "shots"),
            },
        )
        self.simulated = library.simulated
        self.rows, self.columns = own.rows, own.columns
        self.black_level_counts = own.black_level
        self.full_well_counts = own.full_well
        self.electrons_per_count = own.electrons_per_count
        self._clock = library.clock
        self._grabber = library.handle
        self._regions: tuple[Region, ...] = (Region(0, 0, own.rows, own.columns),)
        self._frames: list[npt.NDArray[Any]] = []
        self._counter = 0
        self.sequence = SequenceState(self.name, loads=False)
        self._go_safe()

    @property
    def channels(self) -> int:
        """How many regions there are."""
        return len(self._regions)

    def identity(self) -> Identity:
        """Ask the camera who it is."""
        self._check_open()
        return self._grabber.identity()

    def exposure_seconds(self) -> float:
        """Ask the camera for its exposure time."""
        self._check_open()
        return self._grabber.exposure_seconds()

    def set_exposure_seconds(self, seconds: float) -> None:
        """Set the exposure time; errors as of the interface."""
        self.sequence.check_load()
        self._grabber.set_exposure_seconds(self._checked("exposure_seconds", seconds))

    def regions(self) -> tuple[Region, ...]:
        """Return the region of each channel."""
        self._check_open()
        return self._regions

    def set_regions(self, regions: Sequence[Region]) -> None:
        """Give every channel its region; errors as of the interface."""
        self._check_open()
        self.sequence.check_load()
        check_regions(self.name, regions, self.rows, self.columns)
        self._regions = tuple(regions)

    def frame_counter(self) -> int:
        """Return how many frames the camera has taken, lost ones included."""
        self._check_open()
        self._collect()
        return self._counter

    def arm(self, shots: int) -> None:
        """Take a frame at each of the next ``shots`` triggers."""
        count = int(self._checked("shots", shots))
        self.sequence.check_arm()
        self._frames = []
        self._grabber.stop()
        self._grabber.start(count)
        self.sequence.armed(count)

    def read(self, timeout_seconds: float) -> npt.NDArray[np.float32]:
        """Return each region's mean counts ``[shots, channels]``."""
        return region_means(self.read_frames(timeout_seconds), self._regions)

    def read_frames(self, timeout_seconds: float) -> Frames:
        """Return the frames ``[shots, rows, columns]``.

        Raises
        ------
        InstrumentError
            If the camera lost some.
        """
        self._check_open()
        self.sequence.check_started()
        if not wait_for(self._all_came, self._clock, timeout_seconds, POLL_SECONDS):
            raise InstrumentTimeoutError(
                f"{self.name}: {len(self._frames)} of {self.sequence.shots} frames came within "
                f"{timeout_seconds:g} s; check that the trigger source fires, is connected, and "
                "leaves time for exposure and read-out"
            )
        self._grabber.stop()
        frames = np.stack(self._frames).astype(np.uint16, copy=False)
        self._frames = []
        self.sequence.read_out()
        return frames

    def stop(self) -> None:
        """Abandon what is armed or not yet read."""
        self._check_open()
        self._go_safe()

    def _all_came(self) -> bool:
        self._collect()
        lost = self._grabber.frames_lost()
        if lost:
            self._go_safe()
            raise InstrumentError(
                f"{self.name}: {lost} frames were taken and lost; ask for fewer shots at once, or "
                "slow the trigger source down"
            )
        return self.sequence.done

    def _collect(self) -> None:
        """Take what came; frames that nobody was armed for are counted and thrown away."""
        if self.sequence.stage == "empty":
            return
        came = self._grabber.new_frames()
        self._counter += len(came)
        wanted = self.sequence.triggered(len(came))
        # Copied: a library may use its buffers again.
        self._frames.extend(np.array(frame) for frame in came[:wanted])

    def _go_safe(self) -> None:
        self._grabber.stop()
        self.sequence.stopped()
        self._frames = []

    def _release(self) -> None:
        self._grabber.stop()
        self._grabber.close()
