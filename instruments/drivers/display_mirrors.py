"""A mirror device in video-pattern mode at a video output: 24 binary frames in every picture.

The controller is set up with its maker's program: video-pattern mode, 24 patterns of one bit and
equal exposure, which together take one refresh. It then shows patterns without end, and pictures
decide what they are. So nothing triggers it; it triggers the others, at the moment its light says:
in the first shot of a firing a patch of mirrors is on, and a fast photodiode on that patch is the
trigger of boxes that go on by a clock of their own (``display_trigger``).

This driver has shown its patterns on a screen, pixel for pixel, and not on a mirror device.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from instruments.display.bit_planes import PLANES, ColourOrder, packed
from instruments.display.window import Picture, Window
from instruments.drivers.display_screen import check_screen, show_safe, window_over
from instruments.drivers.driven_instrument import DrivenInstrument
from instruments.errors import InstrumentError
from instruments.interfaces.block_geometry import BlockGeometry
from instruments.interfaces.instrument import Identity, InstrumentTimeoutError
from instruments.interfaces.mirror_device import MirrorBlocks, expand_mirror_blocks
from instruments.interfaces.sequence import SequenceState
from instruments.library import Library
from instruments.limits import Limit, check_shape
from instruments.opening import OpeningRequest, SharedResources


class StartPatch(BaseModel):
    """Mirrors that are on in the first shot of a firing and off in all others.

    Attributes
    ----------
    row, column
        Where the patch begins.
    height, width
        Its size.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    row: Annotated[int, Field(strict=True, ge=0)]
    column: Annotated[int, Field(strict=True, ge=0)]
    height: Annotated[int, Field(strict=True, ge=1)]
    width: Annotated[int, Field(strict=True, ge=1)]


