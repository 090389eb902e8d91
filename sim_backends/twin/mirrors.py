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

    Attributes
    ----------
    shift, magnification
        Of the blocks' image on the columns of the panel it lights: block ``i`` of ``n`` falls on
        ``p_i = (1 + magnification) (i - (n - 1) / 2) + (n - 1) / 2 + shift``, in columns.
    """

    def __init__(
        self,
        layout: MirrorLayout,
        imperfections: MirrorImperfections,
        generator: np.random.Generator,
        alignment: np.random.Generator,
    ) -> None:
        own = imperfections
        count = layout.channels
        gain = 1 + own.illumination_spread * generator.normal(size=count)
        phase = own.wavefront * generator.normal(size=count)
        full = layout.field_at_full / layout.largest_share
        self.block_fields = (full * gain * np.exp(1j * phase)).astype(np.complex64)
        self.contrast = np.float32(1 - own.leakage)
        self.left_when_off = np.float32(0 if layout.has_carrier else own.leakage)
        self.shift = own.image_shift * float(alignment.normal())
        self.magnification = own.image_magnification * float(alignment.normal())
        self._onto_columns = _onto_columns(count, self.shift, self.magnification)

    def field(self, shares: Complexes) -> Complexes:
        """Return the fields ``[B, n]`` behind blocks that ideally send on ``shares`` of them."""
        fields: Complexes = (shares * self.contrast + self.left_when_off) * self.block_fields
        return fields

    def imaged(self, field: Floats) -> Floats:
        """Return the light ``[1 or 2, B, n]`` on the columns that the blocks' image falls on."""
        if not self.shift and not self.magnification:
            return field
        imaged: Floats = field @ self._onto_columns
        return imaged


def _onto_columns(count: int, shift: float, magnification: float) -> Floats:
    """Return the share of each block's light that falls on each column, ``[blocks, columns]``.

    Light is even over a block's image, and a column adds up what falls on it; what falls beside
    the panel is lost.
    """
    middle = (count - 1) / 2
    size = 1 + magnification
    columns = np.arange(count)
    places = (size * (columns - middle) + middle + shift)[:, np.newaxis]
    last = np.minimum(places + size / 2, columns + 0.5)
    first = np.maximum(places - size / 2, columns - 0.5)
    shares: Floats = (np.maximum(last - first, 0) / size).astype(np.float32)
    return shares
