"""Tables of whatever turns numbers into light: modulators and mirror devices.

Both say how to drive a device for given fields (``encode``), what fields a drive gives
(``decode``), what is darkest (``dark_drive``) and how far each channel reaches. A drive is one
number a channel and shot: volts, or mirrors.
"""

from __future__ import annotations

from typing import TypeAlias

from instruments.calibration.encoder import EncoderTable
from instruments.calibration.mirror_encoder import MirrorEncoderTable

FieldEncoder: TypeAlias = EncoderTable | MirrorEncoderTable
