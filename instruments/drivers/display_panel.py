"""A liquid-crystal panel at a video output, such as the HDMI port of a graphics card.

The panel is a screen of the desktop. A borderless window covers it; nothing scales, dithers or
colour-manages what the window shows, and a grey level is the same on red, green and blue.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from instruments.display.window import Window
from instruments.drivers.display_screen import check_screen, show_safe, window_over
from instruments.drivers.frame_panel import FramePanel
from instruments.interfaces.instrument import Identity, InstrumentTimeoutError
from instruments.interfaces.spatial_light_modulator import Frame
from instruments.library import Library
from instruments.opening import OpeningRequest
from instruments.quantities import NonNegativeSeconds


class DisplayPanelSettings(BaseModel):
    """A panel and the screen it is.

    Attributes
    ----------
    screen
        The name of the output, or words of what the panel's EDID says: manufacturer, model,
        serial number. ``python -m instruments.display`` lists the screens there are.
    rows, columns
        Pixels of the panel, which are those of the screen.
    bit_depth
        A video output has eight bits of grey.
    levels_per_wave
        Grey levels of a phase of 2 pi.
    latency
        From the refresh at which the window changes to the first change of the light: buffers of
        graphics card and panel. ``backbeam check BENCH --display-timing`` measures it.
    settling
        How long the liquid crystal needs from then on to stand still.
    vertical_blank
        Whether frames change in the vertical blank only, which needs OpenGL; otherwise a frame may
        be torn for one refresh.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    screen: Annotated[str, Field(min_length=1)]
    rows: Annotated[int, Field(strict=True, ge=1)]
    columns: Annotated[int, Field(strict=True, ge=1)]
    bit_depth: Literal[8] = 8
    levels_per_wave: Annotated[int, Field(strict=True, ge=2, le=256)] = 256
    latency: NonNegativeSeconds = 0.0
    settling: NonNegativeSeconds = 30e-3
    vertical_blank: Annotated[bool, Field(strict=True)] = True


class DisplayPanel(FramePanel):
    """A panel that shows what a window shows.

    Parameters
    ----------
    request
        What it was opened with.
    library
        The window; it is closed with the panel.
    """

    Settings: ClassVar[type[DisplayPanelSettings]] = DisplayPanelSettings

    def __init__(
        self, request: OpeningRequest[DisplayPanelSettings], library: Library[Window]
    ) -> None:
        own, screen = request.settings, library.handle.screen
        check_screen(request.name, screen, own.rows, own.columns)
        super().__init__(
            request,
            library,
            rows=own.rows,
            columns=own.columns,
            bit_depth=own.bit_depth,
            refresh_seconds=1.0 / screen.refresh_hertz if screen.refresh_hertz else 0.0,
        )
        self._window = library.handle
        self._latency = own.latency
        self._window.show(self._dark_frame().astype(np.uint8, copy=False))
        self._is_on = False

    @classmethod
    def open(cls, request: OpeningRequest[Any]) -> Self:
        """Return the panel, its screen covered by one grey level.

        Raises
        ------
        InstrumentError
            If there is no such screen, it has other pixels than the file says, or it is scaled.
        """
        library = window_over(request, vertical_blank=request.settings.vertical_blank)
        try:
            return cls(request, library)
        except BaseException:
            library.handle.close()
            raise

    def identity(self) -> Identity:
        """Return what the screen's EDID says."""
        self._check_open()
        return self._window.screen.identity()

    def shown_at_seconds(self) -> float | None:
        """Return when the latest frame is on and settled, on the bench's clock."""
        self._check_open()
        shown = self._window.shown_at_seconds() if self._is_on else None
        return None if shown is None else shown + self._latency + self.settling_seconds

    def wait_until_settled(self, timeout_seconds: float) -> None:
        """Return when the latest frame is on and settled."""
        self._check_open()
        begin = self._clock.now()
        self._window.wait_until_shown(timeout_seconds)
        settled = self.shown_at_seconds()
        if settled is None:
            return
        left = timeout_seconds - (self._clock.now() - begin)
        needed = settled - self._clock.now()
        if needed > left:
            self._clock.wait(max(0.0, left))
            raise InstrumentTimeoutError(
                f"{self.name}: settling takes another {needed:.3g} s and was given {left:.3g} s; "
                "wait longer"
            )
        self._clock.wait(max(0.0, needed))

    def _send(self, frame: Frame) -> None:
        self._window.show(frame.astype(np.uint8, copy=False))
        self._is_on = True

    def _go_safe(self) -> None:
        show_safe(self._window, self._dark_frame().astype(np.uint8, copy=False))

    def _release(self) -> None:
        self._window.close()
