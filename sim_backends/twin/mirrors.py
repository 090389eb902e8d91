"""The hidden truth of a mirror device: what light its blocks really send on."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sim_backends.twin.imperfections import MirrorImperfections
from sim_backends.twin.layout import MirrorLayout

Complexes = npt.NDArray[np.complex64]
Floats = npt.NDArray[np.float32]


class MirrorTruth:
    """Blocks of mirrors as they are.

    Mirrors that are off send ``leakage`` of their field on. Even over a block, that is light of the
    order without a carrier, where it stays; none of it goes into the first order of a carrier,
    which only becomes weaker by it. The light on the device is not even, and mirrors do not lie in
    one plane: each block has a gain and a phase of its own.
    """

    def __init__(
        self,
        layout: MirrorLayout,
        imperfections: MirrorImperfections,
        generator: np.random.Generator,
    ) -> None:
        own = imperfections
        count = layout.channels
        gain = 1 + own.illumination_spread * generator.normal(size=count)
        phase = own.wavefront * generator.normal(size=count)
        full = layout.field_at_full / layout.largest_share
        self.block_fields = (full * gain * np.exp(1j * phase)).astype(np.complex64)
        self.contrast = np.float32(1 - own.leakage)
        self.left_when_off = np.float32(0 if layout.has_carrier else own.leakage)

    def field(self, shares: Complexes) -> Complexes:
        """Return the fields ``[B, n]`` behind blocks that ideally send on ``shares`` of them."""
        fields: Complexes = (shares * self.contrast + self.left_when_off) * self.block_fields
        return fields