class DisplayMirrorSettings(BaseModel):
    """A mirror device and the screen it is.

    Attributes
    ----------
    screen
        As for a panel at a video output.
    rows, columns
        Mirrors, which are the pixels of the screen.
    colour_order
        In which order the controller takes the colours of a picture apart.
    start_patch
        Mirrors that mark the first shot.
    most_frames
        Longest sequence.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    screen: Annotated[str, Field(min_length=1)]
    rows: Annotated[int, Field(strict=True, ge=1)]
    columns: Annotated[int, Field(strict=True, ge=1)]
    colour_order: ColourOrder = "grb"
    start_patch: StartPatch | None = None
    most_frames: Annotated[int, Field(strict=True, ge=1)] = 4096


class DisplayMirrors(DrivenInstrument):
    """A mirror device that unpacks 24 frames from every picture. Shots have to be fired in a row.

    Parameters
    ----------
    request
        What it was opened with.
    library
        The window; it is closed with the device.
    """

    kind: ClassVar[str] = "mirror_device"
    Settings: ClassVar[type[DisplayMirrorSettings]] = DisplayMirrorSettings
    takes_shots_in_parts: ClassVar[bool] = False

    def __init__(
        self, request: OpeningRequest[DisplayMirrorSettings], library: Library[Window]
    ) -> None:
        own, screen = request.settings, library.handle.screen
        check_screen(request.name, screen, own.rows, own.columns)
        if own.start_patch is not None:
            patch = own.start_patch
            BlockGeometry(1, 1, patch.height, patch.width, patch.row, patch.column).check_fits(
                request.name, own.rows, own.columns
            )
        self._refresh = 1.0 / screen.refresh_hertz
        period = self._refresh / PLANES
        super().__init__(
            request,
            {
                "shots": Limit(1, own.most_frames, "shots"),
                "picture_seconds": Limit(period, period, "s"),
            },
        )
        self.simulated = library.simulated
        self.rows, self.columns = own.rows, own.columns
        self.sequence = SequenceState(self.name, loads=True)
        self._own = own
        self._clock = library.clock
        self._window = library.handle
        self._dark = np.zeros((own.rows, own.columns), np.uint8)
        self._pictures: list[Picture] = []
        self._fired: list[int] = []
        self._window.show(self._dark)
        playable_mirrors(request.shared)[self.name] = self

    @classmethod
    def open(cls, request: OpeningRequest[Any]) -> Self:
        """Return the device, all mirrors off.

        Raises
        ------
        InstrumentError
            If there is no such screen, it has other pixels than the file says, or it is scaled.
        """
        library = window_over(request, vertical_blank=True)
        try:
            return cls(request, library)
        except BaseException:
            library.handle.close()
            raise

    def identity(self) -> Identity:
        """Return what the screen's EDID says."""
        self._check_open()
        return self._window.screen.identity()

    def picture_seconds(self) -> float:
        """Return how long each frame stays on: a 24th of a refresh."""
        self._check_open()
        return self._limits["picture_seconds"].low

    def set_picture_seconds(self, seconds: float) -> None:
        """Take the only time there is, which the screen's refresh sets."""
        self._checked("picture_seconds", seconds)

    def load(self, frames: npt.NDArray[np.bool_]) -> None:
        """Load frames ``[shots, rows, columns]``; errors as of the interface."""
        self._check_open()
        check_shape(self.name, "frames", frames, (None, self.rows, self.columns))
        if frames.dtype != np.bool_:
            raise InstrumentError(
                f"{self.name}: frames of {frames.dtype} given; a mirror is on or off, give bool"
            )
        self._check_load(len(frames))
        self._pictures = [
            self._packed(frames[first : first + PLANES], first)
            for first in range(0, len(frames), PLANES)
        ]
        self.sequence.loaded(len(frames))

    def load_blocks(self, blocks: MirrorBlocks) -> None:
        """Load blocks of mirrors, expanded a picture at a time; errors as of the interface."""
        self._check_open()
        blocks.check(self.name, self.rows, self.columns)
        self._check_load(blocks.shots)
        pictures = []
        for first in range(0, blocks.shots, PLANES):
            count = min(PLANES, blocks.shots - first)
            frames = np.empty((count, self.rows, self.columns), np.bool_)
            for place in range(count):
                expand_mirror_blocks(blocks, first + place, frames[place])
            pictures.append(self._packed(frames, first))
        self._pictures = pictures
        self.sequence.loaded(blocks.shots)

    def arm(self) -> None:
        """Get ready to show the pictures when shots are fired."""
        self._check_open()
        self.sequence.check_arm()
        self._fired = []
        self.sequence.armed()

    def play(self, shots: int) -> None:
        """Show what is armed, one picture a refresh; as many ``shots`` as were fired.

        Nothing is shown but the patch that marks the first shot where nothing is armed, or where
        only a part of the shots is fired: the patterns of a picture cannot wait for one another.
        """
        self._check_open()
        armed = self.sequence.shots > self.sequence.fired and bool(self._pictures)
        self._fired.append(shots)
        if armed and shots >= self.sequence.shots and len(self._fired) == 1:
            for picture in self._pictures:
                self._window.show(picture)
        else:
            self._window.show(self._packed(np.zeros((1, *self._dark.shape), np.bool_), 0))
        self._window.show(self._dark)

    def wait_until_shown(self, timeout_seconds: float) -> None:
        """Return when the last picture handed over is on the screen."""
        self._check_open()
        self._window.wait_until_shown(timeout_seconds)

    def wait_until_done(self, timeout_seconds: float) -> None:
        """Return when the last picture was on.

        Raises
        ------
        InstrumentError
            If the shots were fired in parts, or pictures did not follow refresh by refresh.
        """
        self._check_open()
        self.sequence.check_started()
        begin = self._clock.now()
        self._window.wait_until_shown(timeout_seconds)
        if sum(self._fired) < self.sequence.shots:
            self._clock.wait(max(0.0, timeout_seconds - (self._clock.now() - begin)))
            raise InstrumentTimeoutError(
                f"{self.name}: {sum(self._fired)} of {self.sequence.shots} shots were fired within "
                f"{timeout_seconds:g} s; check that the trigger source is 'display trigger'"
            )
        if len(self._fired) > 1:
            parts = len(self._fired)
            self.stop()
            raise InstrumentError(
                f"{self.name}: its {self.sequence.shots} shots were fired in {parts} parts; the "
                "patterns of a picture follow each other: fire them in a row"
            )
        self._check_refreshes()
        self.sequence.triggered(self.sequence.shots)

    def stop(self) -> None:
        """Abandon what is armed."""
        self._check_open()
        self._fired = []
        self.sequence.stopped()

    def _check_load(self, shots: int) -> None:
        self._checked("shots", shots)
        self.sequence.check_load()

    def _packed(self, frames: npt.NDArray[np.bool_], first_shot: int) -> Picture:
        patch = self._own.start_patch
        if patch is None:
            return packed(frames, self._own.colour_order)
        marked = frames.copy()
        rows = slice(patch.row, patch.row + patch.height)
        marked[:, rows, patch.column : patch.column + patch.width] = False
        if first_shot == 0:
            marked[0, rows, patch.column : patch.column + patch.width] = True
        return packed(marked, self._own.colour_order)

    def _check_refreshes(self) -> None:
        """Check that every picture was on for one refresh, and for no more."""
        times = np.array(self._window.latest_times_seconds(len(self._pictures) + 1))
        late = np.rint(np.diff(times) / self._refresh) - 1
        missed = int(late[late > 0].sum())
        if missed:
            self._fired = []
            self.sequence.stopped()
            raise InstrumentError(
                f"{self.name}: {missed} refreshes went by without their picture, so that patterns "
                "were shown twice; leave the computer alone or use another graphics card"
            )

    def _go_safe(self) -> None:
        self._fired = []
        self.sequence.stopped()
        show_safe(self._window, self._dark)

    def _release(self) -> None:
        self._window.close()


def playable_mirrors(shared: SharedResources) -> dict[str, DisplayMirrors]:
    """Return the mirror devices of a bench that a ``display trigger`` can play, by name."""
    return shared.get("mirrors at video outputs", dict)
