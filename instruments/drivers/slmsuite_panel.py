"""A liquid-crystal panel that slmsuite drives: Holoeye, Meadowlark, Hamamatsu, Santec, Thorlabs.

slmsuite (version 0.5.0) is told grey levels, whole numbers of the panel's own type, which it hands
on as they are: no phase is converted and no correction added. This adapter has run with slmsuite's
simulated panel, and not with one on a table: run the conformance tests on yours first
(docs/adding-an-instrument.md).
"""

from __future__ import annotations

import importlib
from typing import Annotated, Any, ClassVar, Protocol, Self

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from instruments.drivers.frame_panel import FramePanel, check_size
from instruments.errors import InstrumentError
from instruments.interfaces.instrument import Identity, InstrumentTimeoutError
from instruments.interfaces.spatial_light_modulator import Frame
from instruments.library import Library, library_for, load_library
from instruments.opening import OpeningRequest
from instruments.quantities import NonNegativeSeconds


class SlmsuiteLibrary(Protocol):
    """What the driver calls of a ``slmsuite.hardware.slms.slm.SLM``."""

    shape: tuple[int, int]
    bitdepth: int
    name: str

    def set_phase(self, phase: npt.NDArray[Any], *, settle: bool) -> Any:
        """Show grey levels; returns when they were sent."""
        ...

    def close(self) -> None:
        """Give the panel up."""
        ...


class SlmsuitePanelSettings(BaseModel):
    """A panel and how slmsuite finds it.

    Attributes
    ----------
    panel
        Module and class below ``slmsuite.hardware.slms``: ``"meadowlark.Meadowlark"``,
        ``"holoeye.Holoeye"``, ``"santec.Santec"``, ``"hamamatsu.Hamamatsu"``.
    arguments
        What the class is told, such as ``{ slm_number = 1 }``.
    rows, columns, bit_depth
        Of the panel.
    levels_per_wave
        Grey levels of a phase of 2 pi.
    refresh
        From one frame to the next.
    settling
        How long the liquid crystal needs to stand still, from the refresh on, the latency of the
        vendor's electronics included.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    panel: Annotated[str, Field(pattern=r"^\w+\.\w+$")]
    arguments: dict[str, str | int | float | bool] = Field(default_factory=dict)
    rows: Annotated[int, Field(strict=True, ge=1)]
    columns: Annotated[int, Field(strict=True, ge=1)]
    bit_depth: Annotated[int, Field(strict=True, ge=1, le=10)] = 8
    levels_per_wave: Annotated[int, Field(strict=True, ge=2)] = 256
    refresh: NonNegativeSeconds = 1 / 60
    settling: NonNegativeSeconds = 30e-3


class SlmsuitePanel(FramePanel):
    """A panel behind slmsuite's class for it.

    Parameters
    ----------
    request
        What it was opened with.
    library
        The open object of slmsuite.
    """

    Settings: ClassVar[type[SlmsuitePanelSettings]] = SlmsuitePanelSettings

    def __init__(
        self, request: OpeningRequest[SlmsuitePanelSettings], library: Library[SlmsuiteLibrary]
    ) -> None:
        own, panel = request.settings, library.handle
        rows, columns = panel.shape
        check_size(request.name, "the panel", (rows, columns), own.rows, own.columns)
        if panel.bitdepth != own.bit_depth:
            raise InstrumentError(
                f"{request.name}: the panel has {panel.bitdepth} bits; the bench file says "
                f"{own.bit_depth}: correct its settings"
            )
        super().__init__(
            request,
            library,
            rows=own.rows,
            columns=own.columns,
            bit_depth=own.bit_depth,
            refresh_seconds=own.refresh,
        )
        self._panel = panel
        self._model = own.panel
        self._shown_at: float | None = None
        self._go_safe()

    @classmethod
    def open(cls, request: OpeningRequest[Any]) -> Self:
        """Return the panel, one level everywhere.

        Raises
        ------
        InstrumentError
            If slmsuite or the vendor's library is missing, or the panel is another one.
        """
        own: SlmsuitePanelSettings = request.settings
        library = library_for(
            request, lambda: load_library(request.name, lambda: _opened(own), "slmsuite")
        )
        try:
            return cls(request, library)
        except BaseException:
            library.handle.close()
            raise

    def identity(self) -> Identity:
        """Return slmsuite's class of the panel and the name it gives it."""
        self._check_open()
        family, model = self._model.split(".")
        return Identity(family, model, str(self._panel.name))

    def shown_at_seconds(self) -> float | None:
        """Return when the latest frame is on and settled, at the latest, on the bench's clock."""
        self._check_open()
        return self._shown_at

    def wait_until_settled(self, timeout_seconds: float) -> None:
        """Return when the latest frame is on and settled."""
        self._check_open()
        if self._shown_at is None:
            return
        left = self._shown_at - self._clock.now()
        self._clock.wait(max(0.0, min(left, timeout_seconds)))
        if left > timeout_seconds:
            raise InstrumentTimeoutError(
                f"{self.name}: settling takes {left:.3g} s and was given {timeout_seconds:g} s; "
                "wait longer"
            )

    def _send(self, frame: Frame) -> None:
        # A copy: slmsuite and some of the libraries below keep what they are given.
        self._panel.set_phase(np.array(frame), settle=False)
        self._shown_at = self._clock.now() + self.refresh_seconds + self.settling_seconds

    def _go_safe(self) -> None:
        self._panel.set_phase(self._dark_frame(), settle=False)

    def _release(self) -> None:
        self._panel.close()


def _opened(own: SlmsuitePanelSettings) -> SlmsuiteLibrary:
    family, name = own.panel.split(".")
    module = importlib.import_module(f"slmsuite.hardware.slms.{family}")
    if not hasattr(module, name):
        raise InstrumentError(f"slmsuite.hardware.slms.{family} has no panel '{name}'")
    opened: SlmsuiteLibrary = getattr(module, name)(**own.arguments)
    return opened
