"""Simulated liquid-crystal panel."""

from __future__ import annotations

import math
from typing import Any, ClassVar, Self

import numpy as np

from instruments.errors import InstrumentError
from instruments.interfaces.block_geometry import BlockGeometry
from instruments.interfaces.spatial_light_modulator import BlockPattern, Frame, expand_blocks
from instruments.limits import Limit, check_array, check_shape
from instruments.opening import OpeningRequest
from sim_backends.simulated.settings import SpatialLightModulatorSettings
from sim_backends.simulated.simulated_instrument import SimulatedInstrument
from sim_backends.twin.pixel_panel import PixelPanel


class SimulatedSpatialLightModulator(SimulatedInstrument):
    """A panel that holds the weights of one stage of a twin.

    Block patterns that lie on the stage's own raster go to the twin as they are, a look-up for
    every block. Any other frame, and with the setting ``faithful`` every one, is worked out from
    its pixels. A frame appears at the next refresh and then needs its time to settle.

    A panel that holds no weights keeps its promises in the dark.
    """

    kind: ClassVar[str] = "spatial_light_modulator"
    Settings: ClassVar[type[SpatialLightModulatorSettings]] = SpatialLightModulatorSettings

    def __init__(self, request: OpeningRequest[SpatialLightModulatorSettings]) -> None:
        own = request.settings
        levels = 2**own.bit_depth
        super().__init__(request, {"level": Limit(0, levels - 1, "grey levels")})
        self.rows = own.rows
        self.columns = own.columns
        self.bit_depth = own.bit_depth
        self.levels_per_wave = own.levels_per_wave
        self.refresh_seconds = own.refresh
        self.settling_seconds = own.settling
        self.faithful = own.faithful
        self._has_steps = self.twin.imperfections.panels.quantised
        if own.bit_depth == 0 and (self._has_steps or own.faithful):
            raise InstrumentError(
                f"{self.name}: a bit_depth of 0 is a panel without steps; it needs "
                "twin.panels.quantised = false and cannot be faithful to pixels"
            )
        shape = (own.rows, own.columns)
        self._frame: Frame = (
            np.zeros(shape, np.uint8) if own.bit_depth <= 8 else np.zeros(shape, np.uint16)
        )
        self._latency_seconds = own.latency
        self._appears_at: float | None = None
        self._shown_at: float | None = None
        self._raster: BlockGeometry | None = None
        self._period = 0
        for stage in request.bench.stages.values():
            if stage.weights == self.name:
                self._raster = stage.blocks.geometry
                self._period = stage.blocks.period
        self._pixels: PixelPanel | None = None

    @classmethod
    def open(cls, request: OpeningRequest[Any]) -> Self:
        """Return the panel, dark.

        Raises
        ------
        InstrumentError
            If a panel without steps is asked for in a twin whose panels have them.
        """
        return cls(request)

    def show_frame(self, frame: Frame) -> None:
        """Show grey levels ``[rows, columns]``; errors as of the interface."""
        self._check_open()
        check_shape(self.name, "frame", frame, (self.rows, self.columns))
        if self.bit_depth == 0 or frame.dtype != self._frame.dtype:
            wanted = self._frame.dtype if self.bit_depth else "float32 block patterns"
            raise InstrumentError(f"{self.name}: frame of {frame.dtype} given; it shows {wanted}")
        limit = self._limits["level"]
        if limit.low > 0 or limit.high < np.iinfo(frame.dtype).max:
            check_array(self.name, "level", frame, limit)
        self._show_pixels(frame)

    def show_blocks(self, pattern: BlockPattern) -> None:
        """Show a block pattern; errors as of ``BlockPattern.check``."""
        self._check_open()
        pattern.check(self.name, self.rows, self.columns, self.bit_depth)
        limit = self._limits["level"]
        if limit.low > 0 or limit.high < 2**self.bit_depth - 1:
            check_array(self.name, "level", expand_blocks(pattern, self._frame), limit)
        if not self.faithful and self._is_own_raster(pattern):
            moment = self._next_refresh()
            depth, offset = pattern.depth_levels, pattern.offset_levels
            if not self._has_steps and self.bit_depth:
                scale = np.float32(1 / self.levels_per_wave)
                self.twin.show(self.name, depth * scale, offset * scale, moment)
            else:
                self.twin.show(self.name, depth, offset, moment)
            return
        if self.bit_depth == 0:
            raise InstrumentError(
                f"{self.name}: a panel without steps shows the stage's own raster of blocks only"
            )
        self._show_pixels(expand_blocks(pattern, self._frame))

    def shown_at_seconds(self) -> float | None:
        """Return when the latest frame is on and settled, on the twin's clock."""
        self._check_open()
        return self._shown_at

    def wait_until_settled(self, timeout_seconds: float) -> None:
        """Let the twin's time pass until the latest frame stands still."""
        self._check_open()
        if self._shown_at is not None:
            self._wait_until(self._shown_at, timeout_seconds, "settling")

    def appears_at_seconds(self) -> float | None:
        """Return at which refresh the latest frame appears; its light follows after the latency."""
        self._check_open()
        return self._appears_at

    def wait_until_it_appears(self, timeout_seconds: float) -> None:
        """Let the twin's time pass until the refresh of the latest frame."""
        self._check_open()
        if self._appears_at is not None:
            self._wait_until(self._appears_at, timeout_seconds, "the next refresh")

    def _is_own_raster(self, pattern: BlockPattern) -> bool:
        return (
            pattern.geometry == self._raster
            and pattern.grating_period == self._period
            and pattern.grating_axis == "columns"
            and (self.bit_depth == 0 or pattern.levels_per_wave == self.levels_per_wave)
        )

    def _show_pixels(self, frame: Frame) -> None:
        moment = self._next_refresh()
        if self._raster is None:
            return
        if self._pixels is None:
            truth = self.twin.panel_truth(self.name)
            self._pixels = PixelPanel(truth, self._raster, 2**self.bit_depth)
        self.twin.show_coefficients(self.name, *self._pixels.coefficients(frame), moment)

    def _next_refresh(self) -> float:
        """Return when a frame sent now changes the light, and note when it will stand still."""
        moment = self._clock.now()
        if self.refresh_seconds:
            moment = self.refresh_seconds * math.ceil(moment / self.refresh_seconds)
        self._appears_at = moment
        self._shown_at = moment + self._latency_seconds + self.settling_seconds
        return moment + self._latency_seconds

    def _go_safe(self) -> None:
        if self._raster is not None:
            self.twin.darken(self.name)
